//! Files that get their names when they are finished.

use std::fs;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::FlockOperation;
use rustix::fs::OFlags;
use tempfile::NamedTempFile;

/// How the names of unfinished files start.
const PREFIX: &str = ".skiff-unfinished-";

/// How many letters and digits follow.
const RANDOM: usize = 12;

/// Makes a file in a directory, and removes those that runs have left there that were killed.
///
/// # Errors
/// Those of the system.
pub fn unfinished_file(directory: &Path) -> io::Result<NamedTempFile> {
    // What cannot be removed is only in the way.
    let _ = clear(directory);
    loop {
        let file = tempfile::Builder::new().prefix(PREFIX).rand_bytes(RANDOM).tempfile_in(directory)?;
        // The lock ends with the process, however that ends. Where there are no locks, nothing is cleared either.
        let locked = rustix::fs::flock(file.as_file(), FlockOperation::NonBlockingLockExclusive);
        // Another process may have taken it for a leftover before it was locked.
        if locked != Err(rustix::io::Errno::WOULDBLOCK) && file.as_file().metadata()?.nlink() > 0 {
            return Ok(file);
        }
    }
}

fn clear(directory: &Path) -> io::Result<()> {
    let user = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let random = name.as_encoded_bytes().strip_prefix(PREFIX.as_bytes());
        let is_one =
            random.is_some_and(|random| random.len() == RANDOM && random.iter().all(u8::is_ascii_alphanumeric));
        if !is_one || !entry.file_type()?.is_file() {
            continue;
        }
        let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed();
        let Ok(file) = File::options().read(true).custom_flags(flags).open(entry.path()) else { continue };
        let is_ours = file.metadata().is_ok_and(|metadata| metadata.uid() == user);
        if is_ours && rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_has_left_is_removed_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let working = unfinished_file(root.path()).unwrap();
        fs::write(root.path().join(".skiff-unfinished-abcdefABC123"), "x").unwrap();
        fs::write(root.path().join(".skiff-unfinished-notes"), "x").unwrap();
        fs::write(root.path().join("image-kept"), "x").unwrap();
        fs::create_dir(root.path().join(".skiff-unfinished-abcdefABC124")).unwrap();
        std::os::unix::fs::symlink("image-kept", root.path().join(".skiff-unfinished-abcdefABC125")).unwrap();
        let other = unfinished_file(root.path()).unwrap();
        assert!(working.path().exists() && other.path().exists());
        let mut names: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.retain(|name| root.path().join(name) != working.path() && root.path().join(name) != other.path());
        names.sort();
        assert_eq!(
            names,
            [
                ".skiff-unfinished-abcdefABC124",
                ".skiff-unfinished-abcdefABC125",
                ".skiff-unfinished-notes",
                "image-kept"
            ]
        );
    }
}
