//! What is mounted inside a folder that is to be removed.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::FileError;

/// Refuses a folder in which another file system is mounted: removing it would remove the files of that one.
pub(crate) fn refuse_mounts(folder: &Path) -> Result<(), FileError> {
    let Ok(folder) = fs::canonicalize(folder) else { return Ok(()) };
    let table = fs::read("/proc/self/mountinfo").map_err(FileError::at("read", "/proc/self/mountinfo"))?;
    match inside(&String::from_utf8_lossy(&table), &folder) {
        None => Ok(()),
        Some(mount) => {
            let why = "a file system is mounted here; unmount it first";
            Err(FileError::at("remove", mount)(io::Error::new(io::ErrorKind::ResourceBusy, why)))
        }
    }
}

/// Removes a folder and all in it, unless something is mounted there. One that is not there is removed already.
pub(crate) fn remove_tree(folder: &Path) -> Result<(), FileError> {
    // Somebody may have put something else in its place; what a link leads to stays.
    let is_folder = match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata.map_err(FileError::at("remove", folder))?.is_dir(),
    };
    if !is_folder {
        return fs::remove_file(folder).map_err(FileError::at("remove", folder));
    }
    refuse_mounts(folder)?;
    fs::remove_dir_all(folder).map_err(FileError::at("remove", folder))
}

/// Finds a mount point at or below a folder; the fifth field of a line, with blanks and the like in octal.
fn inside(table: &str, folder: &Path) -> Option<PathBuf> {
    let points = table.lines().filter_map(|line| line.split(' ').nth(4));
    let plain = |point: &str| {
        let codes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
        PathBuf::from(codes.iter().fold(point.to_owned(), |text, (code, plain)| text.replace(code, plain)))
    };
    points.map(plain).find(|point| point.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_below_a_folder_are_found() {
        let table = "1 2 0:1 / /proc rw - proc proc rw\n3 4 8:1 / /w/my\\040target/mnt rw - ext4 /dev/sda1 rw\n";
        assert_eq!(inside(table, Path::new("/w/my target")), Some(PathBuf::from("/w/my target/mnt")));
        assert_eq!(inside(table, Path::new("/w/my")), None);
    }
}
