//! The cache that all workspaces share: what lies in it is believed, so nobody else may have put it there.

use std::fs;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::FileError;

/// Makes a directory that only the user can write to. One that is there already must be such a directory: not a link, the
/// user's own, and closed to others.
pub(crate) fn make_private(path: &Path) -> Result<(), FileError> {
    let make = || -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return DirBuilder::new().recursive(true).mode(0o700).create(path);
            }
            Err(error) => return Err(error),
        }
        let metadata = fs::symlink_metadata(path)?;
        let why = if !metadata.is_dir() {
            "expected a directory"
        } else if metadata.uid() != rustix::process::geteuid().as_raw() {
            "it belongs to another user, so its content is not trusted"
        } else if metadata.mode() & 0o002 != 0 {
            "every user can write to it, so its content is not trusted"
        } else {
            return Ok(());
        };
        Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
    };
    make().map_err(FileError::at("use the cache", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_directory_that_others_can_fill_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        make_private(&at("a/b")).unwrap();
        make_private(&at("a/b")).unwrap();
        assert_eq!(fs::metadata(at("a/b")).unwrap().mode() & 0o777, 0o700);
        fs::create_dir(at("open")).unwrap();
        fs::set_permissions(at("open"), fs::Permissions::from_mode(0o777)).unwrap();
        symlink(at("a"), at("link")).unwrap();
        fs::write(at("file"), "").unwrap();
        for name in ["open", "link", "file"] {
            assert!(make_private(&at(name)).is_err(), "{name}");
        }
    }
}
