//! A source of contents, opened below its root.

use crate::Attributes;
use crate::ContentError;
use crate::FileId;
use crate::Item;
use crate::ItemKind;
use crate::reading::Reading;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use cap_std::fs::MetadataExt as _;
use skiff_text::Shown as _;
use std::io;
use std::path::Path;
use std::path::PathBuf;

/// Directories in directories that a source may have.
pub(crate) const MAX_DEPTH: usize = 64;

/// Something below a root, opened without leaving it.
pub(crate) struct Place {
    /// The root's real path.
    pub(crate) root: PathBuf,
    pub(crate) dir: Dir,
    /// Relative to the root, without links in it.
    pub(crate) path: PathBuf,
    /// The name under which it was asked for.
    pub(crate) name: String,
}

pub(crate) fn find_below(root: &Path, rest: &str, reading: &mut Reading) -> Result<Vec<Place>, ContentError> {
    if reading.is_stopped() {
        return Err(ContentError::Cancelled);
    }
    let path = root.join(rest);
    let unreadable = |source| ContentError::Read { path: path.shown().to_string(), source };
    let opened = root.canonicalize().and_then(|real| Ok((Dir::open_ambient_dir(&real, ambient_authority())?, real)));
    let (dir, root) = match opened {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let (folder, last) = rest.rsplit_once('/').unwrap_or(("", rest));
    let mut names = Vec::new();
    if last.contains('*') {
        let listed = if folder.is_empty() { dir.entries() } else { dir.read_dir(folder) };
        let listed = match listed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.map_err(unreadable)?,
        };
        for entry in listed {
            reading.item(&path, 0)?;
            // A name that is no text matches no pattern.
            if let Ok(name) = entry.map_err(unreadable)?.file_name().into_string()
                && matches(last, &name)
            {
                names.push(name);
            }
        }
        names.sort();
    } else {
        names.push(last.to_owned());
    }
    let mut found = Vec::new();
    for name in names {
        match dir.canonicalize(Path::new(folder).join(&name)) {
            Ok(path) => found.push(Place { root: root.clone(), dir: dir.try_clone().map_err(unreadable)?, path, name }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
    Ok(found)
}

/// Whether a name fits a pattern in which `*` stands for anything; a dot at the start has to be named.
fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    crate::pattern::fits(pattern, name)
}

impl Place {
    pub(crate) fn path(&self) -> PathBuf {
        self.root.join(&self.path)
    }

    pub(crate) fn metadata(&self) -> Result<cap_std::fs::Metadata, ContentError> {
        self.dir.metadata(&self.path).map_err(|source| self.unreadable(&self.path, source))
    }

    pub(crate) fn unreadable(&self, path: &Path, source: io::Error) -> ContentError {
        ContentError::Read { path: self.root.join(path).shown().to_string(), source }
    }

    /// Lists the file as `target`, or what is in the directory below it; the attributes of what is in directories are kept
    /// where there is a `newest` time for them.
    pub(crate) fn walk(
        &self,
        target: &str,
        follow: bool,
        newest: Option<u32>,
        items: &mut Vec<Item>,
        reading: &mut Reading,
    ) -> Result<(), ContentError> {
        let newest = newest.filter(|_| self.dir.metadata(&self.path).is_ok_and(|metadata| metadata.is_dir()));
        let whole = self.path();
        reading.item(&whole, self.path.as_os_str().len() + target.len())?;
        let mut pending = vec![(self.path.clone(), target.to_owned(), 0)];
        while let Some((path, target, depth)) = pending.pop() {
            if depth > MAX_DEPTH {
                return Err(ContentError::TooMany(whole.shown().to_string()));
            }
            let metadata = match follow || depth == 0 {
                true => self.dir.metadata(&path),
                false => self.dir.symlink_metadata(&path),
            };
            let metadata = metadata.map_err(|source| self.unreadable(&path, source))?;
            let attributes = match newest {
                Some(newest) => self.attributes(&path, &metadata, newest)?,
                None => Attributes::default(),
            };
            let push = |items: &mut Vec<Item>, kind| {
                items.push(Item { target: target.clone(), kind, once: false, attributes: attributes.clone() });
            };
            if metadata.is_dir() {
                if !target.is_empty() {
                    push(items, ItemKind::Folder);
                }
                let listed = self.dir.read_dir(&path).map_err(|source| self.unreadable(&path, source))?;
                for entry in listed {
                    let name = entry.map_err(|source| self.unreadable(&path, source))?.file_name();
                    let Some(text) = name.to_str() else {
                        return Err(ContentError::Target(name.to_string_lossy().into_owned()));
                    };
                    let below = if target.is_empty() { text.to_owned() } else { format!("{target}/{text}") };
                    let path = path.join(&name);
                    reading.item(&whole, path.as_os_str().len() + below.len())?;
                    pending.push((path, below, depth + 1));
                }
            } else if metadata.is_symlink() {
                let to = self.dir.read_link_contents(&path).map_err(|source| self.unreadable(&path, source))?;
                reading.names(&whole, to.as_os_str().len())?;
                push(items, ItemKind::Link(to.to_string_lossy().into_owned()));
            } else if metadata.is_file() {
                // A link that was followed did not lead out of the root.
                let real = self.dir.canonicalize(&path).map_err(|source| self.unreadable(&path, source))?;
                let path = self.root.join(real);
                // What is kept is the path of the file, however short the link to it is.
                reading.names(&whole, path.as_os_str().len())?;
                reading.open(FileId::new(metadata.dev(), metadata.ino()), &path);
                let kind = ItemKind::File { path, size: metadata.len(), mode: metadata.mode() };
                push(items, kind);
            } else {
                return Err(ContentError::Special(self.root.join(&path).shown().to_string()));
            }
        }
        Ok(())
    }

    /// What is kept of a file or directory beside its contents.
    fn attributes(
        &self,
        path: &Path,
        metadata: &cap_std::fs::Metadata,
        newest: u32,
    ) -> Result<Attributes, ContentError> {
        let time = u32::try_from(metadata.mtime().max(0)).unwrap_or(u32::MAX).min(newest);
        let mut kept = Attributes { time: Some(time), ..Attributes::default() };
        if !metadata.is_symlink() {
            kept.mode = Some(metadata.mode() & 0o7777);
        }
        if metadata.is_file() {
            kept.inode = (metadata.nlink() > 1).then(|| (metadata.dev(), metadata.ino()));
            let file = self.dir.open(path).map_err(|source| self.unreadable(path, source))?;
            // A value of Linux has 24 bytes at most (VFS_CAP_DATA).
            let mut value = [0; 64];
            match rustix::fs::fgetxattr(&file, "security.capability", &mut value) {
                Ok(length) => kept.capability = value.get(..length).map(<[u8]>::to_vec),
                Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP) => {}
                Err(error) => return Err(self.unreadable(path, error.into())),
            }
        }
        Ok(kept)
    }
}
