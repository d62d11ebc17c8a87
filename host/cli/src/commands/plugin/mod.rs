//! The road of those who write plugins.

mod build;
mod case;
mod check;
mod doc;
mod folder;
mod inspect;
mod new;
mod scene;
mod source;
mod test;

use skiff_layers::Layer;
use skiff_layers::LayerName;
use skiff_layers::LayerPlugin;

use skiff_runtime::PluginId;

use crate::args::PluginCommand;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::session::Session;

pub(crate) use self::doc::print_contract;

pub(crate) fn run(session: &Session, command: &PluginCommand) -> Result<()> {
    match command {
        PluginCommand::New(args) => new::run(session, args),
        PluginCommand::Build(args) => build::run(session, args),
        PluginCommand::Check(args) => check::run(session, args),
        PluginCommand::Inspect(args) => inspect::run(session, args),
        PluginCommand::Test(args) => test::run(session, args),
        PluginCommand::Doc(args) => doc::run(session, args),
    }
}

/// The plugins that somebody means, and the layer for which they work.
struct Chosen {
    layer: Layer,
    plugins: Vec<LayerPlugin>,
}

impl Chosen {
    /// Finds plugins that a layer ships: `namespace/name` or `namespace/name/plugin`.
    fn shipped(session: &Session, text: &str) -> Result<Self> {
        let mut chosen = Self::all(session, text)?;
        let used = chosen.plugins.iter().find(|plugin| plugin.is_used()).map(PluginId::of);
        chosen.plugins.retain(|plugin| !plugin.is_used());
        match (chosen.plugins.is_empty(), used) {
            (true, Some(used)) => Err(none(text).hint(format!("`{}` uses {used}", chosen.layer.name))),
            (true, None) => {
                Err(none(text)
                    .hint("metadata/plugins.yaml of the layer declares plugins; `skiff plugin new` makes one"))
            }
            (false, _) => Ok(chosen),
        }
    }

    /// Finds plugins that a layer ships or uses.
    fn working(session: &Session, text: &str) -> Result<Self> {
        let chosen = Self::all(session, text)?;
        match chosen.plugins.is_empty() {
            true => Err(none(text).hint("metadata/plugins.yaml of the layer declares plugins, and those that it uses")),
            false => Ok(chosen),
        }
    }

    fn all(session: &Session, text: &str) -> Result<Self> {
        let (package, name) = match text.match_indices('/').nth(1) {
            Some((at, _)) => (text.get(..at).unwrap_or(text), text.get(at + 1..)),
            None => (text, None),
        };
        let package: LayerName = package.parse()?;
        let Some(layer) = session.search_path()?.find(&package)?.as_ref().map(Layer::at) else {
            return Err(CommandError::new(Kind::User, format!("There is no package `{package}`"))
                .hint("`skiff list` shows all; SKIFF_EXTRA_CONFIGS_PATH names further directories with packages"));
        };
        let manifest = layer.manifest()?;
        let mut plugins: Vec<_> = manifest.plugins.into_iter().map(|decl| LayerPlugin::own(&layer, decl)).collect();
        if !manifest.uses.is_empty() {
            let chain = super::cmd::chain_of_package(session, &package)?;
            plugins.extend(chain.plugins_of(&layer)?.into_iter().filter(LayerPlugin::is_used));
        }
        plugins.retain(|plugin| name.is_none_or(|name| plugin.decl.name == name));
        Ok(Self { layer, plugins })
    }
}

fn none(text: &str) -> CommandError {
    CommandError::new(Kind::User, format!("There is no plugin `{text}`"))
}
