//! The directory of a layer, held open.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use cap_std::fs::Metadata;
use cap_std::fs::OpenOptions;
use cap_std::fs::OpenOptionsExt as _;
use serde::de::DeserializeOwned;

use crate::Location;
use crate::ReadError;
use crate::parse_yaml;
use skiff_file::read_up_to;

/// Links that are followed on the way to a file, as many as Linux follows (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// A directory with packages, held open. Links between its packages lead somewhere; links out of it lead nowhere.
#[derive(Debug, Clone)]
pub(crate) struct PackageTree {
    path: PathBuf,
    /// `None` when there is no such directory.
    dir: Option<Arc<Dir>>,
}

impl PackageTree {
    /// Opens a directory by its path.
    ///
    /// # Errors
    /// Those of the system, except that there is none.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let dir = match Dir::open_ambient_dir(path, ambient_authority()) {
            Err(error) if is_absent(&error) => None,
            dir => Some(Arc::new(dir?)),
        };
        Ok(Self { path: path.to_owned(), dir })
    }

    /// Returns a directory in it.
    pub(crate) fn layer(&self, inner: impl Into<PathBuf>) -> LayerDir {
        LayerDir { tree: self.clone(), inner: inner.into() }
    }
}

/// The directory of a layer. It is entered through the open directory of its package tree, so that no link in it leads
/// out of that tree.
#[derive(Debug, Clone)]
pub struct LayerDir {
    tree: PackageTree,
    /// The layer's place in the tree.
    inner: PathBuf,
}

impl PartialEq for LayerDir {
    fn eq(&self, other: &Self) -> bool {
        self.path("") == other.path("")
    }
}

impl Eq for LayerDir {}

