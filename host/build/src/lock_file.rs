//! `skiff.lock` of a workspace: exactly what its system is made of.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_yaml::Mapping;
use serde_yaml::Value;
use skiff_digest::DigestBuilder;
use skiff_plan::BuildPlan;
use skiff_plan::Workspace;

use crate::ENGINES;
use crate::EngineName;
use crate::FileError;
use crate::atomic::read_optional;
use crate::atomic::write_file;
use crate::lock_entry::LockEntry;
use crate::lock_entry::read_entry;
use skiff_text::Shown as _;

/// The only version of the file's shape so far.
const VERSION: u32 = 1;

/// Bytes that a lock may have: ten thousand packages.
const MAX_SIZE: usize = 4 << 20;

const HEADER: &str =
    "# What the system of this workspace is made of; `--locked` refuses anything else. Written by skiff.\n";

/// What a system is made of. Each part is there once something is known of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct LockFile {
    version: u32,
    /// The layers and plugins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<LockedSystem>,
    /// What engines lock, by the keys of their entries.
    #[serde(flatten)]
    entries: BTreeMap<&'static str, Value>,
}

/// What a lock file holds, whether it makes sense or not.
#[derive(Deserialize)]
struct Unchecked {
    version: u32,
    #[serde(default)]
    system: Option<LockedSystem>,
    #[serde(flatten)]
    others: Mapping,
}

impl TryFrom<Unchecked> for LockFile {
    type Error = String;

    fn try_from(unchecked: Unchecked) -> Result<Self, String> {
        let Unchecked { version, system, others } = unchecked;
        if version != VERSION {
            return Err(format!("version {version} is unknown"));
        }
        let mut entries = BTreeMap::new();
        for (key, value) in others {
            let name = key.as_str().unwrap_or_default();
            let own = |entry: &&LockEntry| entry.key == name || entry.old_keys.contains(&name);
            let entry = ENGINES.iter().map(|kind| &kind.lock).find(own);
            let entry = entry.ok_or_else(|| format!("unknown field `{name}`"))?;
            let value = if name == entry.key { Ok(value) } else { (entry.upgrade)(&value) };
            let checked = value.and_then(|value| (entry.check)(&value).map(|()| value));
            let value = checked.map_err(|message| format!("{name}: {message}"))?;
            if entries.insert(entry.key, value).is_some() {
                return Err(format!("duplicate field `{}`", entry.key));
            }
        }
        Ok(Self { version, system, entries })
    }
}

/// The layers and plugins of a system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedSystem {
    /// The engine that builds it.
    pub engine: EngineName,
    /// All layers, in merge order.
    pub layers: Vec<LockedLayer>,
    /// All plugins, in merge order.
    pub plugins: Vec<LockedPlugin>,
}

/// The content of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedLayer {
    /// Its name.
    pub layer: String,
    /// SHA-256 of everything in it that goes into a build.
    pub sha256: String,
}

/// A plugin and what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPlugin {
    /// `<layer>/<name>`.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component.
    pub sha256: String,
    /// The interfaces of skiff's contract that it imports and exports, with their versions; none as long as nobody has
    /// agreed to it, since it is not looked into before.
    pub interfaces: BTreeSet<String>,
    /// What it was granted of what it declares.
    pub grants: BTreeSet<String>,
}

/// Why a lock could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LockFileError {
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file does not have the documented shape.
    #[error("cannot read the lock file `{}`: {message}", path.shown())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

impl LockFile {
    /// Reads the lock of a workspace; one that is not there locks nothing.
    ///
    /// # Errors
    /// [`LockFileError`] when it cannot be read or understood.
    pub fn read(workspace: &Workspace) -> Result<Self, LockFileError> {
        let path = workspace.system_lock();
        let Some(bytes) = read_optional(&path)? else { return Ok(Self::default()) };
        Self::parse(&bytes).map_err(|message| LockFileError::Malformed { path, message })
    }

