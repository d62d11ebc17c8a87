//! What is in a directory.

use std::os::fd::AsFd;
use std::os::fd::OwnedFd;

use rustix::fs::AtFlags;
use rustix::fs::Dir;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Stat;

use crate::MAX_ENTRIES;
use crate::TreeError;
use crate::Watch;

/// A name in a directory. It comes from the directory itself, so it has no `/` and is neither `.` nor `..`.
pub(crate) struct Entry {
    pub(crate) name: std::ffi::CString,
    pub(crate) kind: Kind,
}

/// What stands behind a name, links not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Link,
    Special(&'static str),
}

impl Entry {
    /// Returns the name for messages.
    pub(crate) fn shown(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }
}

impl Kind {
    pub(crate) fn of(file_type: FileType) -> Self {
        match file_type {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Folder,
            FileType::Symlink => Self::Link,
            FileType::Fifo => Self::Special("a pipe"),
            FileType::Socket => Self::Special("a socket"),
            FileType::BlockDevice | FileType::CharacterDevice => Self::Special("a device"),
            FileType::Unknown => Self::Special("of an unknown kind"),
        }
    }

    pub(crate) fn of_stat(stat: &Stat) -> Self {
        Self::of(FileType::from_raw_mode(stat.st_mode))
    }
}

/// Opens a directory once more: handles of cap-std are good for going on from, not for reading.
pub(crate) fn reopen(folder: impl AsFd, shown: &str) -> Result<OwnedFd, TreeError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(folder, ".", flags, Mode::empty()).map_err(TreeError::errno(shown))
}

/// What a walk through a tree may still meet, and whether it is to go on.
pub(crate) struct Bound<'w> {
    entries: u64,
    watch: Watch<'w>,
}

impl<'w> Bound<'w> {
    pub(crate) fn new(watch: Watch<'w>) -> Self {
        Self { entries: MAX_ENTRIES, watch }
    }

    /// Counts an entry of a directory.
    fn count(&mut self, shown: &str) -> Result<(), TreeError> {
        (self.watch)()?;
        let left = self.entries.checked_sub(1);
        self.entries = left.ok_or_else(|| TreeError::TooMany { path: crate::error::tail(shown) })?;
        Ok(())
    }
}

/// Lists a directory, in the order in which the file system has it.
pub(crate) fn list(folder: impl AsFd, shown: &str, bound: &mut Bound<'_>) -> Result<Vec<Entry>, TreeError> {
    let mut entries = Vec::new();
    for entry in Dir::new(reopen(&folder, shown)?).map_err(TreeError::errno(shown))? {
        let entry = entry.map_err(TreeError::errno(shown))?;
        if matches!(entry.file_name().to_bytes(), b"." | b"..") {
            continue;
        }
        bound.count(shown)?;
        let kind = match entry.file_type() {
            // Not every file system tells it with the name.
            FileType::Unknown => {
                let stat = rustix::fs::statat(&folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)
                    .map_err(TreeError::errno(shown))?;
                Kind::of_stat(&stat)
            }
            known => Kind::of(known),
        };
        entries.push(Entry { name: entry.file_name().to_owned(), kind });
    }
    Ok(entries)
}

/// Lists a directory in byte order of the names.
pub(crate) fn sorted(folder: impl AsFd, shown: &str, bound: &mut Bound<'_>) -> Result<Vec<Entry>, TreeError> {
    let mut entries = list(folder, shown, bound)?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}
