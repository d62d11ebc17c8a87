//! Who a plugin is.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use skiff_digest::Digest;
use skiff_digest::DigestBuilder;
use skiff_layers::Layer;
use skiff_layers::LayerPlugin;

/// Names a plugin: its layer and its name in that layer, `apps/docker/daemon-json`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PluginId(String);

impl PluginId {
    /// Names the plugin `name` of `layer`.
    pub fn new(layer: &str, name: &str) -> Self {
        Self(format!("{layer}/{name}"))
    }

    /// Names a plugin by the layer that ships it, whichever layer it works for.
    pub fn of(plugin: &LayerPlugin) -> Self {
        Self::new(&plugin.owner.name, &plugin.decl.name)
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
/// Anybody may call a layer `apps/docker`; who it comes from is told by its bytes and by the directory that it lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub plugin: PluginId,
    /// SHA-256 of the component, or of all scripts of the layer.
    pub digest: Digest,
    /// The directory of its layer, by the name that it has whichever way one comes to it.
    pub root: PathBuf,
}

/// Returns a directory by its real name; one that is gone keeps the name that it was given.
pub(crate) fn real(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

/// Returns the name of the directory in which a plugin keeps its state, below that of the workspace.
///
/// The state belongs to the plugin's name *and* to the directories of the layer that ships it and of the layer for which it
/// works: another layer of the same name has a state of its own. Layers beside the workspaces, as in a checkout, count by
/// their place in it, so that a checkout can be moved.
pub fn state_folder(plugin: &LayerPlugin, state: &Path) -> PathBuf {
    let LayerPlugin { owner, layer, decl, .. } = plugin;
    let state = real(state);
    let checkout = state.ancestors().nth(3).filter(|checkout| checkout.parent().is_some());
    let place = |layer: &Layer| {
        let root = real(&layer.root);
        checkout.and_then(|checkout| root.strip_prefix(checkout).ok()).map(Path::to_owned).unwrap_or(root)
    };
    let is_shipped = |layer: &Layer| place(layer) == Path::new("configs").join(&layer.name);
    let name = PluginId::new(&layer.name, &decl.name);
    if is_shipped(owner) && is_shipped(layer) {
        // What comes with the checkout has a name that people can type.
        return match plugin.is_used() {
            true => Path::new(&layer.name).join(format!("{}+{}", owner.name.replace('/', "+"), decl.name)),
            false => PathBuf::from(name.as_str()),
        };
    }
    let mut builder = DigestBuilder::default();
    builder.field(name.as_str()).field(place(layer).as_os_str().as_encoded_bytes());
    if plugin.is_used() {
        builder.field(&owner.name).field(place(owner).as_os_str().as_encoded_bytes());
    }
    let digest = builder.finish().to_string();
    let short = digest.get(..16).unwrap_or(&digest);
    PathBuf::from(format!("{}-{short}", name.as_str().replace('/', "+")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_belongs_to_a_plugin_in_its_directory() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for path in [
            "one/configs/a/b",
            "one/workspaces/w/state",
            "two/configs/a/b",
            "two/workspaces/w/state",
            "elsewhere",
            "one/configs/x/y",
        ] {
            std::fs::create_dir_all(at(path)).unwrap();
        }
        let manifest = "schema: 1\nplugins: [{name: p, version: 1.0.0, component: p, interface: ^1.0, hooks: [pre]}]";
        let decl = skiff_layers::parse_manifest(root.path(), manifest).unwrap().plugins.remove(0);
        let at_layer = |name: &str, path: &str| Layer::open(name, &at(path)).unwrap();
        let folder = |owner: &str, path: &str, state: &str| {
            let layer = at_layer("a/b", path);
            let owner = if owner == path { layer.clone() } else { at_layer("x/y", owner) };
            state_folder(&LayerPlugin::of(&owner, &layer, decl.clone()), &at(state))
        };
        let (one, two) = ("one/configs/a/b", "two/configs/a/b");
        let own = folder(one, one, "one/workspaces/w/state");
        assert_eq!(folder(two, two, "two/workspaces/w/state"), own, "a checkout can be moved");
        assert_eq!(own, Path::new("a/b/p"));
        let strange = folder(two, two, "one/workspaces/w/state");
        assert!(strange != own && strange.to_str().unwrap().starts_with("a+b+p-"), "a stranger of the same name");
        let used = folder("elsewhere", one, "one/workspaces/w/state");
        assert!(used != own && used != strange, "a stranger's plugin that the layer uses");
        let shipped = LayerPlugin::of(&at_layer("x/y", "one/configs/x/y"), &at_layer("a/b", one), decl.clone());
        let shipped = state_folder(&shipped, &at("one/workspaces/w/state"));
        assert_eq!(shipped, Path::new("a/b/x+y+p"), "another plugin of the checkout that the layer uses");
    }
}
