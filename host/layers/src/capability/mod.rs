//! What a plugin may be able to do, as its manifest declares it.
//!
//! This is plain data; its meaning (preopened folders, allowed tool calls) is the runtime's.

pub(crate) mod tool;

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

use self::tool::ToolCapability;

/// One power that a plugin asks for. The list is closed: an unknown word in a manifest is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capability {
    /// Access to files.
    Files(Access),
    /// Running one program of the host.
    Tool(ToolCapability),
    /// Being told an environment variable of the user's, as the value of a command's argument. Declared by naming
    /// it there.
    Variable {
        /// Its name.
        name: String,
        /// What the argument is for.
        why: String,
    },
}

/// Access to a folder inside a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The zone.
    pub zone: Zone,
    /// The folder in it, relative and without `..`; empty for the whole zone.
    pub path: String,
    /// Whether files may be changed.
    pub write: bool,
    /// The reason that the user is shown.
    pub why: String,
}

/// A tree of files that the host knows by name. A guest sees it as a folder of that name under `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Zone {
    /// `/layer`: the folder of the layer that ships the plugin.
    Layer,
    /// `/layers/<n>`: the same folder of every layer of the plan, in merge order.
    Layers,
    /// `/target`: the root file system being built.
    Target,
    /// `/images`: the finished images.
    Images,
    /// `/state`: a folder of the workspace that only this plugin uses and that stays between runs.
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
            Self::Variable { name, .. } => write!(f, "variable:{name}"),
        }
    }
}

/// The manifest's form: exactly one of `read`, `write` and `tool`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCapability {
    read: Option<Zone>,
    write: Option<Zone>,
    tool: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    arguments: Vec<String>,
    #[serde(default)]
    terminal: bool,
    #[serde(default)]
    timeout_s: Option<u32>,
    why: String,
}

impl RawCapability {
    pub(crate) fn why(&self) -> &str {
        &self.why
    }

    pub(crate) fn check(self) -> Result<Capability, String> {
        if self.why.trim().is_empty() {
            return Err("every capability needs a reason in `why`".into());
        }
        match (self.read, self.write, &self.tool) {
            (Some(_), None, None) | (None, Some(_), None) => self.files(),
            (None, None, Some(_)) => self.tool(),
            _ => Err("a capability is exactly one of `read`, `write` and `tool`".into()),
        }
    }

    fn files(self) -> Result<Capability, String> {
        if !self.arguments.is_empty() || self.terminal || self.timeout_s.is_some() {
            return Err("`arguments`, `terminal` and `timeout_s` belong to a `tool`".into());
        }
        let write = self.write.is_some();
        let Some(zone) = self.read.or(self.write) else { return Err("no zone".into()) };
        if write && !zone.writable() {
            return Err(format!("nobody may write to the zone `{zone}`"));
        }
        let path = self.path.unwrap_or_default();
        if !is_inner_path(&path) {
            return Err(format!(
                "`{path}` is not a relative path of plain characters without `.`, `..` and empty parts"
            ));
        }
        Ok(Capability::Files(Access { zone, path, write, why: self.why }))
    }

    fn tool(self) -> Result<Capability, String> {
        if self.path.is_some() {
            return Err("`path` belongs to `read` and `write`".into());
        }
        let program = self.tool.unwrap_or_default();
        ToolCapability::new(program, &self.arguments, self.terminal, self.timeout_s, self.why).map(Capability::Tool)
    }
}

/// Returns whether a path can only lead inside, and can stand in a command line as it is: relative, no `.` or
/// `..`, no empty part, plain characters.
fn is_inner_path(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._+@-/".contains(&b);
    path.is_empty() || path.split('/').all(|part| !matches!(part, "" | "." | "..")) && path.bytes().all(plain)
}
