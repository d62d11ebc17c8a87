//! Reading a command line: options whose values mean nothing are refused here.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::CommandFactory as _;
use clap::FromArgMatches as _;
use clap::error::ContextKind;
use clap::error::ContextValue;
use clap::parser::ValueSource;
use skiff_layers::LayerName;
use skiff_plan::Workspace;

use super::Args;
use super::CmdArgs;
use super::Command;
use super::GlobalArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;

/// The options of all commands that take a value, each with an example.
const OPTIONS: [(&str, &str); 6] = [
    ("config", "-c virt/qemu"),
    ("workspace", "-w boat"),
    ("root", "--root ~/skiff"),
    ("engine", "--engine buildroot"),
    ("allow", "--allow acme/board/flasher=all"),
    ("grants", "--grants ci.yaml"),
];

/// Why a command line is not carried out.
pub(crate) enum Unread {
    /// It is not one of skiff's, or it asks for help, which clap prints.
    Clap(clap::Error),
    /// An option has a value that means nothing.
    Value(CommandError),
}

impl Args {
    /// Reads a command line.
    ///
    /// An option has a value; a variable that is set to nothing counts as one that is not set, as in SkiffOS.
    ///
    /// # Errors
    /// [`Unread`], also if help or the version is asked for.
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Unread> {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        if let Some(args) = CommandOnly::read(&arguments) {
            return Ok(args);
        }
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(arguments).map_err(Unread::Clap)?;
        check(&matches).map_err(Unread::Value)?;
        Self::from_arg_matches(&matches).map_err(|error| Unread::Clap(error.format(&mut command)))
    }
}

/// A command line with `skiff cmd`, and nothing else. To make the parser of all commands takes longer than to call a plugin.
#[derive(clap::Parser)]
#[command(name = "skiff", version)]
struct CommandOnly {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Only,
}

#[derive(clap::Subcommand)]
enum Only {
    #[command(disable_help_flag = true)]
    Cmd(CmdArgs),
}

impl CommandOnly {
    /// Reads such a command line. What is wrong with it, the parser of all commands says.
    fn read(arguments: &[OsString]) -> Option<Args> {
        if !arguments.iter().any(|argument| argument == "cmd") {
            return None;
        }
        let matches = Self::command().try_get_matches_from(arguments).ok()?;
        check(&matches).ok()?;
        let Self { global, command: Only::Cmd(args) } = Self::from_arg_matches(&matches).ok()?;
        Some(Args { global, command: Some(Command::Cmd(args)) })
    }
}

/// Returns a hint for a chain where no argument is expected: `skiff build virt/qemu`.
pub(crate) fn hint(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else { return None };
    let is_chain = word.contains('/') && word.split(',').all(|name| name.parse::<LayerName>().is_ok());
    is_chain.then(|| format!("a chain is named with -c: skiff -c {word} build"))
}

fn check(matches: &ArgMatches) -> Result<(), CommandError> {
    let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    for (id, example) in OPTIONS.into_iter().filter(|(id, _)| typed(id)) {
        let mut values = matches.get_raw(id).into_iter().flatten();
        if values.all(|value| value.to_string_lossy().trim().is_empty()) {
            return Err(CommandError::new(Kind::Usage, format!("the value of --{id} is empty"))
                .hint(format!("such as: skiff {example} …; leave the option out for the default")));
        }
    }
    match matches.get_one::<String>("workspace").filter(|_| typed("workspace")) {
        Some(name) => Workspace::exact(PathBuf::new(), name).map(drop).map_err(CommandError::from),
        None => Ok(()),
    }
}