    /// Reads the text of a lock.
    ///
    /// Returns what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_SIZE {
            return Err(format!("it has {} bytes, and none has more than {MAX_SIZE}", bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        skiff_layers::bounded_yaml(text).map_err(|error| error.to_string())
    }

    /// Returns what an engine has locked. An entry that is there was checked when the file was read.
    pub(crate) fn entry<T: DeserializeOwned>(&self, entry: &LockEntry) -> Option<T> {
        read_entry(self.entries.get(entry.key)?).ok()
    }

    /// Replaces what an engine has locked; `None` locks nothing.
    ///
    /// # Errors
    /// [`LockFileError::Malformed`] when the value has no form in YAML.
    pub(crate) fn update_entry(
        workspace: &Workspace,
        entry: &LockEntry,
        value: Option<impl Serialize>,
    ) -> Result<(), LockFileError> {
        let malformed = |error: serde_yaml::Error| LockFileError::Malformed {
            path: workspace.system_lock(),
            message: format!("{}: {error}", entry.key),
        };
        let value = value.map(serde_yaml::to_value).transpose().map_err(malformed)?;
        Self::update(workspace, |lock| {
            match value {
                Some(value) => lock.entries.insert(entry.key, value),
                None => lock.entries.remove(entry.key),
            };
        })
    }

    /// Changes the lock of a workspace; the file is written if that makes a difference. Whoever calls this holds the
    /// workspace's lock.
    ///
    /// # Errors
    /// [`LockFileError`]; the file is then as it was.
    pub fn update(workspace: &Workspace, change: impl FnOnce(&mut Self)) -> Result<(), LockFileError> {
        let before = Self::read(workspace)?;
        let mut lock = Self { version: VERSION, ..before.clone() };
        change(&mut lock);
        if lock == before {
            return Ok(());
        }
        let path = workspace.system_lock();
        let text = serde_yaml::to_string(&lock).map_err(io::Error::other).map_err(FileError::at("write", &path))?;
        Ok(write_file(&path, format!("{HEADER}{text}").as_bytes())?)
    }
}

/// A difference between what is locked and what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// Nothing is locked.
    Nothing,
    /// Another engine is to build it.
    Engine(EngineName, EngineName),
    /// A layer has come into the chain.
    NewLayer(String),
    /// A layer is not in the chain any more.
    LostLayer(String),
    /// The layers have another order.
    Order,
    /// A layer holds something else.
    Layer(String),
    /// A plugin is new.
    NewPlugin(String),
    /// A plugin is gone.
    LostPlugin(String),
    /// A plugin's component has other bytes: the locked and the present digest.
    Plugin(String, String, String),
    /// A plugin has another version.
    Version(String),
    /// A plugin was granted something else.
    Grants(String),
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing is locked yet"),
            Self::Engine(locked, present) => write!(f, "the engine is `{present}`, not `{locked}`"),
            Self::NewLayer(name) => write!(f, "layer `{name}` is new"),
            Self::LostLayer(name) => write!(f, "layer `{name}` is not in the chain any more"),
            Self::Order => f.write_str("the layers have another order"),
            Self::Layer(name) => write!(f, "layer `{name}` has changed"),
            Self::NewPlugin(name) => write!(f, "plugin `{name}` is new"),
            Self::LostPlugin(name) => write!(f, "plugin `{name}` is gone"),
            Self::Plugin(name, locked, present) => {
                write!(f, "plugin `{name}` has changed: sha256:{present}, not sha256:{locked}")
            }
            Self::Version(name) => write!(f, "plugin `{name}` has another version"),
            Self::Grants(name) => write!(f, "plugin `{name}` has other grants"),
        }
    }
}

impl LockedSystem {
    /// Returns what the layers of a plan hold.
    pub fn layers(plan: &BuildPlan) -> Vec<LockedLayer> {
        let digest = |name: &str| {
            let mut builder = DigestBuilder::default();
            for (input, digest) in plan.fingerprint.inputs.iter().filter(|(input, _)| input.layer == name) {
                builder.field(input.to_string()).field(digest.bytes());
            }
            builder.finish().to_string()
        };
        let layer = |name: &String| LockedLayer { layer: name.clone(), sha256: digest(name) };
        plan.layers.iter().map(|layer_of| layer(&layer_of.name)).collect()
    }

    /// Returns the plugin of a name.
    pub fn plugin(&self, name: &str) -> Option<&LockedPlugin> {
        self.plugins.iter().find(|plugin| plugin.plugin == name)
    }

