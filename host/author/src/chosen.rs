use skiff_layers::Layer;
use skiff_layers::LayerName;
use skiff_layers::LayerPlugin;
use skiff_project::Session;
use skiff_runtime::PluginId;

use crate::error::Error;
use crate::error::Instead;
use crate::error::Result;

/// The plugins that the user names, and the layer for which they work.
#[derive(Debug)]
pub struct Chosen {
    /// The layer.
    pub layer: Layer,
    /// The plugins.
    pub plugins: Vec<LayerPlugin>,
}

impl Chosen {
    /// Finds plugins that a layer ships: `namespace/name` or `namespace/name/plugin`.
    ///
    /// # Errors
    /// If there is no such layer, or if it ships no such plugin.
    pub fn shipped(session: &Session, text: &str) -> Result<Self> {
        let mut chosen = Self::all(session, text)?;
        let used = chosen.plugins.iter().find(|plugin| plugin.is_used()).map(PluginId::of);
        chosen.plugins.retain(|plugin| !plugin.is_used());
        match (chosen.plugins.is_empty(), used) {
            (true, Some(used)) => Err(none(text, Instead::Used { layer: chosen.layer.name, plugin: used })),
            (true, None) => Err(none(text, Instead::Shipped)),
            (false, _) => Ok(chosen),
        }
    }

    /// Finds plugins that a layer ships or uses.
    ///
    /// # Errors
    /// If there is no such layer, or if it ships and uses no such plugin.
    pub fn working(session: &Session, text: &str) -> Result<Self> {
        let chosen = Self::all(session, text)?;
        match chosen.plugins.is_empty() {
            true => Err(none(text, Instead::Working)),
            false => Ok(chosen),
        }
    }

    fn all(session: &Session, text: &str) -> Result<Self> {
        let (package, name) = match text.match_indices('/').nth(1) {
            Some((at, _)) => (text.get(..at).unwrap_or(text), text.get(at + 1..)),
            None => (text, None),
        };
        let package: LayerName = package.parse()?;
        let Some(layer) =
            session.search_path()?.find(&package).map_err(skiff_project::Error::from)?.as_ref().map(Layer::at)
        else {
            return Err(Error::NoPackage(package));
        };
        let manifest = layer.manifest()?;
        let mut plugins: Vec<_> = manifest.plugins.into_iter().map(|decl| LayerPlugin::own(&layer, decl)).collect();
        if !manifest.uses.is_empty() {
            let chain = session.chain_of_package(&package)?;
            plugins.extend(chain.plugins_of(&layer)?.into_iter().filter(LayerPlugin::is_used));
        }
        plugins.retain(|plugin| name.is_none_or(|name| plugin.decl.name == name));
        Ok(Self { layer, plugins })
    }
}

fn none(text: &str, instead: Instead) -> Error {
    Error::NoPlugin { name: text.to_owned(), instead }
}
