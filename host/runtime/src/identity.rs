//! Who a plugin is.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use skiff_plan::Digest;
use skiff_plan::DigestBuilder;

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

/// Returns the name of the directory in which a plugin keeps its state, below that of the workspace.
///
/// It is the plugin's for its name *and* for the directory of its layer: another layer of the same name has a state of its
/// own. Layers beside the workspaces, as in a checkout, count by their place in it, so that a checkout can be moved.
pub fn state_folder(plugin: &PluginId, layer_root: &Path, state: &Path) -> PathBuf {
    let (root, state) = (real(layer_root), real(state));
    let checkout = state.ancestors().nth(3).filter(|checkout| checkout.parent().is_some());
    let place = checkout.and_then(|checkout| root.strip_prefix(checkout).ok()).unwrap_or(&root);
    if let Some((layer, _)) = plugin.as_str().rsplit_once('/')
        && place == Path::new("configs").join(layer)
    {
        // What comes with the checkout has a name that people can type.
        return PathBuf::from(plugin.as_str());
    }
    let mut builder = DigestBuilder::default();
    let digest = builder.field(plugin.as_str()).field(place.as_os_str().as_encoded_bytes());
    let digest = std::mem::take(digest).finish().to_string();
    let short = digest.get(..16).unwrap_or(&digest);
    PathBuf::from(format!("{}-{short}", plugin.as_str().replace('/', "+")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_belongs_to_a_plugin_in_its_directory() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for path in ["one/configs/a/b", "one/workspaces/w/state", "two/configs/a/b", "two/workspaces/w/state"] {
            std::fs::create_dir_all(at(path)).unwrap();
        }
        let folder = |layer: &str, state: &str| state_folder(&PluginId::new("a/b", "p"), &at(layer), &at(state));
        let own = folder("one/configs/a/b", "one/workspaces/w/state");
        assert_eq!(folder("two/configs/a/b", "two/workspaces/w/state"), own, "a checkout can be moved");
        assert_eq!(own, Path::new("a/b/p"));
        let strange = folder("two/configs/a/b", "one/workspaces/w/state");
        assert!(strange != own && strange.to_str().unwrap().starts_with("a+b+p-"), "a stranger of the same name");
    }
}
