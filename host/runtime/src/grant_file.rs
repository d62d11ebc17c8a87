//! Files with grants.

use crate::GrantError;
use crate::Identity;
use crate::PluginId;
use serde::Deserialize;
use serde::Serialize;
use skiff_digest::Digest;
use skiff_file::Lock;
use skiff_layers::CapabilityId;
use skiff_layers::ReadError;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::path::PathBuf;

/// The only version of the file's shape so far.
pub(crate) const VERSION: u32 = 1;

/// The first line of the file.
const HEADER: &str = "# What each plugin may do, bound to its bytes. Written by `skiff grant`.\n";

/// The lock beside it.
const LOCK: &str = ".grants.lock";

/// A file with grants: `plugins/grants.yaml` of the checkout for the plugins that come with it,
/// `overrides/grants.yaml` for the user's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantFile {
    pub(crate) version: u32,
    pub(crate) plugins: Vec<GrantEntry>,
    /// Directories with the sources of plugins that the user builds.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) sources: BTreeSet<PathBuf>,
}

/// The grants of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantEntry {
    pub(crate) plugin: PluginId,
    /// SHA-256 of the component, or of all scripts of the layer.
    pub(crate) component: String,
    /// The directory of the layer. Other bytes take grants over only from the same directory; what comes with a checkout
    /// names none and lies among its packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) layer: Option<PathBuf>,
    /// The compiler that made the component, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compiler: Option<String>,
    grants: BTreeSet<CapabilityId>,
}

impl GrantFile {
    /// Reads a file; one that is not there holds no grants.
    ///
    /// # Errors
    /// [`GrantError`] when it cannot be read or does not have the documented shape.
    pub fn read(path: &Path) -> Result<Self, GrantError> {
        let Some(text) = skiff_layers::optional_text(path)? else {
            return Ok(Self { version: VERSION, ..Self::default() });
        };
        let malformed = |line, message| GrantError::Malformed { path: path.to_owned(), line, message };
        let file: Self = match skiff_layers::parse_yaml(path, &text) {
            Err(ReadError::Yaml { at, message }) => return Err(malformed(at.line, message)),
            file => file?,
        };
        match file.version {
            VERSION => Ok(file),
            other => Err(malformed(None, format!("version {other} is unknown; this skiff reads version {VERSION}"))),
        }
    }

    /// Reads the file, changes it and writes it, while nobody else does.
    ///
    /// # Errors
    /// [`GrantError`]; the file is then as it was.
    pub fn update<T>(path: &Path, change: impl FnOnce(&mut Self) -> T) -> Result<T, GrantError> {
        let lock = path.with_file_name(LOCK);
        let _lock = Lock::take(&lock).map_err(|source| GrantError::Io { path: lock.clone(), source })?;
        let mut file = Self::read(path)?;
        let result = change(&mut file);
        file.write(path)?;
        Ok(result)
    }

    /// Writes the file: completely or not at all.
    ///
    /// # Errors
    /// [`GrantError::Io`] when it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), GrantError> {
        let failed = |source| GrantError::Io { path: path.to_owned(), source };
        let text = serde_yaml::to_string(self).map_err(|error| failed(io::Error::other(error)))?;
        skiff_file::replace(path, format!("{HEADER}{text}").as_bytes()).map_err(failed)
    }

    /// Grants capabilities to a plugin with these bytes. Grants to other bytes of it in the same directory are dropped.
    pub fn add(&mut self, identity: &Identity, capabilities: impl IntoIterator<Item = CapabilityId>) {
        self.put(identity, Some(identity.root.clone()), capabilities);
    }

    /// Grants capabilities to a plugin that comes with the checkout, wherever that lies. Grants to other bytes of it
    /// are dropped.
    pub fn ship(&mut self, identity: &Identity, capabilities: impl IntoIterator<Item = CapabilityId>) {
        self.put(identity, None, capabilities);
    }

    fn put(
        &mut self,
        identity: &Identity,
        layer: Option<PathBuf>,
        capabilities: impl IntoIterator<Item = CapabilityId>,
    ) {
        self.version = VERSION;
        let component = written(identity.digest);
        let (mut grants, mut compiler) = (BTreeSet::new(), None);
        self.plugins.retain(|entry| {
            if entry.plugin != identity.plugin || entry.layer != layer {
                return true;
            }
            if entry.component == component {
                grants.extend(entry.grants.iter().cloned());
                compiler.clone_from(&entry.compiler);
            }
            false
        });
        grants.extend(capabilities);
        self.plugins.push(GrantEntry { plugin: identity.plugin.clone(), component, layer, compiler, grants });
        self.plugins.sort_by(|a, b| (&a.plugin, &a.layer).cmp(&(&b.plugin, &b.layer)));
    }

    /// Trusts a directory with the sources of a plugin, by its real name.
    pub fn trust(&mut self, sources: &Path) {
        self.version = VERSION;
        self.sources.insert(sources.to_owned());
    }

    /// Trusts a directory with sources no more. Returns whether it was.
    pub fn distrust(&mut self, sources: &Path) -> bool {
        self.sources.remove(sources)
    }

    /// Returns the directories with sources that the user trusts.
    pub fn trusted(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().map(PathBuf::as_path)
    }

    /// Notes which compiler made a plugin's component.
    pub fn set_compiler(&mut self, plugin: &PluginId, compiler: &str) {
        for entry in self.plugins.iter_mut().filter(|entry| entry.plugin == *plugin) {
            entry.compiler = Some(compiler.to_owned());
        }
    }

    /// Takes all grants of a plugin back. Returns whether there were any.
    pub fn revoke(&mut self, plugin: &PluginId) -> bool {
        let before = self.plugins.len();
        self.plugins.retain(|entry| entry.plugin != *plugin);
        self.plugins.len() != before
    }

    /// Returns the plugins with the digest of their component and what they were granted.
    pub fn entries(&self) -> impl Iterator<Item = (&PluginId, &str, &BTreeSet<CapabilityId>)> {
        self.plugins.iter().map(|entry| (&entry.plugin, entry.component.as_str(), &entry.grants))
    }
}

/// Writes a digest as files with grants have it.
pub(crate) fn written(digest: Digest) -> String {
    format!("sha256:{digest}")
}

impl GrantEntry {
    pub(crate) fn covers(&self, wanted: &CapabilityId) -> bool {
        self.grants.iter().any(|granted| granted.covers(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_capability_is_an_error_with_its_line() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("grants.yaml");
        let entry = "- plugin: a/b/p\n  component: sha256:0\n  grants:\n  - read:layer\n";
        let read = |more: &str| {
            std::fs::write(&path, format!("version: 1\nplugins:\n{entry}{more}")).unwrap();
            GrantFile::read(&path).map_err(|error| error.to_string())
        };
        assert_eq!(read("").unwrap().plugins.len(), 1);
        let said = read("  - raed:layer\n").unwrap_err();
        assert!(said.ends_with("grants.yaml:7: plugins[0].grants[1]: `raed:layer` is not a capability"), "{said}");
    }
}
