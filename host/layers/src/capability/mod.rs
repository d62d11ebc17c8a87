//! What a plugin may be able to do, as its manifest declares it.
//!
//! This is plain data; its meaning (preopened directories, allowed tool calls) is the runtime's.

pub(crate) mod address;
pub(crate) mod tool;

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use skiff_text::Line;

use self::address::Address;
use self::tool::ToolCapability;

/// The reason for a capability: a sentence that the user reads before agreeing.
pub type Why = Line<240>;

/// Characters of a pattern of arguments.
pub(crate) const MAX_PATTERN: usize = 160;

/// Patterns of one tool.
const MAX_PATTERNS: usize = 64;

/// Bytes of a path in a zone.
const MAX_PATH: usize = 128;

/// One power that a plugin asks for. The list is closed: an unknown word in a manifest is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capability {
    /// Access to files.
    Files(Access),
    /// Running one program of the host.
    Tool(ToolCapability),
    /// Having the host download files whose digests are known.
    Fetch(Address),
    /// Being told an environment variable of the user's, as the value of a command's argument. Declared by naming
    /// it there.
    Variable {
        /// Its name.
        name: String,
        /// What the argument is for.
        why: Why,
    },
}

/// Access to a directory inside a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The zone.
    pub zone: Zone,
    /// The directory in it, relative and without `..`; empty for the whole zone.
    pub path: String,
    /// Whether files may be changed.
    pub write: bool,
    /// The reason that the user is shown.
    pub why: Why,
}

/// A tree of files that the host knows by name. A guest sees it as a directory of that name under `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Zone {
    /// `/layer`: the directory of the layer that ships the plugin.
    Layer,
    /// `/layers/<n>`: the same directory of every layer of the plan, in merge order.
    Layers,
    /// `/target`: the root file system being built.
    Target,
    /// `/images`: the finished images.
    Images,
    /// `/state`: a directory of the workspace that only this plugin uses and that stays between runs.
    State,
}

impl Zone {
    /// Returns whether a plugin can be allowed to write there at all.
    pub fn writable(self) -> bool {
        match self {
            Self::Layer | Self::Layers => false,
            Self::Target | Self::Images | Self::State => true,
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Layer => "layer",
            Self::Layers => "layers",
            Self::Target => "target",
            Self::Images => "images",
            Self::State => "state",
        })
    }
}

impl Capability {
    /// Returns the reason that the manifest gives.
    pub fn why(&self) -> &str {
        match self {
            Self::Files(access) => &access.why,
            Self::Tool(tool) => &tool.why,
            Self::Fetch(address) => &address.why,
            Self::Variable { why, .. } => why,
        }
    }
}

impl fmt::Display for Capability {
    /// Writes the name under which the capability is granted: `read:layers/resources/docker`,
    /// `write:target/etc/docker`, `tool:mkimage`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(access) => {
                let verb = if access.write { "write" } else { "read" };
                write!(f, "{verb}:{}", access.zone)?;
                if !access.path.is_empty() {
                    write!(f, "/{}", access.path)?;
                }
                Ok(())
            }
            Self::Tool(tool) => write!(f, "tool:{}", tool.program),
            Self::Fetch(address) => write!(f, "fetch:{}", address.url),
            Self::Variable { name, .. } => write!(f, "variable:{name}"),
        }
    }
}

/// The manifest's form: exactly one of `read`, `write`, `tool` and `fetch`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Capability")]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCapability {
    /// A zone whose files may be read.
    read: Option<Zone>,
    /// A zone whose files may be changed.
    write: Option<Zone>,
    /// The bare name of a program of the host that may be run.
    tool: Option<String>,
    /// Where the host may download from: a whole URL, or the start of one, ending in `/`.
    fetch: Option<String>,
    /// For `read` and `write`: the directory of the zone that is meant, instead of all of it.
    #[serde(default)]
    path: Option<String>,
    /// For `tool`: the groups of arguments that may be used, such as `-d {path:images}`.
    #[serde(default, deserialize_with = "tool::written_patterns")]
    #[schemars(with = "Vec<Line<MAX_PATTERN>>")]
    arguments: Vec<Line<MAX_PATTERN>>,
    /// For `tool`: whether it may be connected to the user's terminal.
    #[serde(default)]
    terminal: bool,
    /// For `tool`: seconds after which a run without terminal is ended (60).
    #[serde(default)]
    timeout_s: Option<u32>,
    /// What the plugin needs it for. The user reads this before agreeing.
    why: Why,
}

impl RawCapability {
    pub(crate) fn check(self) -> Result<Capability, String> {
        if !self.why.chars().any(char::is_alphanumeric) {
            return Err("`why` needs a reason in words".into());
        }
        if self.arguments.len() > MAX_PATTERNS {
            return Err(format!("a tool has at most {MAX_PATTERNS} patterns in `arguments`"));
        }
        let for_tool = !self.arguments.is_empty() || self.terminal || self.timeout_s.is_some();
        if for_tool && self.tool.is_none() {
            return Err("`arguments`, `terminal` and `timeout_s` belong to a `tool`".into());
        }
        if self.path.is_some() && self.read.is_none() && self.write.is_none() {
            return Err("`path` belongs to `read` and `write`".into());
        }
        match (self.read, self.write, self.tool, self.fetch) {
            (Some(zone), None, None, None) => files(zone, self.path, false, self.why),
            (None, Some(zone), None, None) => files(zone, self.path, true, self.why),
            (None, None, Some(program), None) => {
                ToolCapability::new(program, &self.arguments, self.terminal, self.timeout_s, self.why)
                    .map(Capability::Tool)
            }
            (None, None, None, Some(url)) => Address::new(url, self.why).map(Capability::Fetch),
            _ => Err("a capability is exactly one of `read`, `write`, `tool` and `fetch`".into()),
        }
    }
}

fn files(zone: Zone, path: Option<String>, write: bool, why: Why) -> Result<Capability, String> {
    if write && !zone.writable() {
        return Err(format!("nobody may write to the zone `{zone}`"));
    }
    let path = path.unwrap_or_default();
    if path.len() > MAX_PATH {
        return Err(format!("a path of more than {MAX_PATH} bytes does not fit into the question to the user"));
    }
    if !is_inner_path(&path) {
        return Err(format!("`{path}` is not a relative path of plain characters without `.`, `..` and empty parts"));
    }
    Ok(Capability::Files(Access { zone, path, write, why }))
}

/// Returns whether a path can only lead inside, and can stand in a command line as it is: relative, no `.` or
/// `..`, no empty part, plain characters.
fn is_inner_path(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._+@-/".contains(&b);
    path.is_empty() || path.split('/').all(|part| !matches!(part, "" | "." | "..")) && path.bytes().all(plain)
}
