use std::io;
use std::path::Path;

use rustix::fs::CWD;
use tempfile::TempDir;

use crate::remove;

/// A directory that is removed when dropped, whatever was put into it.
///
/// [`TempDir`] alone leaves trees behind that are deeper than the number of files that a process may open.
#[derive(Debug)]
pub struct Temporary(TempDir);

impl Temporary {
    /// Makes an empty directory in another, with a name that starts with `prefix`.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn new(prefix: &str, parent: &Path) -> io::Result<Self> {
        tempfile::Builder::new().prefix(prefix).tempdir_in(parent).map(Self)
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // An error leaves it to whoever clears the directory above.
        let _ = remove(CWD, self.0.path(), &|| Ok(()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_gone_with_all_that_is_in_it() {
        let root = tempfile::tempdir().unwrap();
        let temporary = Temporary::new(".t-", root.path()).unwrap();
        std::fs::create_dir_all(temporary.path().join("a/b")).unwrap();
        drop(temporary);
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
