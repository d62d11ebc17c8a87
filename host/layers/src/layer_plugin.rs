use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;

use skiff_digest::Digest;

use crate::Capability;
use crate::Chain;
use crate::Layer;
use crate::LayerCommand;
use crate::Location;
use crate::PluginDecl;
use crate::PluginUse;
use crate::ReadError;

/// A plugin that works for a layer: one that the layer ships, or one of another layer that it uses.
#[derive(Debug, Clone)]
pub struct LayerPlugin {
    /// The layer that ships the plugin: it is granted, locked and audited under the name of this layer.
    pub owner: Layer,
    /// The layer for which it works: it reads this layer's files, gets its settings, and keeps its state apart from that of
    /// other layers.
    pub layer: Layer,
    /// What it declares, with the settings and the board of the layer for which it works.
    pub decl: PluginDecl,
    /// All that the layer that ships it declares for it, whichever directories the other layer gives it.
    pub declared: Arc<[Capability]>,
    identified: Arc<OnceLock<Identified>>,
}

/// What tells a plugin from another of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// SHA-256 of the component.
    pub digest: Digest,
    /// The directory of the layer that ships it, without any link on the way.
    pub root: PathBuf,
}

impl LayerPlugin {
    /// Returns a plugin that works for the layer that ships it.
    pub fn own(layer: &Layer, decl: PluginDecl) -> Self {
        Self::of(layer, layer, decl)
    }

    /// Returns a plugin that works for `layer` and that `owner` ships.
    pub fn of(owner: &Layer, layer: &Layer, decl: PluginDecl) -> Self {
        let declared = decl.capabilities.clone().into();
        Self { owner: owner.clone(), layer: layer.clone(), decl, declared, identified: Arc::default() }
    }

    /// Returns what identifies the plugin, found out once. A component that is compiled is digested again: the file may have
    /// changed.
    ///
    /// # Errors
    /// Those of `find_out`.
    pub fn identified<E>(&self, find_out: impl FnOnce() -> Result<Identified, E>) -> Result<&Identified, E> {
        if let Some(known) = self.identified.get() {
            return Ok(known);
        }
        let found = find_out()?;
        // Somebody else may have been faster, with the same.
        Ok(self.identified.get_or_init(|| found))
    }

    /// Returns whether another layer ships it.
    pub fn is_used(&self) -> bool {
        self.owner.name != self.layer.name
    }
}

impl Chain {
    /// Reads the plugins that work for a layer of the chain: its own, then those of other layers that it uses.
    ///
    /// # Errors
    /// [`ReadError`] when a manifest does not have the documented shape, or a plugin that the layer uses is not in the chain,
    /// is not shared, or has another version.
    pub fn plugins_of(&self, layer: &Layer) -> Result<Vec<LayerPlugin>, ReadError> {
        let manifest = layer.manifest()?;
        let own = manifest.plugins.into_iter().filter(|decl| !decl.shared);
        let mut plugins: Vec<LayerPlugin> = own.map(|decl| LayerPlugin::own(layer, decl)).collect();
        for used in manifest.uses {
            let at = used.at.clone();
            let plugin = self.used(layer, used)?;
            refuse_twins(&plugins, &plugin.decl, at)?;
            plugins.push(plugin);
        }
        Ok(plugins)
    }

    /// Reads the commands that a layer of the chain offers: those of the plugins that work for it, then its scripts.
    ///
    /// # Errors
    /// [`ReadError`] as for [`Self::plugins_of`], or when the list of scripts cannot be read.
    pub fn commands_of(&self, layer: &Layer) -> Result<Vec<LayerCommand>, ReadError> {
        let plugins = self.plugins_of(layer)?;
        let mut commands: Vec<LayerCommand> = plugins.iter().flat_map(|plugin| plugin.decl.offered()).collect();
        commands.extend(layer.makefile_commands()?);
        Ok(commands)
    }

    /// Finds a plugin that a layer uses, and gives it what the layer says.
    fn used(&self, layer: &Layer, used: PluginUse) -> Result<LayerPlugin, ReadError> {
        let PluginUse { plugin, version, board, files, settings, at } = used;
        let wrong = |message: String| ReadError::Manifest { at: at.clone(), message };
        let package = &plugin.package;
        let owner = self.layer(package).ok_or_else(|| {
            wrong(format!("`{plugin}` is not in the chain; add `{package}` to metadata/dependencies of {}", layer.name))
        })?;
        let shipped = owner.manifest()?.plugins;
        let names = shipped.iter().map(|decl| decl.name.as_str()).collect::<Vec<_>>().join(", ");
        let mut decl = shipped
            .into_iter()
            .find(|decl| decl.name == plugin.name)
            .ok_or_else(|| wrong(format!("`{package}` ships no plugin `{}`; it ships: {names}", plugin.name)))?;
        if !decl.shared {
            return Err(wrong(format!(
                "`{plugin}` is not `shared: true` in {}; only its own layer can use it",
                decl.manifest
            )));
        }
        if !version.matches(&decl.version) {
            return Err(wrong(format!("`{plugin}` has the version {}, and {version} is wanted", decl.version)));
        }
        if board.is_some() {
            if decl.board.is_none() {
                return Err(wrong(format!("`{plugin}` does not know boards: `board` says nothing to it")));
            }
            decl.board = board;
        }
        let mut given = LayerPlugin::of(owner, layer, decl);
        if let Some(files) = files {
            let named = directories(&given.decl);
            restrict(&mut given.decl, &files).map_err(|unknown| {
                wrong(format!("`{unknown}` is not a directory that `{plugin}` declares; it declares: {named}"))
            })?;
        }
        given.decl.settings.extend(settings);
        Ok(given)
    }
}

/// Returns the directories that a plugin declares, as a list for people.
fn directories(decl: &PluginDecl) -> String {
    let files = decl.capabilities.iter().filter(|capability| matches!(capability, Capability::Files(_)));
    files.map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Leaves a plugin those of its directories that are named. The error is a name that it does not declare.
fn restrict(decl: &mut PluginDecl, files: &BTreeSet<String>) -> Result<(), String> {
    let is_files = |capability: &Capability| matches!(capability, Capability::Files(_));
    let declared: BTreeSet<String> =
        decl.capabilities.iter().filter(|capability| is_files(capability)).map(ToString::to_string).collect();
    if let Some(unknown) = files.difference(&declared).next() {
        return Err(unknown.clone());
    }
    decl.capabilities.retain(|capability| !is_files(capability) || files.contains(&capability.to_string()));
    Ok(())
}

/// A command of a layer has one plugin.
fn refuse_twins(known: &[LayerPlugin], added: &PluginDecl, at: Location) -> Result<(), ReadError> {
    let known: BTreeSet<String> =
        known.iter().flat_map(|plugin| plugin.decl.offered()).map(|command| command.name).collect();
    match added.offered().into_iter().find(|command| known.contains(&command.name)) {
        None => Ok(()),
        Some(twin) => {
            let message =
                format!("plugin `{}`: another plugin of this layer has a command `{}`, too", added.name, twin.name);
            Err(ReadError::Manifest { at, message })
        }
    }
}
