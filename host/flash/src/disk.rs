//! What is written to: a file or a device, seen as a row of bytes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// A row of bytes of a fixed size.
pub trait Disk: Send + Sync {
    /// Its size in bytes.
    fn size(&self) -> u64;

    /// Fills `buffer` from `offset`.
    ///
    /// # Errors
    /// Those of the system; reading past the end is one.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// Those of the system.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Returns when everything written is on the medium.
    ///
    /// # Errors
    /// Those of the system.
    fn flush(&self) -> io::Result<()>;
}

/// A file as a disk.
#[derive(Debug)]
pub struct FileDisk {
    file: File,
    size: u64,
}

impl FileDisk {
    /// Takes an open file or device of `size` bytes.
    pub fn new(file: File, size: u64) -> Self {
        Self { file, size }
    }

    /// The file itself.
    pub fn file(&self) -> &File {
        &self.file
    }
}

impl Disk for FileDisk {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        // A file would grow, and a medium has an end.
        if offset.checked_add(bytes.len() as u64).is_none_or(|end| end > self.size) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a write behind the end"));
        }
        self.file.write_all_at(bytes, offset)
    }

    fn flush(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// A disk that loses everything after so many writes, as if its power were cut: for tests. It claims that all is well.
pub struct Cut<'d> {
    disk: &'d dyn Disk,
    left: AtomicU64,
}

impl<'d> Cut<'d> {
    /// A disk that keeps `writes` writes.
    pub fn after(disk: &'d dyn Disk, writes: u64) -> Self {
        // One more stands for "nothing has been lost yet".
        Self { disk, left: AtomicU64::new(writes + 1) }
    }

    /// Whether anything has been lost.
    pub fn was_cut(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

impl Disk for Cut<'_> {
    fn size(&self) -> u64 {
        self.disk.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.disk.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let before = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(1)));
        match before {
            Ok(0 | 1) => Ok(()),
            _ => self.disk.write_at(offset, bytes),
        }
    }

    fn flush(&self) -> io::Result<()> {
        self.disk.flush()
    }
}
