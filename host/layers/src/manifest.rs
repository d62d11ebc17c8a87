//! `metadata/plugins.yaml`: the plugins that a layer ships.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use schemars::JsonSchema;
use semver::Version;
use semver::VersionReq;
use serde::Deserialize;
use serde::Serialize;
use skiff_text::Line;

use crate::ArgumentKind;
use crate::Capability;
use crate::CommandDecl;
use crate::LayerDir;
use crate::Location;
use crate::PatternPiece;
use crate::ReadError;
use crate::capability::RawCapability;
use crate::metadata::MAX_METADATA;
use crate::name::is_name_part;
use crate::yaml::parse_yaml;

/// The file, relative to the layer.
pub(crate) const FILE: &str = "metadata/plugins.yaml";

/// The only version of the manifest's shape so far.
const SCHEMA: u32 = 1;

/// A plugin as its layer declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginDecl {
    /// Its name, unique in the layer.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The component file, absolute.
    pub component: PathBuf,
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
    /// What the layer tells it.
    pub settings: serde_json::Value,
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

/// Where users of a board say what its medium is. The commands `format`, `install`, `rollback` and `buildimage` are skiff's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Board")]
#[serde(deny_unknown_fields, default)]
pub struct BoardDecl {
    /// The variable of the environment that names the device: `PI_SD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The variable that names the image file that `buildimage` makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The size of that image where nobody says another: `1536MiB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_size: Option<String>,
}

/// `board:` as it is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum RawBoard {
    Plain(bool),
    Told(BoardDecl),
}

impl Default for RawBoard {
    fn default() -> Self {
        Self::Plain(false)
    }
}

impl RawBoard {
    fn check(self) -> Result<Option<BoardDecl>, Wrong> {
        let decl = match self {
            Self::Plain(false) => return Ok(None),
            Self::Plain(true) => BoardDecl::default(),
            Self::Told(decl) => decl,
        };
        let is_variable = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
                && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        };
        if let Some(name) = [&decl.device, &decl.image].into_iter().flatten().find(|name| !is_variable(name)) {
            let message = format!("board: `{name}` is no variable (capital letters, digits, `_`)");
            return Err(Wrong::new(name, message));
        }
        Ok(Some(decl))
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

/// The part of a manifest that every schema has.
#[derive(Debug, Deserialize)]
struct Versioned {
    schema: u32,
}

/// `metadata/plugins.yaml` of a layer: the plugins that it ships, and what each needs to be able to do.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "plugins.yaml")]
#[serde(deny_unknown_fields)]
struct RawManifest {
    /// The version of this form: 1.
    #[serde(rename = "schema")]
    #[schemars(range(min = 1, max = 1))]
    _schema: u32,
    plugins: Vec<RawPlugin>,
}

/// A plugin.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Plugin")]
#[serde(deny_unknown_fields)]
struct RawPlugin {
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
    /// What it needs to be able to do. There is nothing else that it can do.
    #[serde(default)]
    capabilities: Vec<RawCapability>,
    /// What one call may use up.
    #[serde(default)]
    limits: Limits,
    /// What the layer tells the plugin: whatever the plugin understands.
    #[serde(default)]
    settings: serde_json::Map<String, serde_json::Value>,
}

/// Returns the JSON schema of manifests.
pub fn manifest_schema() -> serde_json::Value {
    schemars::schema_for!(RawManifest).to_value()
}

/// Reads the manifest of a layer; no manifest means no plugins.
pub(crate) fn read(dir: &LayerDir) -> Result<Vec<PluginDecl>, ReadError> {
    let Some(text) = dir.text(FILE, MAX_METADATA)? else { return Ok(Vec::new()) };
    let root = dir.path("");
    let plugins = parse_manifest(&root, &text)?;
    for plugin in &plugins {
        // A component that is a link out of the layer is not the layer's.
        dir.metadata(plugin.component.strip_prefix(&root).unwrap_or(&plugin.component))?;
    }
    Ok(plugins)
}

/// Reads the text of the manifest of the layer at `root`. Components are named, not opened.
///
/// # Errors
/// [`ReadError`] with the line that is wrong.
pub fn parse_manifest(root: &Path, text: &str) -> Result<Vec<PluginDecl>, ReadError> {
    let path = root.join(FILE);
    let manifest = Manifest { root, path: &path, text };
    let wrong_shape = |wrong: Wrong| ReadError::Manifest { at: manifest.locate(&wrong), message: wrong.message };
    // What else another schema holds is for another skiff to know.
    let Versioned { schema } = parse_yaml(&path, text)?;
    if schema != SCHEMA {
        let message = format!("schema {schema} is unknown; this skiff reads schema {SCHEMA}");
        return Err(wrong_shape(Wrong::new("schema", message)));
    }
    let raw = parse_yaml(&path, text)?;
    check(&manifest, raw).map_err(wrong_shape)
}

/// A manifest as it lies in its layer.
struct Manifest<'m> {
    root: &'m Path,
    path: &'m Path,
    text: &'m str,
}

