use std::fs;
use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The right to change something that several processes of one user may want to change. The operating system takes it back
/// when the process ends, however it ends.
///
/// Whoever can open the file can hold the lock (flock(2)), so nobody else can open it. A directory would be no such lock:
/// others may read it.
#[derive(Debug)]
pub struct Lock(File);

/// A pipe in the place of a lock would have skiff wait for a reader, and a link could lead anywhere.
const FLAGS: i32 = rustix::fs::OFlags::NONBLOCK.union(rustix::fs::OFlags::NOFOLLOW).bits().cast_signed();

const MODE: u32 = 0o600;

impl Lock {
    /// Takes the lock, or returns `None` while another process has it.
    ///
    /// # Errors
    /// Those of the system.
    pub fn try_take(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Takes the lock, and waits for whoever has it. That is for locks that nobody has for long.
    ///
    /// # Errors
    /// Those of the system.
    pub fn take(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        file.lock()?;
        Ok(Self(file))
    }

    /// Returns the open file, for programs that are to hold the lock, too.
    pub fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for Lock {
    /// Lets go, also for programs that were left behind and hold the file.
    fn drop(&mut self) {
        // If it fails, the lock ends with the process.
        let _ = self.0.unlock();
    }
}

fn open(path: &Path) -> io::Result<File> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mut options = File::options();
    let file = options.create(true).truncate(false).write(true).mode(MODE).custom_flags(FLAGS).open(path)?;
    let metadata = file.metadata()?;
    // Earlier versions let others open it.
    if metadata.mode() & 0o7777 != MODE && metadata.uid() == rustix::process::geteuid().as_raw() {
        file.set_permissions(fs::Permissions::from_mode(MODE))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_the_lock_and_nobody_else_can_open_it() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/.lock");
        let lock = Lock::take(&path).unwrap();
        assert!(Lock::try_take(&path).unwrap().is_none());
        assert_eq!(lock.file().metadata().unwrap().mode() & 0o7777, MODE);
        drop(lock);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let again = Lock::try_take(&path).unwrap().unwrap();
        assert_eq!(again.file().metadata().unwrap().mode() & 0o7777, MODE);
        std::os::unix::fs::symlink("a/.lock", root.path().join("link")).unwrap();
        assert!(Lock::try_take(&root.path().join("link")).is_err());
    }
}
