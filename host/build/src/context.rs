use std::path::PathBuf;
use std::sync::Arc;

use skiff_plan::BuildPlan;
use skiff_plan::Workspace;
use skiff_report::Cancel;
use skiff_report::Reporter;
use skiff_text::Shown as _;

use crate::Drift;
use crate::LockError;
use crate::LockFile;
use crate::LockFileError;
use crate::LockedSystem;
use crate::WorkspaceLock;

/// What is built, where, and who is told of it. Engines do nothing without one.
///
/// [`BuildContext::open`] is the only way to it, so that whoever changes a workspace holds its lock, and `--locked` is
/// kept by every command.
#[non_exhaustive]
pub struct BuildContext {
    /// What to build.
    pub plan: BuildPlan,
    /// Where.
    pub workspace: Workspace,
    /// The right to change the workspace.
    pub lock: WorkspaceLock,
    /// Who is told of progress.
    pub reporter: Arc<dyn Reporter>,
    /// Whether to stop.
    pub cancel: Cancel,
    locked: bool,
}

/// What a build context is opened with.
pub struct Opening {
    /// What to build.
    pub plan: BuildPlan,
    /// What that consists of, to be compared with the lock file.
    pub system: LockedSystem,
    /// Whether the workspace's lock file must say the same: `--locked`.
    pub locked: bool,
    /// Where.
    pub workspace: Workspace,
    /// Who is told of progress.
    pub reporter: Arc<dyn Reporter>,
    /// Whether to stop.
    pub cancel: Cancel,
}

/// Why a build context could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The workspace could not be locked.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The lock file cannot be read.
    #[error(transparent)]
    LockFile(#[from] LockFileError),
    /// With `--locked`, the system is not as the lock file has it.
    #[error("the system is not as `{}` has it, and --locked is given:{}", path.shown(), lines(drift))]
    Drifted {
        /// The lock file.
        path: PathBuf,
        /// What differs.
        drift: Vec<Drift>,
    },
}

fn lines(drift: &[Drift]) -> String {
    drift.iter().map(|drift| format!("\n  {drift}")).collect()
}

impl BuildContext {
    /// Locks the workspace; with `--locked`, compares the system with the lock file.
    ///
    /// # Errors
    /// [`OpenError`]; the workspace is then as it was.
    pub fn open(opening: Opening) -> Result<Self, OpenError> {
        let Opening { plan, system, locked, workspace, reporter, cancel } = opening;
        let lock = WorkspaceLock::take(&workspace)?;
        if locked {
            system.check(&workspace)?;
        }
        Ok(Self { plan, workspace, lock, reporter, cancel, locked })
    }

    /// Goes on with another plan of the same workspace.
    ///
    /// # Errors
    /// [`OpenError`] as for [`BuildContext::open`].
    pub fn replan(&mut self, plan: BuildPlan, system: &LockedSystem) -> Result<(), OpenError> {
        if self.locked {
            system.check(&self.workspace)?;
        }
        self.plan = plan;
        Ok(())
    }
}

impl LockedSystem {
    /// Compares a system with what the lock file of a workspace says, as `--locked` demands.
    ///
    /// # Errors
    /// [`OpenError::Drifted`] lists all that differs; [`OpenError::LockFile`] when the file cannot be read.
    pub fn check(&self, workspace: &Workspace) -> Result<(), OpenError> {
        let drift = match LockFile::read(workspace)?.system {
            Some(locked) => locked.drift(self),
            None => vec![Drift::Nothing],
        };
        match drift.is_empty() {
            true => Ok(()),
            false => Err(OpenError::Drifted { path: workspace.system_lock(), drift }),
        }
    }
}