impl Manifest<'_> {
    /// Finds the line that a complaint is about: the first with a word that the complaint quotes, or near it.
    fn locate(&self, wrong: &Wrong) -> Location {
        let quoted = wrong.message.split('`').skip(1).step_by(2).filter(|word| word.len() > 1).last();
        let line = quoted.and_then(|word| self.line_of(word)).or_else(|| self.line_of(&wrong.near));
        Location { file: self.path.to_owned(), line }
    }

    fn line_of(&self, word: &str) -> Option<usize> {
        (1..).zip(self.text.lines()).find(|(_, line)| line.contains(word)).map(|(number, _)| number)
    }
}

/// What is wrong, and a word near which it stands.
struct Wrong {
    near: String,
    message: String,
}

impl Wrong {
    fn new(near: impl Into<String>, message: impl Into<String>) -> Self {
        Self { near: near.into(), message: message.into() }
    }
}

fn check(manifest: &Manifest<'_>, raw: RawManifest) -> Result<Vec<PluginDecl>, Wrong> {
    let mut names = BTreeSet::new();
    let mut commands = BTreeSet::new();
    let mut plugins = Vec::new();
    most("plugins", "plugins", raw.plugins.len(), MAX_PLUGINS)?;
    for plugin in raw.plugins {
        most(&plugin.name, "commands", plugin.commands.len(), MAX_COMMANDS)?;
        if !names.insert(plugin.name.clone()) {
            return Err(Wrong::new(&plugin.name, format!("two plugins are called `{}`", plugin.name)));
        }
        for command in &plugin.commands {
            if !commands.insert(command.name.clone()) {
                return Err(Wrong::new(&command.name, format!("two commands are called `{}`", command.name)));
            }
        }
        plugins.push(check_plugin(manifest, plugin)?);
    }
    Ok(plugins)
}

fn check_plugin(manifest: &Manifest<'_>, raw: RawPlugin) -> Result<PluginDecl, Wrong> {
    let RawPlugin { name, version, component, interface, hooks, commands, board, capabilities, limits, settings } = raw;
    if !is_name_part(&name) {
        return Err(Wrong::new(&name, format!("`{name}` is not a plugin name (letters, digits, `_`, `-`, `.`)")));
    }
    let board = board.check()?;
    if hooks.is_empty() && commands.is_empty() && board.is_none() {
        return Err(Wrong::new(&name, format!("plugin `{name}` provides neither hooks nor commands nor a board")));
    }
    if component.starts_with('/') || component.split('/').any(|part| part == "..") {
        return Err(Wrong::new(&component, format!("component `{component}` is not inside the layer")));
    }
    if !(1..=1024).contains(&limits.memory_mib) {
        return Err(Wrong::new("memory_mib", "`memory_mib` is 1 to 1024"));
    }
    if !(1..=3600).contains(&limits.time_s) {
        return Err(Wrong::new("time_s", "`time_s` is 1 to 3600"));
    }
    commands.iter().try_for_each(check_command)?;
    let mut capabilities = capabilities
        .into_iter()
        .map(RawCapability::check)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|message| Wrong::new("capabilities", format!("plugin `{name}`: {message}")))?;
    check_tools(&name, &capabilities, &commands)?;
    capabilities.extend(variables(&commands)?);
    most(&name, "capabilities", capabilities.len(), MAX_CAPABILITIES)?;
    let at = Location { file: manifest.path.to_owned(), line: manifest.line_of(&component) };
    let (component, manifest) = (manifest.root.join(component), at);
    let settings = serde_json::Value::Object(settings);
    Ok(PluginDecl {
        name,
        version,
        component,
        interface,
        hooks,
        commands,
        board,
        capabilities,
        limits,
        settings,
        manifest,
    })
}

/// Plugins of a layer, commands of a plugin, arguments of a command and choices of an argument: what fits onto screens.
const MAX_PLUGINS: usize = 64;
const MAX_COMMANDS: usize = 64;
const MAX_ARGUMENTS: usize = 64;

/// Capabilities of a plugin. The user reads all of them before agreeing.
const MAX_CAPABILITIES: usize = 40;

fn most(near: &str, what: &str, count: usize, most: usize) -> Result<(), Wrong> {
    match count <= most {
        true => Ok(()),
        false => Err(Wrong::new(near, format!("{count} {what} are declared; at most {most} are accepted"))),
    }
}

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
    Ok(found.into_iter().map(|(name, why)| Capability::Variable { name, why }).collect())
}

/// POSIX.1-2017, chapter 8.1: letters, digits and `_`, not starting with a digit.
fn is_variable(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit())
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
        if let Some(name) = argument.env.as_ref().filter(|name| !is_variable(name)) {
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
