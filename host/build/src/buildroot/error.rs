use std::path::PathBuf;

use skiff_plan::HookFailure;
use skiff_report::Cancelled;

use crate::FileError;
use crate::LockFileError;
use crate::RecordError;
use crate::WorkspaceError;
use crate::workspace_lock::WaitError;
use skiff_text::Shown as _;

/// Why the engine `buildroot` could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum BuildrootError {
    /// The directory is no Buildroot tree.
    #[error("`{}` is not a Buildroot tree: `{missing}` is missing", path.shown())]
    NoTree {
        /// The directory.
        path: PathBuf,
        /// A file that every Buildroot tree has.
        missing: &'static str,
    },
    /// The pinned release is not in the cache, and the network is not to be used.
    #[error("Buildroot {release} was not fetched yet, and `--offline` forbids the network")]
    Offline {
        /// The release.
        release: String,
    },
    /// The pinned release could not be fetched.
    #[error("cannot fetch Buildroot {release} from {url}: {reason}")]
    Clone {
        /// The release.
        release: String,
        /// Where it was to come from.
        url: String,
        /// What git says.
        reason: String,
    },
    /// What was fetched is not what is pinned.
    #[error("Buildroot {release} from {url} is commit {present}, and {wanted} is pinned")]
    Commit {
        /// The release.
        release: String,
        /// Where it came from.
        url: String,
        /// The commit that came.
        present: String,
        /// The commit that was wanted.
        wanted: String,
    },
    /// The lock cannot be used.
    #[error(transparent)]
    LockFile(#[from] LockFileError),
    /// The lock of the workspace names another tree.
    #[error("`{}` locks {wanted}, found {present}", lock.shown())]
    Locked {
        /// The lock.
        lock: PathBuf,
        /// What it names.
        wanted: String,
        /// What is there.
        present: String,
    },
    /// A program is missing.
    #[error("the engine `buildroot` needs `{program}`, which is not installed")]
    Missing {
        /// The program.
        program: &'static str,
    },
    /// Buildroot splits lists of directories, and make and shells read their names.
    #[error("`{}` has a character in its path that Buildroot would misread (a blank, a colon, a quote, `$`, `#`)", path.shown())]
    OddPath {
        /// The directory.
        path: PathBuf,
    },
    /// A value would run a command.
    #[error("{place}: make would run a command when it reads this: {assignment}")]
    Command {
        /// The file and line.
        place: String,
        /// The assignment.
        assignment: String,
    },
    /// A pinned tree in the cache is not as it was fetched.
    #[error("the Buildroot tree `{}` was changed after it was fetched", path.shown())]
    Modified {
        /// The tree.
        path: PathBuf,
    },
    /// Layers have scripts that make would run, and the user has not agreed to that.
    #[error("layers have scripts that the build would run with all of your rights: {}", layers.join(", "))]
    Scripts {
        /// The layers.
        layers: Vec<String>,
    },
    /// A layer has make run a script that is neither its own nor Buildroot's.
    #[error("{place}: `{}` is not a script of a layer; make would run it", path.shown())]
    UnboundScript {
        /// The file and the line that name it.
        place: String,
        /// The script.
        path: PathBuf,
    },
    /// What the layers want made builds nothing.
    #[error("{}: `{target}` builds nothing", path.shown())]
    NoBuild {
        /// The file that names it.
        path: PathBuf,
        /// The goal of make.
        target: String,
    },
    /// git cannot say what a tree is.
    #[error("git cannot identify `{}`: {reason}", path.shown())]
    Git {
        /// The tree.
        path: PathBuf,
        /// What git says.
        reason: String,
    },
    /// The workspace is not configured.
    #[error("the workspace is not configured for Buildroot: there is no `{}`", path.shown())]
    NotConfigured {
        /// The file that is not there.
        path: PathBuf,
    },
    /// The workspace was built at a path that cannot be had now.
    #[error("the workspace was built at `{}`, in a mount namespace, and this machine forbids to make one now: {reason}", path.shown())]
    Place {
        /// The path.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The workspace was moved, and files in it name its old path.
    #[error("the workspace was built at `{}`, and has moved since", path.shown())]
    Moved {
        /// The path.
        path: PathBuf,
    },
    /// make failed.
    #[error("{what} failed{}", last.as_ref().map(|last| format!(": {last}")).unwrap_or_default())]
    Make {
        /// What was being made: "gcc-final 15.2.0 Building".
        what: String,
        /// The first line that names an error.
        last: Option<String>,
        /// The end of the output.
        tail: Vec<String>,
        /// The file with all of the output.
        log: PathBuf,
        /// The package, where it is known.
        package: Option<String>,
    },
    /// Downloads failed.
    #[error("{} downloads failed", failures.len())]
    Downloads {
        /// The packages, each with the first reason.
        failures: Vec<(String, String)>,
        /// Whether nothing was allowed to be fetched.
        offline: bool,
        /// The file with all of the output.
        log: PathBuf,
    },
    /// What Buildroot says of its packages is not understood.
    #[error("cannot read Buildroot's list of packages: {reason}")]
    Info {
        /// What is wrong.
        reason: String,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Nobody can tell what was built.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The workspace's directory is not skiff's.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// A hook would be refused.
    #[error(transparent)]
    Hook(#[from] HookFailure),
    /// The user asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl From<WaitError> for BuildrootError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::File(error) => error.into(),
            WaitError::Cancelled(error) => error.into(),
        }
    }
}
