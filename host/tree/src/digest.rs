//! The digest of a tree: names, modes and contents.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;

use cap_std::fs::Dir;
use sha2::Digest as _;
use sha2::Sha256;

use crate::MAX_DEPTH;
use crate::PLAIN_MODE;
use crate::TreeError;
use crate::TreePath;
use crate::Watch;
use crate::copy::c_name;
use crate::copy::kind;
use crate::copy::open_file;
use crate::copy::open_inner;
use crate::entry::Bound;
use crate::entry::Entry;
use crate::entry::Kind;
use crate::entry::sorted;
use crate::watched::Watched;

/// Digests what is at a path: SHA-256 over names, modes and contents, in byte order of the names. Name and mode of
/// the directory itself are not part of it, nor are owners and times.
///
/// # Errors
/// [`TreeError`] when something cannot be read, or is neither file nor directory nor link.
pub fn digest(tree: &Dir, path: &TreePath, watch: Watch<'_>) -> Result<[u8; 32], TreeError> {
    let mut walk = Walk { hasher: Sha256::new(), bound: Bound::new(watch), watch };
    match path.split() {
        None => walk.folder(tree.as_fd(), "", 0)?,
        Some((folder, name)) => {
            let folder = tree.open_dir(folder.or_dot()).map_err(TreeError::at(path))?;
            let entry = Entry { kind: kind(&folder, name, path)?, name: c_name(name, path)? };
            match entry.kind {
                // As the tree itself would be digested if the directory were one.
                Kind::Folder => {
                    walk.folder(open_inner(&folder, &entry.name, path.as_str())?.as_fd(), path.as_str(), 0)?;
                }
                _ => walk.contents(folder.as_fd(), &entry, path.as_str(), 0)?,
            }
        }
    }
    Ok(walk.hasher.finalize().into())
}

/// Digests the contents of an open file: its plain SHA-256.
///
/// # Errors
/// [`TreeError`] when it cannot be read.
pub fn digest_file(file: &File, watch: Watch<'_>) -> Result<[u8; 32], TreeError> {
    rustix::fs::seek(file, rustix::fs::SeekFrom::Start(0)).map_err(TreeError::errno(""))?;
    let mut hasher = Sha256::new();
    io::copy(&mut Watched::new(file, watch), &mut hasher).map_err(TreeError::watched(""))?;
    Ok(hasher.finalize().into())
}

