use std::cell::RefCell;
use std::collections::BTreeSet;
use std::error::Error;
use std::fs::File;
use std::io;
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use ext4_view::Ext4;
use ext4_view::Ext4Read;

use crate::bytes::Bytes as _;
use crate::files::Files;
use crate::files::Node;
use crate::keep::parents;

/// An ext4 file system to look into. Of a journal that was not replayed, the library reads the newest form only, and others are
/// passed by: what skiff writes never goes through a journal.
pub(crate) struct Ext4Files {
    system: Ext4,
    /// Paths that are directories, and not links.
    folders: RefCell<BTreeSet<String>>,
}

/// The part of a file or device that holds one.
struct Window {
    file: File,
    range: Range<u64>,
    /// Whether it looks as if there were nothing in the journal.
    passes_journal: bool,
}

impl Ext4Read for Window {
    fn read(&mut self, start: u64, buffer: &mut [u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let end = start.checked_add(buffer.len() as u64).filter(|end| *end <= self.range.end - self.range.start);
        if end.is_none() {
            return Err("a block behind the end of the partition".into());
        }
        self.file.read_exact_at(buffer, self.range.start + start)?;
        if self.passes_journal
            && let Some(flags) =
                INCOMPATIBLE.checked_sub(start).and_then(|at| buffer.get_mut(usize::try_from(at).ok()?))
        {
            *flags &= !NEEDS_RECOVERY;
        }
        Ok(())
    }
}

/// Where the superblock starts, and its bytes (ext4's documentation, as the fields below).
const SUPERBLOCK: u64 = 1024;

/// Where the incompatible features are, in bytes from the start.
const INCOMPATIBLE: u64 = SUPERBLOCK + 0x60;

/// The journal has to be replayed (INCOMPAT_RECOVER).
const NEEDS_RECOVERY: u8 = 4;

/// Everything has a checksum (RO_COMPAT_METADATA_CSUM): the journal is of the newest form.
const CHECKSUMS: u32 = 0x400;

/// The largest block of ext4 is 64 KiB, 2^6 times the smallest.
const MAX_LOG_BLOCK: u32 = 6;

/// The least blocks of a group, as mke2fs has them.
const MIN_GROUP: u32 = 256;

/// Bytes that the target of a link has at most, as Linux allows (`PATH_MAX`).
const MAX_TARGET: u64 = 4096;

impl Ext4Files {
    /// Opens the one in a range of a file or device.
    pub(crate) fn open(path: &Path, range: &Range<u64>) -> io::Result<Self> {
        let file = File::open(path)?;
        let mut superblock = [0; 1024];
        let length = range.end.saturating_sub(range.start);
        if length < SUPERBLOCK + superblock.len() as u64 {
            return Err(damaged("the partition is smaller than a superblock"));
        }
        file.read_exact_at(&mut superblock, range.start + SUPERBLOCK)?;
        let sums =
            check(&superblock, length).ok_or_else(|| damaged("its superblock has sizes that are impossible here"))?;
        let window = Window { file, range: range.clone(), passes_journal: !sums };
        Ok(Self { system: Ext4::load(Box::new(window))?, folders: RefCell::default() })
    }

    /// Whether all that is above a path are directories. The library follows links there, and reads the target of a link whole.
    fn is_below_folders(&self, path: &str) -> io::Result<bool> {
        for folder in parents(path) {
            if self.folders.borrow().contains(folder) {
                continue;
            }
            match self.system.symlink_metadata(format!("/{folder}").as_str()) {
                Ok(metadata) if metadata.is_dir() => drop(self.folders.borrow_mut().insert(folder.to_owned())),
                Ok(_) | Err(ext4_view::Ext4Error::NotFound | ext4_view::Ext4Error::NotADirectory) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }
}

/// Checks the numbers of a superblock that sizes of memory are made of, against the room of `length` bytes; returns whether its
/// structures have checksums.
fn check(superblock: &[u8], length: u64) -> Option<bool> {
    let (low, high) = (u64::from(superblock.u32(0x4)?), u64::from(superblock.u32(0x150)?));
    let shift = superblock.u32(0x18).filter(|log| *log <= MAX_LOG_BLOCK)? + 10;
    // Of each group, the library keeps a descriptor.
    let in_group = superblock.u32(0x20)?;
    let fits = (high << 32 | low).checked_mul(1 << shift).is_some_and(|size| size <= length);
    let is_usual = in_group >= MIN_GROUP && in_group.is_multiple_of(8);
    (fits && is_usual).then_some(superblock.u32(0x64)? & CHECKSUMS != 0)
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl Files for Ext4Files {
    fn look(&self, path: &str) -> io::Result<Option<Node>> {
        if !self.is_below_folders(path)? {
            return Ok(None);
        }
        let path = format!("/{path}");
        let metadata = match self.system.symlink_metadata(path.as_str()) {
            Ok(metadata) => metadata,
            Err(ext4_view::Ext4Error::NotFound | ext4_view::Ext4Error::NotADirectory) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(Some(if metadata.is_dir() {
            Node::Folder
        } else if metadata.is_symlink() {
            if metadata.len() > MAX_TARGET {
                return Err(damaged("a link has a target that is longer than any path"));
            }
            Node::Link(self.system.read_link(path.as_str())?.display().to_string())
        } else if metadata.file_type().is_regular_file() {
            Node::File { size: metadata.len(), mode: Some(u32::from(metadata.mode() & 0o7777)) }
        } else {
            Node::Other
        }))
    }

    fn open<'f>(&'f self, path: &str) -> io::Result<Box<dyn Read + 'f>> {
        // The library would follow a link.
        match self.look(path)? {
            Some(Node::File { .. }) => Ok(Box::new(self.system.open(format!("/{path}").as_str())?)),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}
