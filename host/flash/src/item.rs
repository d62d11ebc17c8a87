use std::io;
use std::path::PathBuf;

use rustix::fs::CWD;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::ResolveFlags;
use skiff_text::Shown as _;

/// A file, directory or link that goes into a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Where it goes: names separated by `/`, from the file system's root, without `.` and `..`.
    pub target: String,
    /// What it is.
    pub kind: ItemKind,
    /// Whether it is put there only when the file system is made.
    pub once: bool,
    /// What a tree says of it beside its contents.
    pub attributes: Attributes,
}

/// What a tree of the images says of a file or directory beside its contents, as far as media keep it. Owners are not among it:
/// builds run as any user, and that user's number means nothing on the target, so that everything is root's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Permissions, setuid, setgid and sticky bit; none where skiff chooses them.
    pub mode: Option<u32>,
    /// When it was changed, in seconds since 1970; none where it bears the time of what is made.
    pub time: Option<u32>,
    /// The extended attribute `security.capability`, as Linux hands it out.
    pub capability: Option<Vec<u8>>,
    /// Device and inode of a file with several names: those of one inode are hard links of each other.
    pub inode: Option<(u64, u64)>,
}

/// What an item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    /// A directory.
    Folder,
    /// The contents of a file of this machine, of `size` bytes.
    File {
        /// Where it is: its real path, absolute and without links.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// Its mode, as in `stat`.
        mode: u32,
    },
    /// A text made for this medium. It is never written to any other.
    Text {
        /// What it says.
        bytes: Vec<u8>,
        /// Its mode, as in `stat`.
        mode: u32,
    },
    /// A symbolic link.
    Link(String),
}

/// The mode of texts that are nobody's secret.
const PLAIN: u32 = 0o644;

impl Item {
    /// A text that anybody may read.
    pub fn text(target: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        let kind = ItemKind::Text { bytes: text.into(), mode: PLAIN };
        Self { target: target.into(), kind, once: false, attributes: Attributes::default() }
    }

    /// Bytes of its contents.
    pub fn size(&self) -> u64 {
        match &self.kind {
            ItemKind::File { size, .. } => *size,
            ItemKind::Text { bytes, .. } => bytes.len() as u64,
            ItemKind::Folder | ItemKind::Link(_) => 0,
        }
    }

    /// Permissions, setuid, setgid and sticky bit that it has on a file system that knows them; none where it is no matter.
    pub(crate) fn mode(&self) -> Option<u32> {
        self.attributes.mode.or(match &self.kind {
            ItemKind::File { mode, .. } if mode & 0o111 == 0 => Some(0o644),
            ItemKind::File { .. } => Some(0o755),
            ItemKind::Text { mode, .. } => Some(mode & 0o7777),
            ItemKind::Folder | ItemKind::Link(_) => None,
        })
    }

    /// The directories above it, the highest first.
    pub(crate) fn parents(&self) -> impl Iterator<Item = &str> {
        crate::keep::parents(&self.target)
    }
}

/// For each item that is another name of a file before it, the number of that.
pub(crate) fn links(items: &[Item]) -> Vec<Option<usize>> {
    let mut first = std::collections::HashMap::new();
    let known = |(number, item): (usize, &Item)| {
        let inode = item.attributes.inode.filter(|_| matches!(item.kind, ItemKind::File { .. }))?;
        let known = *first.entry(inode).or_insert(number);
        (known != number).then_some(known)
    };
    items.iter().enumerate().map(known).collect()
}

/// Bytes that items need, where those of hard links are counted once.
pub(crate) fn total(items: &[Item]) -> u64 {
    let own = items.iter().zip(links(items)).filter(|(_, link)| link.is_none());
    own.map(|(item, _)| item.size()).fold(0, u64::saturating_add)
}

/// Opens a source by its real path. One that has another size than when the plan was made, or to which a link leads by now,
/// is an error: the link could lead to a file that only this user can read.
pub(crate) fn open(path: &std::path::Path, size: u64) -> io::Result<std::fs::File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)?;
    let file = std::fs::File::from(file);
    let metadata = file.metadata()?;
    match metadata.is_file() && metadata.len() == size {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} has changed meanwhile", path.shown()))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_source_is_opened_by_its_real_path_only() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for folder in ["layer", "secret"] {
            fs::create_dir(root.join(folder)).unwrap();
            fs::write(root.join(folder).join("f"), folder).unwrap();
        }
        open(&root.join("layer/f"), 5).unwrap();
        assert!(open(&root.join("layer/f"), 6).is_err(), "it has another size");
        // Its owner puts a link in the place of the directory when the layout has been shown.
        fs::rename(root.join("layer"), root.join("old")).unwrap();
        symlink("secret", root.join("layer")).unwrap();
        assert!(open(&root.join("layer/f"), 6).is_err());
    }
}
