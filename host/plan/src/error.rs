use std::io;
use std::path::PathBuf;

use skiff_kconfig::Problem;
use skiff_layers::Location;
use skiff_layers::ReadError;

use crate::UserError;

/// Why no plan could be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A part of a layer could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An input file could not be read for its digest.
    #[error("Cannot read `{}`", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of a users table is wrong.
    #[error(transparent)]
    User(#[from] UserError),
    /// A plugin contributes a line that is no assignment.
    #[error("Plugin `{plugin}` contributes `{name}`, whose line {} is none: {}: `{}`", problem.origin.line, problem.kind, problem.text)]
    Contribution {
        /// The plugin.
        plugin: String,
        /// The name that it gives the fragment.
        name: String,
        /// What is wrong.
        problem: Problem,
    },
    /// A plugin's component file is not there.
    #[error("{manifest}: plugin `{layer}/{plugin}` is not built: there is no file `{}`", component.display())]
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