struct Walk<'w> {
    hasher: Sha256,
    bound: Bound<'w>,
    watch: Watch<'w>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: BorrowedFd<'_>, shown: &str, depth: usize) -> Result<(), TreeError> {
        if depth > MAX_DEPTH {
            return Err(TreeError::TooDeep { path: crate::error::tail(shown) });
        }
        let entries = sorted(folder, shown, &mut self.bound)?;
        self.field(b"folder", entries.len() as u64);
        for entry in entries {
            let name = entry.name.as_bytes();
            self.field(name, name.len() as u64);
            self.contents(folder, &entry, &format!("{shown}/{}", entry.shown()), depth)?;
        }
        Ok(())
    }

    fn contents(&mut self, folder: BorrowedFd<'_>, entry: &Entry, shown: &str, depth: usize) -> Result<(), TreeError> {
        (self.watch)()?;
        match entry.kind {
            Kind::File => {
                let (mut file, stat) = open_file(folder, &entry.name, shown)?;
                self.field(b"file", u64::from(stat.st_mode & PLAIN_MODE));
                self.hasher.update(stat.st_size.to_le_bytes());
                let mut contents = Watched::new(&mut file, self.watch);
                io::copy(&mut contents, &mut self.hasher).map(drop).map_err(TreeError::watched(shown))
            }
            Kind::Folder => {
                let inner = open_inner(folder, &entry.name, shown)?;
                let stat = rustix::fs::fstat(&inner).map_err(TreeError::errno(shown))?;
                self.field(b"mode", u64::from(stat.st_mode & PLAIN_MODE));
                self.folder(inner.as_fd(), shown, depth + 1)
            }
            Kind::Link => {
                let target = rustix::fs::readlinkat(folder, &entry.name, Vec::new());
                let target = target.map_err(TreeError::errno(shown))?;
                self.field(b"link", target.as_bytes().len() as u64);
                self.hasher.update(target.as_bytes());
                Ok(())
            }
            Kind::Special(kind) => Err(TreeError::Special { path: shown.to_owned(), kind }),
        }
    }

    /// Adds a word and a number; lengths go before what they measure, so that nothing can be taken for something else.
    fn field(&mut self, word: &[u8], number: u64) {
        self.hasher.update(number.to_le_bytes());
        self.hasher.update((word.len() as u64).to_le_bytes());
        self.hasher.update(word);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use cap_std::ambient_authority;

    use super::*;
    use crate::Archive;
    use crate::Compression;
    use crate::Format;
    use crate::Stopped;

    /// What every walk through a tree makes of one.
    fn walks(root: &std::path::Path) -> Vec<String> {
        let tree = Dir::open_ambient_dir(root, ambient_authority()).unwrap();
        let (path, go) = (TreePath::default(), || Ok(()));
        let other = tempfile::tempdir().unwrap();
        let into = Dir::open_ambient_dir(other.path(), ambient_authority()).unwrap();
        let format = Format { archive: Archive::Tar, compression: Compression::None };
        let to = TreePath::new("out").unwrap();
        [
            digest(&tree, &path, &go).map(drop),
            crate::pack(&tree, &path, format, 0, &into, &to, &go).map(drop),
            crate::copy(&tree, &path, &into, &path, &go).map(drop),
            crate::duplicate(&tree, &into, &go).map(drop),
        ]
        .into_iter()
        .map(|walked| walked.unwrap_err().to_string())
        .collect()
    }

    /// A few hundred bytes of a plugin make many directories in directories, or many names.
    #[test]
    fn deep_and_wide_trees_are_refused_by_their_limit() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("d/".repeat(150))).unwrap();
        for said in walks(root.path()) {
            assert!(said.contains("d/d/d") && said.ends_with("directories are nested more than 100 deep"), "{said}");
        }
        let root = tempfile::tempdir().unwrap();
        for name in 0..=crate::MAX_ENTRIES {
            File::create(root.path().join(name.to_string())).unwrap();
        }
        for said in walks(root.path()) {
            assert!(said.ends_with("the tree holds more than 2000 files, directories and links"), "{said}");
        }
    }

    /// A file that says that it is a tebibyte keeps nobody: what reads all of it asks whether to go on.
    #[test]
    fn endless_files_are_left_when_the_time_is_up() {
        let root = tempfile::tempdir().unwrap();
        let endless = File::create(root.path().join("endless")).unwrap();
        endless.set_len(1 << 40).unwrap();
        let tree = Dir::open_ambient_dir(root.path(), ambient_authority()).unwrap();
        let left = Cell::new(0);
        let watch = || match left.replace(left.get() - 1) {
            0 => Err(Stopped::Late),
            _ => Ok(()),
        };
        let path = TreePath::default();
        left.set(20);
        assert!(matches!(digest(&tree, &path, &watch), Err(TreeError::Stopped(_))));
        left.set(20);
        assert!(matches!(
            digest_file(&File::open(root.path().join("endless")).unwrap(), &watch),
            Err(TreeError::Stopped(_))
        ));
        for archive in [Archive::Tar, Archive::Cpio] {
            left.set(20);
            let format = Format { archive, compression: Compression::Zstd };
            let packed = crate::pack(&tree, &path, format, 0, &tree, &TreePath::new("out").unwrap(), &watch);
            assert!(packed.is_err());
        }
        assert!(!root.path().join("out").exists());
    }
}
