use std::io;
use std::path::PathBuf;

use skiff_kconfig::Problem;
use skiff_layers::LayerPlugin;
use skiff_layers::Location;
use skiff_layers::PluginDecl;
use skiff_layers::ReadError;
use skiff_text::Shown as _;
use skiff_text::shown;

use crate::UserError;
use skiff_report::Cancelled;

/// Why no plan could be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A part of a layer could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An input file could not be read for its digest.
    #[error("cannot read `{}`", path.shown())]
    Input {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The layers hold more than skiff reads.
    #[error("`{}` exceeds the limit of a chain: {most}", path.shown())]
    TooMuch {
        /// Where that was found.
        path: PathBuf,
        /// The most that is read.
        most: String,
    },
    /// The user asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// A line of a users table is wrong.
    #[error(transparent)]
    User(#[from] UserError),
    /// A plugin contributes a line that is no assignment.
    #[error("plugin `{plugin}`: line {} of fragment `{}` is not an assignment: {}: `{}`", problem.origin.line, shown(name), problem.kind, shown(&problem.text))]
    Contribution {
        /// The plugin.
        plugin: String,
        /// The name that it gives the fragment.
        name: String,
        /// What is wrong.
        problem: Problem,
    },
    /// A plugin's component file is not there.
    #[error("{manifest}: plugin `{layer}/{plugin}` is not built: there is no file `{}`", component.shown())]
    MissingComponent {
        /// The line that names it.
        manifest: Location,
        /// The layer.
        layer: String,
        /// The plugin.
        plugin: String,
        /// The file.
        component: PathBuf,
    },
}

impl PlanError {
    /// Returns the error of a plugin whose component is not there.
    pub fn missing(plugin: &LayerPlugin) -> Self {
        let PluginDecl { manifest, name, component, .. } = plugin.decl.clone();
        Self::MissingComponent { manifest, layer: plugin.owner.name.clone(), plugin: name, component }
    }
}
