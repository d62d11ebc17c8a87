use std::io;
use std::path::PathBuf;

use skiff_build::LockFileError;
use skiff_layers::ChainError;
use skiff_layers::InvalidName;
use skiff_layers::LayerName;
use skiff_layers::ReadError;
use skiff_plan::TargetError;
use skiff_project::PackageError;
use skiff_runtime::CallError;
use skiff_runtime::GrantError;
use skiff_runtime::HostError;
use skiff_runtime::LoadError;
use skiff_runtime::PluginId;
use skiff_text::Shown as _;

use crate::build::BuildFault;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Where a plugin was looked for.
#[derive(Debug)]
pub enum Instead {
    /// Among those that the layer ships.
    Shipped,
    /// Among those, and the layer uses one of that name.
    Used {
        /// The layer.
        layer: String,
        /// The plugin.
        plugin: PluginId,
    },
    /// Among those that the layer ships or uses.
    Working,
}

/// Why an author's command fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The run does not get that far.
    #[error(transparent)]
    Project(Box<skiff_project::Error>),
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// There is no such package.
    #[error("there is no package `{0}`")]
    NoPackage(LayerName),
    /// There is no such plugin.
    #[error("there is no plugin `{name}`")]
    NoPlugin {
        /// What was named.
        name: String,
        /// Where it was looked for.
        instead: Instead,
    },
    /// A plugin cannot have that name.
    #[error("`{0}` cannot be the name of a plugin")]
    Name(String),
    /// No directory for a new package is known.
    #[error("there is no package `{0}`, and no place for a new one")]
    NoPlace(LayerName),
    /// There is a plugin of that name.
    #[error("`{}` is there already", .0.shown())]
    Exists(PathBuf),
    /// Only a person can add to the manifest.
    #[error("`{}` cannot be added to by skiff", path.shown())]
    Manifest {
        /// Where it is.
        path: PathBuf,
        /// What is to be added.
        entry: String,
    },
    /// A new plugin cannot be written.
    #[error("cannot make the plugin in `{}`: {error}", layer.shown())]
    Make {
        /// The directory of the layer.
        layer: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The plugin has no sources.
    #[error("there are no sources of plugin `{plugin}` in `{}`", folder.shown())]
    NoSources {
        /// The plugin.
        plugin: PluginId,
        /// Where they would be.
        folder: PathBuf,
    },
    /// The user has not agreed to run what sources say.
    #[error("the sources of `{plugin}` in `{}` are not trusted", folder.shown())]
    Untrusted {
        /// The plugin.
        plugin: String,
        /// Where they are.
        folder: PathBuf,
    },
    /// The plugin is not built.
    #[error("cannot build plugin `{plugin}`: {fault}")]
    Build {
        /// The plugin.
        plugin: PluginId,
        /// Why.
        fault: BuildFault,
    },
    /// cargo cannot be run.
    #[error("cannot run cargo: {0}")]
    Cargo(io::Error),
    /// A case means nothing: its file, and why.
    #[error("{0}")]
    Case(String),
    /// A case cannot have that name.
    #[error("`{0}` cannot be the name of a case")]
    CaseName(String),
    /// A case that is recorded again names another call.
    #[error("`{}` has a call already", .0.shown())]
    HasCall(PathBuf),
    /// A case that is new names no call.
    #[error("a new case needs a call")]
    NoCall,
    /// The plugin lacks the command of a case.
    #[error("the plugin has no command `{0}`")]
    NoCommand(String),
    /// There are no symbols of that kind.
    #[error("{}: there are no symbols of `{name}`", folder.shown())]
    Symbols {
        /// The directory of the case.
        folder: PathBuf,
        /// The kind.
        name: String,
    },
    /// A symbol is not written as one.
    #[error("{}: {what}", folder.shown())]
    Symbol {
        /// The directory of the case.
        folder: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A case holds what would lead skiff elsewhere.
    #[error("`{}` is {what}, which no case may hold", path.shown())]
    CaseHolds {
        /// Where it is.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A link is on the way to the cases.
    #[error("`{}` is a link, which no case may hold", .0.shown())]
    CaseLink(PathBuf),
    /// A file or directory cannot be used.
    #[error("cannot use `{}`: {error}", path.shown())]
    Unusable {
        /// Where it is.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A case cannot be written.
    #[error("cannot write `{}`: {error}", path.shown())]
    Unwritable {
        /// Where it is.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl From<skiff_project::Error> for Error {
    fn from(error: skiff_project::Error) -> Self {
        Self::Project(Box::new(error))
    }
}

/// What the crates below find wrong, as it is said everywhere.
macro_rules! from_below {
    ($($error:ty),* $(,)?) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::from(skiff_project::Error::from(error))
            }
        })*
    };
}

from_below!(
    CallError,
    PackageError,
    ChainError,
    GrantError,
    HostError,
    InvalidName,
    LoadError,
    LockFileError,
    ReadError,
    TargetError
);
