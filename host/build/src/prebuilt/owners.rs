use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

/// User and group id.
pub(crate) type Owner = (u32, u32);

/// Who owns what is not root's. A build without root cannot give files away, so the owners stand beside the tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Owners {
    /// Files, directories and links themselves.
    own: BTreeMap<PathBuf, Owner>,
    /// Directories with all below them.
    below: BTreeMap<PathBuf, Owner>,
}

impl Owners {
    /// Returns the owner of a path, relative to the target.
    pub(crate) fn of(&self, path: &Path) -> Owner {
        let above = || path.ancestors().find_map(|folder| self.below.get(folder));
        self.own.get(path).or_else(above).copied().unwrap_or((0, 0))
    }

    /// Gives away one path.
    pub(crate) fn set(&mut self, path: PathBuf, owner: Owner) {
        match owner {
            (0, 0) => self.own.remove(&path),
            _ => self.own.insert(path, owner),
        };
    }

    /// Gives away a directory and all below it.
    pub(crate) fn set_below(&mut self, folder: PathBuf, owner: Owner) {
        self.below.insert(folder, owner);
    }

    /// Forgets the owner of a path, which another file has replaced.
    pub(crate) fn forget(&mut self, path: &Path) {
        self.own.remove(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_its_own_owner_or_that_of_a_directory_above() {
        let mut owners = Owners::default();
        owners.set_below("home/core".into(), (1000, 1000));
        owners.set("usr/bin/chage".into(), (0, 42));
        owners.set("home/core/root".into(), (0, 7));
        let of = |path: &str| owners.of(Path::new(path));
        assert_eq!((of("home/core"), of("home/core/a/b"), of("home")), ((1000, 1000), (1000, 1000), (0, 0)));
        assert_eq!((of("usr/bin/chage"), of("usr/bin/su"), of("home/core/root")), ((0, 42), (0, 0), (0, 7)));
        owners.forget(Path::new("usr/bin/chage"));
        assert_eq!(owners.of(Path::new("usr/bin/chage")), (0, 0));
    }
}
