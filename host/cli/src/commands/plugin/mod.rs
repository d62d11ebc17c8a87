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
use skiff_layers::PluginDecl;

use crate::args::PluginCommand;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::session::Session;

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

/// The plugins that somebody means, and the layer that they are in.
struct Chosen {
    layer: Layer,
    plugins: Vec<PluginDecl>,
}

impl Chosen {
    /// Finds `namespace/name` or `namespace/name/plugin`.
    fn find(session: &Session, text: &str) -> Result<Self> {
        let (package, plugin) = match text.match_indices('/').nth(1) {
            Some((at, _)) => (text.get(..at).unwrap_or(text), text.get(at + 1..)),
            None => (text, None),
        };
        let name: LayerName = package.parse()?;
        let catalog = session.catalog()?;
        let Some(package) = catalog.packages().find(|package| package.name == name) else {
            return Err(CommandError::new(Kind::User, format!("There is no package `{name}`"))
                .hint("`skiff list` shows all; SKIFF_EXTRA_CONFIGS_PATH names further folders with packages"));
        };
        let layer = Layer::at(package);
        let mut plugins = layer.manifest()?.plugins;
        plugins.retain(|decl| plugin.is_none_or(|plugin| decl.name == plugin));
        match plugins.is_empty() {
            true => Err(CommandError::new(Kind::User, format!("There is no plugin `{text}`"))
                .hint("metadata/plugins.yaml of the layer declares plugins; `skiff plugin new` makes one")),
            false => Ok(Self { layer, plugins }),
        }
    }

    fn each(&self) -> impl Iterator<Item = LayerPlugin> {
        self.plugins.iter().map(|plugin| LayerPlugin::own(&self.layer, plugin.clone()))
    }
}
