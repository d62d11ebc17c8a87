//! What is written to: a file or a device, seen as a row of bytes.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
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

    /// Returns a path by which other programs open this very file or device, whatever its name means by now.
    fn path(&self) -> PathBuf;
}

/// Returns a path by which other programs open this very file, held open by this process, whatever its name means by now.
pub fn path_of(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()))
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

    fn path(&self) -> PathBuf {
        path_of(&self.file)
    }
}

/// A disk whose power is cut after so many writes, for tests. What was written since the last flush before that reaches it in
/// part, sector by sector, as a cache that is cut off would have it; nothing after that does. It claims that all is well.
pub struct Cut<'d> {
    disk: &'d dyn Disk,
    /// Writes that are still whole; one more stands for "nothing has been lost yet".
    left: AtomicU64,
    /// Whether the power is gone for good, which is known at the next flush.
    dead: AtomicBool,
    /// What chooses the sectors that arrive.
    chance: AtomicU64,
}

/// Bytes that a medium writes whole.
const SECTOR: usize = 512;

impl<'d> Cut<'d> {
    /// A disk that keeps `writes` writes.
    pub fn after(disk: &'d dyn Disk, writes: u64) -> Self {
        let chance = writes.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { disk, left: AtomicU64::new(writes + 1), dead: AtomicBool::new(false), chance: AtomicU64::new(chance) }
    }

    /// Whether anything has been lost.
    pub fn was_cut(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    /// The toss of a coin (xorshift).
    fn toss(&self) -> bool {
        let mut state = self.chance.load(Ordering::Relaxed);
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.chance.store(state, Ordering::Relaxed);
        state & 1 == 1
    }
}

impl Disk for Cut<'_> {
    fn path(&self) -> PathBuf {
        self.disk.path()
    }

    fn size(&self) -> u64 {
        self.disk.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.disk.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let before = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(1)));
        if !matches!(before, Ok(0 | 1)) {
            return self.disk.write_at(offset, bytes);
        }
        let mut at = offset;
        for sector in bytes.chunks(SECTOR) {
            if !self.dead.load(Ordering::Relaxed) && self.toss() {
                self.disk.write_at(at, sector)?;
            }
            at += sector.len() as u64;
        }
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        if self.was_cut() {
            self.dead.store(true, Ordering::Relaxed);
        }
        self.disk.flush()
    }
}
