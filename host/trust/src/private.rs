use std::fs;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::path::PathBuf;

use skiff_text::Shown as _;

use crate::Trust;
use crate::Untrusted;

/// Why a directory cannot be used as one whose contents are believed.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// Somebody else can change it, or something in it.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// The file system refused.
    #[error("cannot use `{}`: {source}", path.shown())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl Trust {
    /// Checks a directory whose contents are believed: nobody else can change it, or what lies directly in it. One that is
    /// not there yet is believed if the way to it is.
    ///
    /// # Errors
    /// [`PrivateError`] names what somebody else can change.
    pub fn check_private(&self, path: &Path) -> Result<(), PrivateError> {
        let failed = |source| PrivateError::Io { path: path.to_owned(), source };
        self.check(path)?;
        let entries = match fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(failed)?,
        };
        // What others have put there while they could is not believed either.
        for entry in entries {
            self.check(&entry.map_err(failed)?.path())?;
        }
        Ok(())
    }

    /// Makes a directory, with mode 0700, unless it is there, and checks it as [`Self::check_private`] does.
    ///
    /// # Errors
    /// [`PrivateError`] when it cannot be made, or names what somebody else can change.
    pub fn make_private(&self, path: &Path) -> Result<(), PrivateError> {
        self.check_way(path)?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| PrivateError::Io { path: path.to_owned(), source })?;
        // Somebody else may have made it since it was looked for.
        self.check_private(path)
    }
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
        trust.check_private(&at("a/b")).unwrap();
        assert!(!at("a").exists());
        trust.make_private(&at("a/b")).unwrap();
        trust.make_private(&at("a/b")).unwrap();
        assert_eq!(fs::metadata(at("a/b")).unwrap().mode() & 0o777, 0o700);
        fs::create_dir(at("open")).unwrap();
        fs::set_permissions(at("open"), fs::Permissions::from_mode(0o777)).unwrap();
        fs::write(at("file"), "").unwrap();
        fs::write(at("a/list"), "").unwrap();
        fs::set_permissions(at("a/list"), fs::Permissions::from_mode(0o666)).unwrap();
        for name in ["open", "file", "a"] {
            assert!(trust.make_private(&at(name)).is_err(), "{name}");
            assert!(trust.check_private(&at(name)).is_err(), "{name}");
        }
    }
}
