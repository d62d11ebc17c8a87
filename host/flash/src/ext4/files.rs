use std::error::Error;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use ext4_view::Ext4;
use ext4_view::Ext4Read;

use crate::files::Files;
use crate::files::Node;

/// An ext4 file system to look into. Of a journal that was not replayed, the library reads the newest form only, and others are
/// passed by: what skiff writes never goes through a journal.
pub(crate) struct Ext4Files {
    system: Ext4,
}

/// A file or device that holds one from some place on.
struct Window {
    file: File,
    origin: u64,
    /// Whether it looks as if there were nothing in the journal.
    passes_journal: bool,
}

impl Ext4Read for Window {
    fn read(&mut self, start: u64, buffer: &mut [u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let at = self.origin.checked_add(start).ok_or("a place behind all media")?;
        self.file.read_exact_at(buffer, at)?;
        if self.passes_journal
            && let Some(flags) =
                INCOMPATIBLE.checked_sub(start).and_then(|at| buffer.get_mut(usize::try_from(at).ok()?))
        {
            *flags &= !NEEDS_RECOVERY;
        }
        Ok(())
    }
}

/// Where the superblock has its incompatible features, and those that older systems may read but not write, in bytes from the
/// start (ext4's documentation: 0x60 and 0x64 of the superblock, at 1024).
const INCOMPATIBLE: u64 = 1024 + 0x60;
const READ_ONLY: u64 = 1024 + 0x64;

/// The journal has to be replayed (INCOMPAT_RECOVER).
const NEEDS_RECOVERY: u8 = 4;

/// Everything has a checksum (RO_COMPAT_METADATA_CSUM), in the second byte of the field: the journal is of the newest form.
const CHECKSUMS: u8 = 4;

impl Ext4Files {
    /// Opens the one at `origin` bytes of a file or device.
    pub(crate) fn open(path: &Path, origin: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        let mut features = [0; 2];
        file.read_exact_at(&mut features, origin + READ_ONLY)?;
        let [_, second] = features;
        let window = Window { file, origin, passes_journal: second & CHECKSUMS == 0 };
        Ok(Self { system: Ext4::load(Box::new(window))? })
    }
}

impl Files for Ext4Files {
    fn look(&self, path: &str) -> io::Result<Option<Node>> {
        let path = format!("/{path}");
        let metadata = match self.system.symlink_metadata(path.as_str()) {
            Ok(metadata) => metadata,
            Err(ext4_view::Ext4Error::NotFound | ext4_view::Ext4Error::NotADirectory) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(Some(if metadata.is_dir() {
            Node::Folder
        } else if metadata.is_symlink() {
            Node::Link(self.system.read_link(path.as_str())?.display().to_string())
        } else if metadata.file_type().is_regular_file() {
            Node::File { size: metadata.len(), mode: Some(u32::from(metadata.mode() & 0o7777)) }
        } else {
            Node::Other
        }))
    }

    fn open<'f>(&'f self, path: &str) -> io::Result<Box<dyn Read + 'f>> {
        Ok(Box::new(self.system.open(format!("/{path}").as_str())?))
    }
}
