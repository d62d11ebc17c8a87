//! Who a plugin is.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use skiff_plan::Digest;

/// Names a plugin: its layer and its name in that layer, `apps/docker/daemon-json`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PluginId(String);

impl PluginId {
    /// Names the plugin `name` of `layer`.
    pub fn new(layer: &str, name: &str) -> Self {
        Self(format!("{layer}/{name}"))
    }

    /// Names the scripts of a layer.
    pub(crate) fn of_layer(layer: &str) -> Self {
        Self(layer.to_owned())
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A plugin as it stands on the disk: what a grant is bound to.
///
/// Anybody may call a layer `apps/docker`; who it comes from is told by its bytes and by the folder that it lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub plugin: PluginId,
    /// SHA-256 of the component, or of all scripts of the layer.
    pub digest: Digest,
    /// The folder of its layer.
    pub root: PathBuf,
}

impl Identity {
    /// Returns the folder of the layer by the name that it has whichever way one comes to it.
    pub(crate) fn real_root(&self) -> PathBuf {
        real(&self.root)
    }
}

/// Returns a folder by its real name; one that is gone keeps the name that it was given.
pub(crate) fn real(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}
