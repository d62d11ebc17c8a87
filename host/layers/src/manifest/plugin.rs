use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use schemars::JsonSchema;
use semver::Version;
use semver::VersionReq;
use serde::Deserialize;
use serde::Serialize;
use skiff_text::Line;

use super::BoardDecl;
use super::Source;
use super::Wrong;
use super::board::RawBoard;
use super::most;
use crate::ArgumentKind;
use crate::Capability;
use crate::CommandDecl;
use crate::Location;
use crate::PatternPiece;
use crate::Variable;
use crate::capability::RawCapability;
use crate::capability::is_declarable;
use crate::name::is_name_part;

/// A plugin as its layer declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginDecl {
    /// Its name, unique in the layer.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The component file, absolute.
    pub component: PathBuf,
    /// Whether that file was there when the layer was read. The text of a manifest alone does not say it.
    pub is_built: bool,
    /// The versions of the interface `skiff:plugin` that it speaks.
    pub interface: VersionReq,
    /// The stages at which it wants to be called.
    pub hooks: Vec<Stage>,
    /// The commands that it provides.
    pub commands: Vec<CommandDecl>,
    /// What it is asked for where it knows the medium of a board.
    pub board: Option<BoardDecl>,
    /// What it needs to be able to do.
    pub capabilities: Vec<Capability>,
    /// What it may use up.
    pub limits: Limits,
    /// Whether other layers may use it. It works for those only, not for the layer that ships it.
    pub shared: bool,
    /// What the layer for which it works tells it.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Where the manifest names the component, for messages.
    pub manifest: Location,
}

/// A point of the build at which hooks are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// A plan is being made: what the plugin contributes is merged into the configuration.
    Configure,
    /// The target tree is complete, the images are not made yet.
    Pre,
    /// The images are made.
    Post,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Configure => "configure",
            Self::Pre => "pre",
            Self::Post => "post",
        })
    }
}

/// What one call of a plugin may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Memory in MiB (1 to 1024).
    #[schemars(range(min = 1, max = 1024))]
    pub memory_mib: u32,
    /// Seconds of its own work (1 to 3600); the time of the tools that it runs is not counted.
    #[schemars(range(min = 1, max = 3600))]
    pub time_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_mib: 64, time_s: 30 }
    }
}

/// A plugin.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Plugin")]
#[serde(deny_unknown_fields)]
pub(super) struct RawPlugin {
    /// Its name, unique in the layer: letters, digits, `_`, `-`, `.`.
    name: String,
    /// Its version, as semver has it.
    #[schemars(with = "String")]
    version: Version,
    /// The component's file, relative to the layer.
    component: String,
    /// The versions of the interface `skiff:plugin` that it speaks: `^1.0`.
    #[schemars(with = "String")]
    interface: VersionReq,
    /// The stages at which it wants to be called.
    #[serde(default)]
    hooks: Vec<Stage>,
    /// The commands that it provides: `skiff cmd <layer> <name>`.
    #[serde(default)]
    commands: Vec<CommandDecl>,
    /// Whether it proposes the layout of a board's medium: `true`, or where users say what the medium is.
    #[serde(default)]
    board: RawBoard,
    /// Whether other layers may use it (`uses:`). It works for those only, not for the layer that ships it.
    #[serde(default)]
    shared: bool,
    /// What it needs to be able to do. There is nothing else that it can do.
    #[serde(default)]
    capabilities: Vec<RawCapability>,
    /// What one call may use up.
    #[serde(default)]
    limits: Limits,
    /// What the layer tells the plugin: whatever the plugin understands. A layer that uses it can replace each key.
    #[serde(default)]
    settings: serde_json::Map<String, serde_json::Value>,
}

