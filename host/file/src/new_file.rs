use std::fs;
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use tempfile::NamedTempFile;

/// How the names of unfinished files start.
pub const NEW: &str = ".new+skiff+";

/// Permissions of files that are nobody's secret, whatever the umask.
const MODE: u32 = 0o644;

/// A file that is being written, and takes its place when it is complete. Dropped before, it leaves nothing.
#[derive(Debug)]
pub struct NewFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl NewFile {
    /// Makes an empty file beside `path`, in a directory that is made if need be.
    ///
    /// # Errors
    /// Those of the system.
    pub fn of(path: &Path) -> io::Result<Self> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(directory)?;
        let mut builder = tempfile::Builder::new();
        let file = builder.prefix(NEW).permissions(fs::Permissions::from_mode(MODE)).tempfile_in(directory)?;
        // The umask has no say.
        file.as_file().set_permissions(fs::Permissions::from_mode(MODE))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Returns the file, to be written to.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Writes the file to the disk and gives it its name. A link in its place is replaced, not followed.
    ///
    /// # Errors
    /// Those of the system; what was there is then as it was.
    pub fn publish(self) -> io::Result<File> {
        self.file.as_file().sync_all()?;
        self.file.persist(&self.path).map_err(|error| error.error)
    }
}

/// Replaces a file with new content: completely or not at all. A link in its place is replaced, not followed.
///
/// # Errors
/// Those of the system; what was there is then as it was.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut new = NewFile::of(path)?;
    new.file().write_all(content)?;
    new.publish().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_completely_or_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/f");
        replace(&path, b"one").unwrap();
        let mut unfinished = NewFile::of(&path).unwrap();
        unfinished.file().write_all(b"two").unwrap();
        drop(unfinished);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, MODE);
        assert_eq!(fs::read_dir(root.path().join("a")).unwrap().count(), 1, "nothing is left");
        std::os::unix::fs::symlink(&path, root.path().join("link")).unwrap();
        replace(&root.path().join("link"), b"three").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one", "a link is not followed");
    }
}
