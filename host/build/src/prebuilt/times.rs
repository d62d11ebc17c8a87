//! The times of what hooks have left among the images: disk images bear them, and equal inputs make equal bytes.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::AtFlags;
use rustix::fs::CWD;
use rustix::fs::Timespec;
use rustix::fs::Timestamps;
use rustix::fs::utimensat;

use crate::FileError;

/// Gives what is newer than `epoch` (seconds since 1970), in a directory and below it, that time. Links are not followed.
pub(crate) fn cap(folder: &Path, epoch: u32) -> Result<(), FileError> {
    let mut pending: Vec<PathBuf> = vec![folder.to_owned()];
    let time = Timespec { tv_sec: epoch.into(), tv_nsec: 0 };
    while let Some(path) = pending.pop() {
        let metadata = fs::symlink_metadata(&path).map_err(FileError::at("look at", &path))?;
        if metadata.is_dir() {
            for entry in fs::read_dir(&path).map_err(FileError::at("list", &path))? {
                pending.push(entry.map_err(FileError::at("list", &path))?.path());
            }
        }
        if metadata.mtime() > epoch.into() {
            let times = Timestamps { last_access: time, last_modification: time };
            utimensat(CWD, &path, &times, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(|error| FileError::at("set the time of", &path)(error.into()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_newer_gets_the_time_and_what_is_older_keeps_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("boot_part")).unwrap();
        fs::write(path("boot_part/new"), "new").unwrap();
        fs::write(path("old"), "old").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path("boot_part/link")).unwrap();
        let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(5);
        fs::File::open(path("old")).unwrap().set_modified(old).unwrap();
        cap(folder.path(), 1_000_000_000).unwrap();
        for (name, time) in [
            ("boot_part/new", 1_000_000_000),
            ("boot_part", 1_000_000_000),
            ("boot_part/link", 1_000_000_000),
            ("old", 5),
        ] {
            assert_eq!(fs::symlink_metadata(path(name)).unwrap().mtime(), time, "{name}");
        }
    }
}
