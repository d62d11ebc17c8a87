use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use skiff_file::SearchPath;

use super::Ext4Error;

/// The programs that make a file system.
pub(crate) const MAKE: [&str; 3] = ["mke2fs", "debugfs", "dumpe2fs"];

/// The programs that change a file system.
pub(crate) const CHANGE: [&str; 4] = ["dumpe2fs", "e2image", "e2fsck", "debugfs"];

/// Programs of e2fsprogs that were found before the first of them runs.
#[derive(Debug)]
pub(crate) struct Programs {
    path: SearchPath,
    found: BTreeMap<&'static str, PathBuf>,
}

impl Programs {
    /// Finds programs in directories of the user, and in those of the system.
    pub(crate) fn find(names: &[&'static str], path: &SearchPath) -> Result<Self, Ext4Error> {
        Self::find_in(names, path.clone().with_system())
    }

    fn find_in(names: &[&'static str], path: SearchPath) -> Result<Self, Ext4Error> {
        let find = |name: &&'static str| Ok((*name, path.find(name).ok_or(Ext4Error::NoTool { program: name })?));
        let found = names.iter().map(find).collect::<Result<_, Ext4Error>>()?;
        Ok(Self { path, found })
    }

    /// The file of a program that was looked for.
    pub(crate) fn get(&self, program: &'static str) -> Result<&Path, Ext4Error> {
        self.found.get(program).map(PathBuf::as_path).ok_or(Ext4Error::NoTool { program })
    }

    /// The directories in which they were looked for.
    pub(crate) fn path(&self) -> &SearchPath {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_first_program_that_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let find = || Programs::find_in(&MAKE, SearchPath::parse(folder.path().as_os_str()));
        for name in ["mke2fs", "dumpe2fs"] {
            std::fs::write(folder.path().join(name), "").unwrap();
            std::fs::set_permissions(folder.path().join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        assert_eq!(find().unwrap_err().to_string(), "`debugfs` is not installed");
        let debugfs = folder.path().join("debugfs");
        std::fs::write(&debugfs, "").unwrap();
        assert!(find().is_err(), "it cannot be run");
        std::fs::set_permissions(&debugfs, std::fs::Permissions::from_mode(0o755)).unwrap();
        let programs = find().unwrap();
        assert_eq!(programs.get("debugfs").unwrap(), debugfs);
        assert!(programs.get("e2fsck").is_err(), "it was not looked for");
    }
}