    /// Returns all that differs between what is locked and what is there.
    pub fn drift(&self, present: &Self) -> Vec<Drift> {
        let mut drift = Vec::new();
        if self.engine != present.engine {
            drift.push(Drift::Engine(self.engine, present.engine));
        }
        let digest = |layers: &[LockedLayer], name: &str| {
            layers.iter().find(|layer| layer.layer == name).map(|layer| layer.sha256.clone())
        };
        for LockedLayer { layer, sha256 } in &present.layers {
            match digest(&self.layers, layer) {
                None => drift.push(Drift::NewLayer(layer.clone())),
                Some(locked) if locked != *sha256 => drift.push(Drift::Layer(layer.clone())),
                Some(_) => {}
            }
        }
        let lost = self.layers.iter().filter(|locked| digest(&present.layers, &locked.layer).is_none());
        drift.extend(lost.map(|locked| Drift::LostLayer(locked.layer.clone())));
        let names = |layers: &[LockedLayer]| layers.iter().map(|layer| layer.layer.clone()).collect::<Vec<_>>();
        if drift.is_empty() && names(&self.layers) != names(&present.layers) {
            drift.push(Drift::Order);
        }
        for plugin in &present.plugins {
            drift.extend(match self.plugin(&plugin.plugin) {
                None => Some(Drift::NewPlugin(plugin.plugin.clone())),
                Some(locked) => locked.drift(plugin),
            });
        }
        let lost = self.plugins.iter().filter(|locked| present.plugin(&locked.plugin).is_none());
        drift.extend(lost.map(|locked| Drift::LostPlugin(locked.plugin.clone())));
        drift
    }
}

impl LockedPlugin {
    /// Returns the first thing that differs.
    pub fn drift(&self, present: &Self) -> Option<Drift> {
        let name = self.plugin.clone();
        if self.sha256 != present.sha256 {
            return Some(Drift::Plugin(name, self.sha256.clone(), present.sha256.clone()));
        }
        // Interfaces belong to the bytes.
        if self.version != present.version {
            return Some(Drift::Version(name));
        }
        (self.grants != present.grants).then_some(Drift::Grants(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_comes_back_as_it_was_and_rubbish_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace::new(root.path().to_owned(), "w").unwrap();
        assert_eq!(LockFile::read(&workspace).unwrap(), LockFile::default());
        let (tree, packages) = (&EngineName::Buildroot.kind().lock, &EngineName::Prebuilt.kind().lock);
        LockFile::update_entry(&workspace, tree, Some("commit 1")).unwrap();
        assert_eq!(LockFile::read(&workspace).unwrap().entry::<String>(tree).as_deref(), Some("commit 1"));
        let package = |name: &str| {
            format!("amd64: {{a: [{{name: {name}, version: '1.0', size: 1, sha256: '{}'}}]}}", "0".repeat(64))
        };
        for (text, message) in [
            ("version: 2\n".to_owned(), "version 2 is unknown"),
            ("version: 1\nother: x\n".to_owned(), "unknown field `other`"),
            ("version: 1\n1: x\n".to_owned(), "unknown field"),
            ("version: 1\nbuildroot: a\nbuildroot: b\n".to_owned(), "duplicate entry"),
            ("version: 1\nclosures: {}\npackages: {}\n".to_owned(), "duplicate field `closures`"),
            ("version: 1\nbuildroot: [a]\n".to_owned(), "buildroot: invalid type"),
            (format!("version: 1\npackages:\n  {}\n", package("-o")), "\"-o\" is not a package"),
            (
                format!(
                    "version: 1\npackages:\n  {}\n",
                    package("a").replace("size: 1", &format!("size: {}", u64::MAX))
                ),
                "is not a package",
            ),
            ("[]".to_owned(), ""),
            ("\0".to_owned(), ""),
            ("&a [*a, *a]".to_owned(), ""),
        ] {
            std::fs::write(workspace.system_lock(), &text).unwrap();
            let error = LockFile::read(&workspace).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
        // What was locked under an old key stays, under the new one and in its shape.
        std::fs::write(workspace.system_lock(), format!("version: 1\nrequests:\n  {}\n", package("a"))).unwrap();
        LockFile::update_entry(&workspace, tree, Some("5.10")).unwrap();
        let written = std::fs::read_to_string(workspace.system_lock()).unwrap();
        let body = written.strip_prefix(HEADER).unwrap();
        let start = "version: 1\nbuildroot: '5.10'\nclosures:\n  amd64:\n    requests: []\n    packages:\n    - name: a\n      version: '1.0'\n";
        assert!(body.starts_with(start), "{body}");
        LockFile::update_entry(&workspace, tree, None::<String>).unwrap();
        let kept = LockFile::read(&workspace).unwrap();
        assert!(kept.entry::<String>(tree).is_none() && kept.entry::<Value>(packages).is_some());
    }
}
