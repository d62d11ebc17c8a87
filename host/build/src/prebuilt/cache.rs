//! The cache that all workspaces share: what lies in it is believed, so nobody else may have put it there.

use std::fs;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use skiff_trust::Trust;

use super::PrebuiltError;
use crate::FileError;

/// Makes a directory, with mode 0700, unless it is there, and checks that nobody else can change it or what lies in it.
pub(crate) fn make_private(trust: &Trust, path: &Path) -> Result<(), PrebuiltError> {
    let failed = || FileError::at("use the cache", path);
    trust.check(path)?;
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed())?;
    for entry in fs::read_dir(path).map_err(failed())? {
        trust.check(&entry.map_err(failed())?.path())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_directory_that_others_can_fill_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let trust = Trust::of(rustix::process::geteuid().as_raw(), None);
        make_private(&trust, &at("a/b")).unwrap();
        make_private(&trust, &at("a/b")).unwrap();
        assert_eq!(fs::metadata(at("a/b")).unwrap().mode() & 0o777, 0o700);
        fs::create_dir(at("open")).unwrap();
        fs::set_permissions(at("open"), fs::Permissions::from_mode(0o777)).unwrap();
        fs::write(at("file"), "").unwrap();
        fs::write(at("a/list"), "").unwrap();
        fs::set_permissions(at("a/list"), fs::Permissions::from_mode(0o666)).unwrap();
        for name in ["open", "file", "a"] {
            assert!(make_private(&trust, &at(name)).is_err(), "{name}");
        }
    }
}
