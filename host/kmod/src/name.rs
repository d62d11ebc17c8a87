//! Names of modules.

use std::fmt;

/// The name of a module as the kernel knows it, with `_` for each `-` of the file's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModuleName(String);

impl ModuleName {
    /// Takes a name as people and modules write it: `virtio-blk` is `virtio_blk`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.replace('-', "_"))
    }

    /// Takes the name from the path of a file: `kernel/fs/nls/nls_cp437.ko.xz` is `nls_cp437`.
    #[must_use]
    pub fn of_file(path: &str) -> Self {
        let file = path.rsplit('/').next().unwrap_or(path);
        Self::new(file.split('.').next().unwrap_or(file))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_hyphens_directories_or_endings() {
        assert_eq!(ModuleName::new("virtio-blk").as_str(), "virtio_blk");
        for path in ["kernel/a.b/snd-hda.ko", "snd-hda.ko.zst", "/snd_hda"] {
            assert_eq!(ModuleName::of_file(path).as_str(), "snd_hda", "{path}");
        }
    }
}
