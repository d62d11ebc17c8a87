use serde::Serialize;

use crate::CommandDecl;
use crate::PluginDecl;

/// A command that a layer offers: `skiff cmd <package> <name>`. Help, completion, `status`, `show` and `plan --json` know
/// commands by this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerCommand {
    /// The word after the package's name.
    pub name: String,
    /// One line for help screens.
    #[serde(rename = "description")]
    pub summary: String,
    /// Who carries it out.
    pub kind: CommandKind,
}

/// Who carries out a command of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CommandKind {
    /// A plugin of the layer.
    Component,
    /// skiff itself, over what the layer's board plugin proposes.
    Board,
    /// A script of the layer: a target of its Makefile, as SkiffOS layers have them.
    Makefile,
}

/// A command that every layer with a board plugin offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoardCommand {
    /// `format`.
    Format,
    /// `install`.
    Install,
    /// `rollback`.
    Rollback,
    /// `buildimage`.
    BuildImage,
}

impl BoardCommand {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Format, Self::Install, Self::Rollback, Self::BuildImage];

    /// Returns the word that is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Install => "install",
            Self::Rollback => "rollback",
            Self::BuildImage => "buildimage",
        }
    }

    /// Returns the line for help screens.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Format => "Formats a medium and writes the system; everything on it is lost",
            Self::Install => "Updates the system on a formatted medium, and keeps files of users",
            Self::Rollback => "Rolls back to the system before the last install; a second time, forward again",
            Self::BuildImage => "Writes an image file of the medium",
        }
    }

    /// Finds a command by its word.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.name() == name)
    }
}

impl LayerCommand {
    /// Returns the line for lists, which says of scripts that they are scripts.
    pub fn described(&self) -> String {
        match self.kind {
            CommandKind::Makefile => format!("{} (a script)", self.summary),
            CommandKind::Component | CommandKind::Board => self.summary.clone(),
        }
    }
}

impl PluginDecl {
    /// Returns a command of its own by its name.
    pub fn command(&self, name: &str) -> Option<&CommandDecl> {
        self.commands.iter().find(|command| command.name == name)
    }

    /// Returns the commands that a layer offers through this plugin: its own, and for a board those of every board.
    pub fn offered(&self) -> Vec<LayerCommand> {
        let own = self.commands.iter().map(|command| LayerCommand {
            name: command.name.clone(),
            summary: command.summary.to_string(),
            kind: CommandKind::Component,
        });
        let boards = BoardCommand::ALL.into_iter().filter(|_| self.board.is_some());
        let of_board = boards.map(|command| LayerCommand {
            name: command.name().to_owned(),
            summary: command.summary().to_owned(),
            kind: CommandKind::Board,
        });
        own.chain(of_board).collect()
    }
}
