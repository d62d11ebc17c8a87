use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use skiff_file::Lock;
use skiff_plan::Workspace;
use skiff_report::Cancel;
use skiff_report::Cancelled;
use skiff_report::Reporter;
use skiff_report::Task;
use skiff_report::Unit;

use crate::FileError;
use crate::atomic::Staging;

/// The right to change a workspace. The operating system takes it back when the process ends, however it ends.
#[derive(Debug)]
pub struct WorkspaceLock(Lock);

/// How often a waiting skiff looks whether it is to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// Why something that all workspaces share could not be locked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WaitError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Locks something that all workspaces share, and waits for whoever has it, under the title of a task.
pub(crate) fn wait_for(
    path: &Path,
    title: &str,
    reporter: &Arc<dyn Reporter>,
    cancel: &Cancel,
) -> Result<Lock, WaitError> {
    let mut waiting = None;
    loop {
        if let Some(lock) = Lock::try_take(path).map_err(FileError::at("lock", path))? {
            return Ok(lock);
        }
        waiting.get_or_insert_with(|| Task::start(reporter, title, Unit::Items, None));
        cancel.check()?;
        thread::sleep(GLANCE);
    }
}

/// Why a workspace could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds the lock.
    #[error("another skiff is working on the workspace `{name}`")]
    Busy {
        /// The workspace.
        name: String,
    },
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
}

impl WorkspaceLock {
    /// Runs `start`, which starts a program that holds the lock, too: if skiff is killed, nobody else gets into the
    /// workspace before that program has ended.
    pub(crate) fn shared_with<T>(&self, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        rustix::io::fcntl_setfd(self.0.file(), rustix::io::FdFlags::empty())?;
        let started = start();
        rustix::io::fcntl_setfd(self.0.file(), rustix::io::FdFlags::CLOEXEC)?;
        started
    }

    /// Returns whether somebody works on a workspace, as far as the system tells: without taking the lock, which would
    /// refuse whoever wants it at that moment.
    pub fn is_taken(workspace: &Workspace) -> bool {
        let Ok(lock) = fs::metadata(workspace.lock_file()) else { return false };
        // `1: FLOCK ADVISORY WRITE <process> <major>:<minor>:<inode> 0 EOF`
        let (major, minor) = (rustix::fs::major(lock.dev()), rustix::fs::minor(lock.dev()));
        let own = format!("{major:02x}:{minor:02x}:{}", lock.ino());
        let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
        let mut fields = locks.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        fields.any(|fields| fields.contains(&"FLOCK") && fields.contains(&own.as_str()))
    }

    /// Locks a workspace and removes what killed runs have left in it.
    ///
    /// # Errors
    /// [`LockError::Busy`] when another process holds the lock; waiting would only hide that.
    pub fn take(workspace: &Workspace) -> Result<Self, LockError> {
        let path = workspace.lock_file();
        let lock = Lock::try_take(&path).map_err(FileError::at("lock", &path))?;
        let lock = lock.ok_or_else(|| LockError::Busy { name: workspace.name().to_owned() })?;
        for folder in [workspace.root(), &workspace.folder()] {
            Staging::clear(folder, workspace.name())?;
        }
        Ok(Self(lock))
    }
}
