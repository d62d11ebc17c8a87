//! Writing files and directories completely or not at all.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::CWD;
use rustix::fs::RenameFlags;
use skiff_file::NEW;
use skiff_tree::Temporary;

use crate::mounted::refuse_mounts;
use crate::mounted::remove_tree;
use skiff_text::Shown as _;

/// An operation on a file failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} `{}`", path.shown())]
pub struct FileError {
    /// What was tried: "write", "read", …
    pub doing: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

impl FileError {
    /// Makes a function for `map_err` of a walk below `root`.
    pub(crate) fn walking(root: &Path) -> impl FnOnce(walkdir::Error) -> Self {
        move |error| {
            let path = error.path().unwrap_or(root).to_owned();
            let source = error.into_io_error().unwrap_or_else(|| io::Error::other("symbolic links lead in a circle"));
            Self { doing: "read", path, source }
        }
    }

    /// Makes a function for `map_err` that names the path.
    pub(crate) fn at(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self { doing, path, source }
    }
}

/// Bytes that a file of a workspace's state may have; the longest, Buildroot's lists of files, have a few megabytes.
const MAX_STATE: u64 = 256 << 20;

/// Reads a file, or returns `None` when it is not there. Opening a pipe would wait for somebody to write into it, and a
/// device may have no end.
pub(crate) fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    skiff_file::read_optional(path, MAX_STATE).map_err(FileError::at("read", path))
}

/// Replaces a file with new content: completely or not at all. A link in its place is replaced, not followed.
///
/// # Errors
/// [`FileError`]; the file is then as it was.
pub fn write_file(path: &Path, content: &[u8]) -> Result<(), FileError> {
    skiff_file::replace(path, content).map_err(FileError::at("write", path))
}

/// Makes an empty file in the place of what is there: for logs, which grow. A link in its place is removed, not followed.
pub(crate) fn new_file(path: &Path) -> Result<fs::File, FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(FileError::at("replace", path)(error)),
        _ => {}
    }
    fs::File::create_new(path).map_err(FileError::at("write", path))
}

/// A directory that is being filled and will take the place of another.
pub(crate) struct Staging {
    folder: Temporary,
}

impl Staging {
    /// The beginning of the names of all staging directories.
    ///
    /// The workspace's name follows, between characters that no name has.
    fn prefix(workspace: &str) -> String {
        format!(".staging+{workspace}+")
    }

    /// Makes an empty directory below `parent`, on the same file system as what it will replace.
    pub(crate) fn new(parent: &Path, workspace: &str) -> Result<Self, FileError> {
        let make = || {
            fs::create_dir_all(parent)?;
            Temporary::new(&Self::prefix(workspace), parent)
        };
        Ok(Self { folder: make().map_err(FileError::at("make a directory in", parent))? })
    }

    /// Removes what killed runs have left. Only for the holder of the workspace's lock.
    pub(crate) fn clear(parent: &Path, workspace: &str) -> Result<(), FileError> {
        let prefix = Self::prefix(workspace);
        let Ok(entries) = fs::read_dir(parent) else { return Ok(()) };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let removed = if is_folder && name.as_encoded_bytes().starts_with(prefix.as_bytes()) {
                match remove_tree(&entry.path()) {
                    // Somebody else has put something into it. It is in nobody's way.
                    Err(error) if error.source.kind() == io::ErrorKind::PermissionDenied => {}
                    removed => removed?,
                }
                continue;
            } else if name.as_encoded_bytes().starts_with(NEW.as_bytes()) {
                fs::remove_file(entry.path())
            } else {
                continue;
            };
            removed.map_err(FileError::at("remove", entry.path()))?;
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts the directory `name` of this staging directory in the place of `target`, in one step. What was there is
    /// removed afterwards.
    pub(crate) fn commit(&self, name: &str, target: &Path) -> Result<(), FileError> {
        refuse_mounts(target)?;
        self.exchange(name, target)?;
        // The old directory, if there was one.
        match fs::symlink_metadata(self.path().join(name)) {
            Ok(_) => remove_tree(&self.path().join(name)),
            Err(_) => Ok(()),
        }
    }

    /// As [`Self::commit`], for several directories, one right after the other. The old ones are removed with the staging
    /// directory.
    pub(crate) fn commit_all(&self, names: &[(&str, &Path)]) -> Result<(), FileError> {
        names.iter().try_for_each(|(_, target)| refuse_mounts(target))?;
        names.iter().try_for_each(|(name, target)| self.exchange(name, target))
    }

    /// Puts the directory `name` in the place of `target`, in one step, and keeps the old one until the staging directory is
    /// removed: several can be exchanged one right after the other.
    pub(crate) fn exchange(&self, name: &str, target: &Path) -> Result<(), FileError> {
        let new = self.path().join(name);
        let place = || -> io::Result<()> {
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)?;
            }
            if fs::symlink_metadata(target).is_ok() {
                return Ok(rustix::fs::renameat_with(CWD, &new, CWD, target, RenameFlags::EXCHANGE)?);
            }
            fs::rename(&new, target)
        };
        place().map_err(FileError::at("replace", target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_takes_the_place_of_the_old_one_at_once() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("images");
        for content in ["one", "two"] {
            let staging = Staging::new(root.path(), "w").unwrap();
            fs::create_dir(staging.path().join("images")).unwrap();
            fs::write(staging.path().join("images/f"), content).unwrap();
            staging.commit("images", &target).unwrap();
            assert_eq!(fs::read_to_string(target.join("f")).unwrap(), content);
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_run_left_is_cleared() {
        let root = tempfile::tempdir().unwrap();
        std::mem::forget(Staging::new(root.path(), "w").unwrap());
        fs::create_dir(root.path().join("images")).unwrap();
        Staging::clear(root.path(), "w").unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
