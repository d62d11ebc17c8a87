use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use cap_std::fs::OpenOptions;
use walkdir::WalkDir;

use crate::FileError;

/// The directory in which images are made. Hooks write there, too, so nothing in it is trusted: files are made anew,
/// never opened through a link that somebody has left.
pub(crate) struct Images {
    dir: Dir,
    path: PathBuf,
}

/// Bytes that all images together may have: more is a runaway hook.
const MAX_SIZE: u64 = 256 << 30;

impl Images {
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(FileError::at("open", path))?;
        Ok(Self { dir, path: path.to_owned() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a new file, in the place of whatever has its name.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        match self.dir.remove_file(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.dir.open_with(name, OpenOptions::new().write(true).create_new(true)).map(cap_std::fs::File::into_std)
    }

    /// Lists all files below the directory, in byte order of their paths. Buildroot's packages leave symbolic links
    /// beside their images, which are no images.
    ///
    /// # Errors
    /// When something is neither a file nor a directory nor an allowed link, has a name that is no plain text, or all is
    /// too large.
    pub(crate) fn files(path: &Path, symlinks: Symlinks) -> Result<Vec<PathBuf>, FileError> {
        let mut files = Vec::new();
        let mut size: u64 = 0;
        for entry in WalkDir::new(path).min_depth(1).max_depth(MAX_DEPTH) {
            let entry = entry.map_err(FileError::walking(path))?;
            let refuse = |why: &str| {
                Err(FileError::at("take as an image", entry.path())(io::Error::new(io::ErrorKind::InvalidData, why)))
            };
            let inner = entry.path().strip_prefix(path).unwrap_or(entry.path());
            if inner.to_str().is_none_or(|name| name.chars().any(char::is_control)) {
                return refuse("its name is no plain text");
            }
            let metadata = entry.metadata().map_err(FileError::walking(path))?;
            if metadata.is_file() {
                size = size.saturating_add(metadata.len());
                files.push(inner.to_owned());
            } else if !(metadata.is_dir() || metadata.is_symlink() && symlinks == Symlinks::Skipped) {
                return refuse("it is neither a file nor a directory");
            }
            if size > MAX_SIZE {
                return refuse("all images together are larger than 256 GiB");
            }
        }
        files.sort();
        Ok(files)
    }
}

/// What is made of symbolic links among the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Symlinks {
    /// There must be none: whoever made one wants others to write through it.
    Refused,
    /// They are left out.
    Skipped,
}

/// Directories in directories that are looked into.
const MAX_DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_link_that_a_hook_has_left_is_replaced_and_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let (images, precious) = (root.path().join("images"), root.path().join("precious"));
        fs::create_dir(&images).unwrap();
        fs::write(&precious, "precious").unwrap();
        std::os::unix::fs::symlink("../precious", images.join("rootfs.tar")).unwrap();
        assert!(Images::files(&images, Symlinks::Refused).is_err());
        drop(Images::open(&images).unwrap().create("rootfs.tar").unwrap());
        assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
        assert_eq!(Images::files(&images, Symlinks::Refused).unwrap(), [PathBuf::from("rootfs.tar")]);
        fs::write(images.join("x\ny"), "").unwrap();
        assert!(Images::files(&images, Symlinks::Refused).is_err());
    }
}
