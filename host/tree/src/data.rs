//! The contents of one file, moved by the kernel.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use rustix::fs::SeekFrom;
use rustix::fs::Stat;
use rustix::io::Errno;

use crate::Stopped;
use crate::Watch;

/// Bytes that are moved between two looks at whether to stop.
const STEP: usize = 64 << 20;

/// How a copy was ended.
pub(crate) enum Ended {
    Io(io::Error),
    Stopped(Stopped),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Errno> for Ended {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

impl From<Stopped> for Ended {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

/// Copies all of a file into an empty one, holes as holes: what says that it is an exbibyte takes no room.
pub(crate) fn copy(from: &File, stat: &Stat, to: &File, watch: Watch<'_>) -> Result<u64, Ended> {
    let size = u64::try_from(stat.st_size).unwrap_or_default();
    let filled = u64::try_from(stat.st_blocks).unwrap_or_default().saturating_mul(512);
    if filled >= size {
        return range(from, to, u64::MAX, watch);
    }
    let mut at = 0;
    let mut copied = 0;
    loop {
        let start = match rustix::fs::seek(from, SeekFrom::Data(at)) {
            Ok(start) => start,
            // No more data behind this.
            Err(Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
        let end = rustix::fs::seek(from, SeekFrom::Hole(start))?;
        rustix::fs::seek(from, SeekFrom::Start(start))?;
        rustix::fs::seek(to, SeekFrom::Start(start))?;
        copied += range(from, to, end - start, watch)?;
        at = end;
    }
    rustix::fs::ftruncate(to, size)?;
    Ok(copied)
}

/// Copies up to `length` bytes from where both files stand.
fn range(from: &File, to: &File, length: u64, watch: Watch<'_>) -> Result<u64, Ended> {
    let mut copied = 0;
    while copied < length {
        watch()?;
        let step = usize::try_from(length - copied).unwrap_or(STEP).min(STEP);
        match rustix::fs::copy_file_range(from, None, to, None, step) {
            Ok(0) => break,
            Ok(count) => copied += count as u64,
            // Not between these two file systems: through memory, then.
            Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) if copied == 0 => {
                return through_memory(from, to, length, watch);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(copied)
}

fn through_memory(from: impl AsFd, to: impl AsFd, length: u64, watch: Watch<'_>) -> Result<u64, Ended> {
    let mut buffer = vec![0; 1 << 20];
    let mut copied = 0;
    while copied < length {
        watch()?;
        let want = usize::try_from(length - copied).unwrap_or(usize::MAX).min(buffer.len());
        let count = rustix::io::read(&from, buffer.get_mut(..want).unwrap_or_default())?;
        if count == 0 {
            break;
        }
        let mut rest = buffer.get(..count).unwrap_or_default();
        while !rest.is_empty() {
            let written = rustix::io::write(&to, rest)?;
            rest = rest.get(written..).unwrap_or_default();
        }
        copied += count as u64;
    }
    Ok(copied)
}
