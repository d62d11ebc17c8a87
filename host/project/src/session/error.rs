use std::io;
use std::path::PathBuf;

use skiff_build::EngineKind;
use skiff_build::EngineName;
use skiff_layers::ChainError;
use skiff_text::Shown as _;

/// Why a run cannot begin, or lacks what it needs.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// There is no checkout upwards from here.
    #[error("there is not a skiff checkout here")]
    NoCheckout,
    /// What was named as the checkout is none.
    #[error("`{}` is not a skiff checkout", .0.shown())]
    OtherCheckout(PathBuf),
    /// The directory of base layers has none.
    #[error("there are no base layers (`pre`, `post`) in `{}`", .0.shown())]
    NoBase(PathBuf),
    /// No chain was named.
    #[error("no chain is named, and no chain is saved")]
    NoChain,
    /// A chain with a word in it that is not a package, which may be meant for one of the project file.
    #[error("{error}")]
    Chain {
        /// What is wrong with it.
        error: ChainError,
        /// The chains of the project file.
        chains: Vec<String>,
    },
    /// There is no such engine.
    #[error("there is no engine `{0}`")]
    NoEngine(String),
    /// It needs a build system, and the engine has none.
    #[error("{what} needs {}; this workspace uses `{own}`", needed(*other))]
    NoBuildSystem {
        /// What needs it.
        what: String,
        /// The engine of the workspace.
        own: EngineName,
        /// An engine that has one.
        other: Option<&'static EngineKind>,
    },
    /// An engine has no build system although its description says so.
    #[error("the engine `{0}` lost its build system")]
    LostBuildSystem(EngineName),
    /// The file of the running program is not known.
    #[error("the program does not know where it is")]
    NoProgram,
    /// The directory of workspaces cannot be made.
    #[error("cannot make the directory of workspaces `{}`: {error}", path.shown())]
    Workspaces {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The time that files are to bear is not one.
    #[error("SOURCE_DATE_EPOCH is `{0}`; expected a number of seconds")]
    Epoch(String),
    /// The user has no directory for a cache.
    #[error("there is no place for a cache: this user has no home directory")]
    NoCache,
    /// The audit log cannot be written.
    #[error("cannot write to the audit log `{}`: {error}", path.shown())]
    Audit {
        /// Where it is.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

fn needed(engine: Option<&EngineKind>) -> String {
    engine.map_or_else(|| "a build system".to_owned(), |engine| format!("the engine `{}`", engine.name))
}