impl LayerDir {
    /// Opens a directory that is a package tree and a layer in one.
    ///
    /// # Errors
    /// Those of the system, except that there is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(PackageTree::open(path)?.layer(""))
    }

    /// Returns the tree in which the links of the layer lead around, as one layer, and the layer's place in it.
    pub fn tree(&self) -> (Self, &Path) {
        (self.tree.layer(""), &self.inner)
    }

    /// Returns the path of something without any link on the way, or `None` when nothing stands there.
    ///
    /// # Errors
    /// As for [`Self::metadata`].
    pub fn real(&self, inner: impl AsRef<Path>) -> Result<Option<PathBuf>, ReadError> {
        let real = self.look(inner.as_ref(), |tree, path| tree.canonicalize(path))?;
        Ok(real.map(|real| real.strip_prefix(&self.inner).map(Path::to_owned).unwrap_or(real)))
    }

    /// Returns the path of something in the layer.
    pub fn path(&self, inner: impl AsRef<Path>) -> PathBuf {
        let mut path = self.tree.path.clone();
        // Joining nothing would add a slash.
        for part in [self.inner.as_path(), inner.as_ref()] {
            if !part.as_os_str().is_empty() {
                path.push(part);
            }
        }
        path
    }

    /// Returns what stands at a path in the layer, links followed, or `None` when nothing does.
    ///
    /// # Errors
    /// [`ReadError`] when a link leads out of the tree, or the system refuses.
    pub fn metadata(&self, inner: impl AsRef<Path>) -> Result<Option<Metadata>, ReadError> {
        self.look(inner.as_ref(), |tree, path| tree.metadata(path))
    }

    /// Returns whether there is a regular file.
    ///
    /// # Errors
    /// As for [`Self::metadata`].
    pub fn is_file(&self, inner: impl AsRef<Path>) -> Result<bool, ReadError> {
        Ok(self.metadata(inner)?.is_some_and(|metadata| metadata.is_file()))
    }

    /// Returns the path of a directory in the layer, if it is there.
    ///
    /// # Errors
    /// As for [`Self::metadata`].
    pub fn folder(&self, inner: impl AsRef<Path>) -> Result<Option<PathBuf>, ReadError> {
        let inner = inner.as_ref();
        Ok(self.metadata(inner)?.filter(Metadata::is_dir).map(|_| self.path(inner)))
    }

    /// Opens a directory in the layer, if it is there.
    ///
    /// # Errors
    /// As for [`Self::metadata`].
    pub fn open_folder(&self, inner: impl AsRef<Path>) -> Result<Option<Dir>, ReadError> {
        self.look(inner.as_ref(), |tree, path| tree.open_dir(path))
    }

    /// Opens a regular file in the layer, if something is there. Opening a pipe would wait for a writer.
    ///
    /// # Errors
    /// [`ReadError`] when something else is there, a link leads out of the tree, or the system refuses.
    pub fn open_file(&self, inner: impl AsRef<Path>) -> Result<Option<fs::File>, ReadError> {
        let inner = inner.as_ref();
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
        let Some(file) = self.look(inner, |tree, path| tree.open_with(path, &options))? else { return Ok(None) };
        let file = file.into_std();
        let metadata = file.metadata().map_err(|source| self.failed(inner, source))?;
        match metadata.is_file() {
            true => Ok(Some(file)),
            false => Err(ReadError::NotAFile { at: Location::whole(self.path(inner)) }),
        }
    }

    /// Reads a text of at most `most` bytes, or returns `None` when it is not there. Bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// As for [`Self::open_file`], or [`ReadError::TooLarge`].
    pub(crate) fn text(&self, inner: impl AsRef<Path>, most: u64) -> Result<Option<String>, ReadError> {
        Ok(self.bytes(inner, most)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Reads a file of at most `most` bytes, or returns `None` when it is not there.
    ///
    /// # Errors
    /// As for [`Self::open_file`], or [`ReadError::TooLarge`].
    pub fn bytes(&self, inner: impl AsRef<Path>, most: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let inner = inner.as_ref();
        let Some(file) = self.open_file(inner)? else { return Ok(None) };
        match read_up_to(&file, most).map_err(|source| self.failed(inner, source))? {
            None => Err(ReadError::TooLarge { path: self.path(inner), most }),
            bytes => Ok(bytes),
        }
    }

    /// Reads a YAML file of a documented shape, or returns `None` when it is not there.
    pub(crate) fn yaml<T: DeserializeOwned>(&self, inner: &str, most: u64) -> Result<Option<T>, ReadError> {
        self.text(inner, most)?.map(|text| parse_yaml(&self.path(inner), &text)).transpose()
    }

    /// Lists the files of a directory in byte order of their names, without hidden ones; none when there is no directory.
    ///
    /// # Errors
    /// [`ReadError`] when it holds something that is not a file, a link leads out of the tree, or the system refuses.
    pub(crate) fn files(&self, folder: &str) -> Result<Vec<PathBuf>, ReadError> {
        let Some(dir) = self.open_folder(folder)? else { return Ok(Vec::new()) };
        let failed = |source| self.failed(Path::new(folder), source);
        let mut files = Vec::new();
        for entry in dir.entries().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let inner = Path::new(folder).join(name);
            let is_file = match entry.file_type().map_err(failed)? {
                kind if kind.is_symlink() => self.is_file(&inner)?,
                kind => kind.is_file(),
            };
            if !is_file {
                return Err(ReadError::NotAFile { at: Location::whole(self.path(&inner)) });
            }
            files.push(inner);
        }
        files.sort();
        Ok(files)
    }

    /// Lists the names in the layer's own directory; `None` when there is none.
    ///
    /// # Errors
    /// As for [`Self::metadata`].
    pub fn names(&self) -> Result<Option<Vec<OsString>>, ReadError> {
        let Some(dir) = self.open_folder("")? else { return Ok(None) };
        let names = dir.entries().and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect());
        names.map(Some).map_err(|source| self.failed(Path::new(""), source))
    }

    fn look<T>(&self, inner: &Path, act: impl FnOnce(&Dir, &Path) -> io::Result<T>) -> Result<Option<T>, ReadError> {
        let Some(tree) = &self.tree.dir else { return Ok(None) };
        let path = self.inner.join(inner);
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { &path };
        match act(tree, path) {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(source) => Err(self.failed(inner, source)),
        }
    }

    fn failed(&self, inner: &Path, source: io::Error) -> ReadError {
        match self.link_out(inner) {
            Some((link, target)) => ReadError::LeadsOut { link, target, tree: self.tree.path.clone() },
            None => ReadError::Io { path: self.path(inner), source },
        }
    }

    /// Returns the link on the way to a path in the layer that leads out of the tree, and where it leads.
    fn link_out(&self, inner: &Path) -> Option<(PathBuf, PathBuf)> {
        let tree = self.tree.dir.as_ref()?;
        let names = |path: &Path| {
            let names = path.components().rev().filter(|part| !matches!(part, Component::CurDir));
            names.map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>()
        };
        let mut ahead = names(&self.inner.join(inner));
        let (mut here, mut last, mut links) = (PathBuf::new(), None, 0);
        while let Some(name) = ahead.pop() {
            if name == ".." {
                if !here.pop() {
                    return last;
                }
                continue;
            }
            let next = here.join(&name);
            if !tree.symlink_metadata(&next).ok()?.is_symlink() {
                here = next;
                continue;
            }
            links += 1;
            let target = tree.read_link_contents(&next).ok()?;
            let found = Some((self.tree.path.join(&next), target.clone()));
            if target.is_absolute() {
                return found;
            }
            if links > MAX_LINKS {
                return None;
            }
            last = found;
            ahead.extend(names(&target));
        }
        None
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_lead_between_packages_and_not_out_of_their_tree() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for folder in ["tree/ns/a/metadata", "tree/ns/b", "secret"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at("secret/key"), "k").unwrap();
        fs::write(at("tree/ns/b/file"), "shared").unwrap();
        symlink("../../b/file", at("tree/ns/a/metadata/inside")).unwrap();
        symlink("../../../../secret/key", at("tree/ns/a/metadata/relative")).unwrap();
        symlink(at("secret/key"), at("tree/ns/a/metadata/absolute")).unwrap();
        symlink("/proc/self/environ", at("tree/ns/a/metadata/made-up")).unwrap();
        symlink("relative", at("tree/ns/a/metadata/twice")).unwrap();
        symlink("../../../secret", at("tree/ns/a/part")).unwrap();
        symlink("nowhere", at("tree/ns/a/dangling")).unwrap();
        symlink("round", at("tree/ns/a/round")).unwrap();
        let layer = PackageTree::open(&at("tree")).unwrap().layer("ns/a");
        assert_eq!(layer.text("metadata/inside", 10).unwrap().as_deref(), Some("shared"));
        for name in ["metadata/relative", "metadata/absolute", "metadata/made-up", "metadata/twice", "part/key", "part"]
        {
            let error = layer.text(name, 10).unwrap_err();
            assert!(matches!(error, ReadError::LeadsOut { .. }), "{name}: {error}");
            assert!(matches!(layer.metadata(name), Err(ReadError::LeadsOut { .. })), "{name}");
        }
        assert!(layer.folder("part").is_err() && layer.files("part").is_err() && layer.files("metadata").is_err());
        assert!(layer.metadata("dangling").unwrap().is_none());
        assert!(layer.metadata("round").is_err());
        let error = layer.text("metadata/twice", 10).unwrap_err().to_string();
        assert!(error.contains("metadata/relative` is a link to `../../../../secret/key`"), "{error}");
    }

    #[test]
    fn texts_are_bounded_and_pipes_are_not_waited_for() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("long"), "x".repeat(11)).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            root.path().join("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let layer = LayerDir::open(root.path()).unwrap();
        assert!(matches!(layer.text("long", 10), Err(ReadError::TooLarge { most: 10, .. })));
        assert!(matches!(layer.text("pipe", 10), Err(ReadError::NotAFile { .. })));
        assert!(layer.text("none", 10).unwrap().is_none());
        assert!(LayerDir::open(&root.path().join("none")).unwrap().names().unwrap().is_none());
    }
}
