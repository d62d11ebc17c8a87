//! What is mounted inside a directory that is to be removed.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::CWD;
use skiff_report::Cancel;
use skiff_tree::Stopped;

use crate::FileError;

/// Refuses a directory in which another file system is mounted: removing it would remove the files of that one.
pub(crate) fn refuse_mounts(folder: &Path) -> Result<(), FileError> {
    let folder = match fs::canonicalize(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        real => real.map_err(FileError::at("find", folder))?,
    };
    let table = fs::read("/proc/self/mountinfo").map_err(FileError::at("read", "/proc/self/mountinfo"))?;
    match inside(&table, &folder) {
        None => Ok(()),
        Some(mount) => {
            let why = "a file system is mounted here; unmount it first";
            Err(FileError::at("remove", mount)(io::Error::new(io::ErrorKind::ResourceBusy, why)))
        }
    }
}

/// Removes a directory and all in it, unless something is mounted there. One that is not there is removed already.
pub(crate) fn remove_tree(folder: &Path) -> Result<(), FileError> {
    remove_tree_unless(&Cancel::default(), folder)
}

/// As [`remove_tree`], and stops when the user asks for it.
pub(crate) fn remove_tree_unless(cancel: &Cancel, folder: &Path) -> Result<(), FileError> {
    // Somebody may have put a link in its place; what it leads to stays, and so may be mounted.
    if fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir()) {
        refuse_mounts(folder)?;
    }
    let watch = || if cancel.is_cancelled() { Err(Stopped::Cancelled) } else { Ok(()) };
    skiff_tree::remove(CWD, folder, &watch).map_err(|error| FileError::at("remove", folder)(error.into()))
}

/// Finds a mount point at or below a directory.
fn inside(table: &[u8], folder: &Path) -> Option<PathBuf> {
    skiff_tree::mounts(table).map(|mount| mount.place).find(|place| place.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn mount_points_below_a_folder_are_found() {
        let table = b"1 2 0:1 / /proc rw - proc proc rw\n3 4 8:1 / /w/my\\040target/mnt rw - ext4 /dev/sda1 rw\n";
        assert_eq!(inside(table, Path::new("/w/my target")), Some(PathBuf::from("/w/my target/mnt")));
        let odd = Path::new(OsStr::from_bytes(b"/w/\xff"));
        assert_eq!(inside(b"1 2 0:1 / /w/\xff/mnt rw", odd), Some(odd.join("mnt")));
        assert_eq!(inside(table, Path::new("/w/my")), None);
    }
}
