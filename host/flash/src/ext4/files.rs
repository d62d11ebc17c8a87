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

/// An ext4 file system to look into. What its journal holds counts.
pub(crate) struct Ext4Files {
    system: Ext4,
}

/// A file or device that holds one from some place on.
struct Window {
    file: File,
    origin: u64,
}

impl Ext4Read for Window {
    fn read(&mut self, start: u64, buffer: &mut [u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let at = self.origin.checked_add(start).ok_or("a place behind all media")?;
        Ok(self.file.read_exact_at(buffer, at)?)
    }
}

impl Ext4Files {
    /// Opens the one at `origin` bytes of a file or device.
    pub(crate) fn open(path: &Path, origin: u64) -> io::Result<Self> {
        Ok(Self { system: Ext4::load(Box::new(Window { file: File::open(path)?, origin }))? })
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
            Node::File { size: metadata.len(), is_executable: Some(metadata.mode() & 0o111 != 0) }
        } else {
            Node::Other
        }))
    }

    fn open<'f>(&'f self, path: &str) -> io::Result<Box<dyn Read + 'f>> {
        Ok(Box::new(self.system.open(format!("/{path}").as_str())?))
    }
}