impl RawPlugin {
    pub(super) fn check(self, source: &Source<'_>) -> Result<PluginDecl, Wrong> {
        let Self { name, version, component, interface, hooks, commands, .. } = self;
        if !is_name_part(&name) {
            return Err(Wrong::new(&name, format!("`{name}` is not a plugin name (letters, digits, `_`, `-`, `.`)")));
        }
        if version.to_string().len() > MAX_VERSION {
            return Err(Wrong::new(
                "version",
                format!("plugin `{name}`: a version has at most {MAX_VERSION} characters"),
            ));
        }
        let board = self.board.check()?;
        if hooks.is_empty() && commands.is_empty() && board.is_none() {
            return Err(Wrong::new(&name, format!("plugin `{name}` provides neither hooks nor commands nor a board")));
        }
        if component.starts_with('/') || component.split('/').any(|part| part == "..") {
            return Err(Wrong::new(&component, format!("component `{component}` is not inside the layer")));
        }
        self.limits.check()?;
        most(&name, "commands", commands.len(), MAX_COMMANDS)?;
        commands.iter().try_for_each(check_command)?;
        let mut capabilities = self
            .capabilities
            .iter()
            .map(RawCapability::check)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|message| Wrong::new("capabilities", format!("plugin `{name}`: {message}")))?;
        check_tools(&name, &capabilities, &commands)?;
        capabilities.extend(variables(&commands)?);
        most(&name, "capabilities", capabilities.len(), MAX_CAPABILITIES)?;
        Ok(PluginDecl {
            manifest: Location { file: source.path.to_owned(), line: source.line_of(&component) },
            component: source.root.join(component),
            is_built: false,
            name,
            version,
            interface,
            hooks,
            commands,
            board,
            capabilities,
            limits: self.limits,
            shared: self.shared,
            settings: self.settings,
        })
    }
}

impl Limits {
    fn check(self) -> Result<(), Wrong> {
        if !(1..=1024).contains(&self.memory_mib) {
            return Err(Wrong::new("memory_mib", "`memory_mib` is 1 to 1024"));
        }
        if !(1..=3600).contains(&self.time_s) {
            return Err(Wrong::new("time_s", "`time_s` is 1 to 3600"));
        }
        Ok(())
    }
}

/// Commands of a plugin, arguments of a command and choices of an argument: what fits onto screens.
const MAX_COMMANDS: usize = 64;
const MAX_ARGUMENTS: usize = 64;

/// Characters of a version, which stands in questions and lists.
const MAX_VERSION: usize = 64;

/// Capabilities of a plugin. The user reads all of them before agreeing.
const MAX_CAPABILITIES: usize = 40;

/// A call must find one declaration of a tool, and a pattern an argument that is there.
fn check_tools(plugin: &str, capabilities: &[Capability], commands: &[CommandDecl]) -> Result<(), Wrong> {
    let mut programs = BTreeSet::new();
    for capability in capabilities {
        let Capability::Tool(tool) = capability else { continue };
        if !programs.insert(&tool.program) {
            return Err(Wrong::new(
                &tool.program,
                format!("plugin `{plugin}` declares the tool `{}` twice", tool.program),
            ));
        }
        for piece in tool.arguments.iter().flat_map(|pattern| pattern.words.iter().flatten()) {
            let known = |name: &str| commands.iter().flat_map(|c| &c.arguments).any(|argument| argument.name == name);
            if let PatternPiece::Given(name) = piece
                && !known(name)
            {
                let message = format!("no command of plugin `{plugin}` has the argument of `{{given:{name}}}`");
                return Err(Wrong::new(name, message));
            }
        }
    }
    Ok(())
}

/// The variables that arguments are taken from, each once.
fn variables(commands: &[CommandDecl]) -> Result<Vec<Capability>, Wrong> {
    let mut found = BTreeMap::new();
    for argument in commands.iter().flat_map(|command| &command.arguments) {
        if let Some(name) = &argument.env {
            let why = Line::new(&format!("for --{}: {}", argument.name, argument.help));
            found.entry(name.clone()).or_insert(why.map_err(|error| Wrong::new(name, error.to_string()))?);
        }
    }
    Ok(found.into_iter().map(|(name, why)| Capability::Variable(Variable { name, why })).collect())
}

fn check_command(command: &CommandDecl) -> Result<(), Wrong> {
    let wrong = |message: String| Err(Wrong::new(&command.name, format!("command `{}`: {message}", command.name)));
    if !is_name_part(&command.name) {
        return wrong("a name is letters, digits, `_`, `-` and `.`".into());
    }
    most(&command.name, "arguments", command.arguments.len(), MAX_ARGUMENTS)?;
    let mut names = BTreeSet::new();
    for argument in &command.arguments {
        most(&argument.name, "choices", argument.choices.len(), MAX_ARGUMENTS)?;
        if let Some(name) = argument.env.as_ref().filter(|name| !is_declarable(name)) {
            return wrong(format!("`{name}` cannot be the name of a variable"));
        }
        if !is_name_part(&argument.name) || matches!(argument.name.as_str(), "help" | "version") {
            return wrong(format!("`{}` cannot be the name of an argument", argument.name));
        }
        if !names.insert(&argument.name) {
            return wrong(format!("two arguments are called `{}`", argument.name));
        }
        if (argument.kind == ArgumentKind::Choice) == argument.choices.is_empty() {
            return wrong(format!("argument `{}`: `choices` belong to kind `choice`, and to no other", argument.name));
        }
    }
    Ok(())
}
