//! A FAT file system as the library that works on it sees it.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use skiff_layout::Ranges;

use crate::Disk;

/// Bytes of writes in a row that are gathered before they go to the file.
const GATHERED: usize = 1 << 20;

/// A file system of which the part before the clusters is in memory, because every cluster that is taken changes it, and
/// the clusters that are written are in a file, in which they have the same place. What has not been written is that of the
/// disk below, or zero.
pub(crate) struct View<'d> {
    /// What is before the clusters.
    pub(crate) head: Vec<u8>,
    /// Where the head ends; while a file system is being made it grows.
    growing: bool,
    /// Where that is; none where nothing is to be written.
    out: Option<&'d File>,
    /// Where in the file the file system starts.
    origin: u64,
    below: Option<(&'d dyn Disk, u64)>,
    size: u64,
    at: u64,
    /// What was written behind the head.
    pub(crate) written: Ranges,
    /// The same since somebody emptied this.
    pub(crate) fresh: Ranges,
    gathered: (u64, Vec<u8>),
}

impl<'d> View<'d> {
    /// An empty one of `size` bytes that will be made; what it consists of goes to `out` from `origin`.
    pub(crate) fn empty(out: &'d File, origin: u64, size: u64) -> Self {
        Self { out: Some(out), origin, ..Self::new(size) }
    }

    fn new(size: u64) -> Self {
        Self {
            head: Vec::new(),
            growing: true,
            out: None,
            origin: 0,
            below: None,
            size,
            at: 0,
            written: Ranges::default(),
            fresh: Ranges::default(),
            gathered: (0, Vec::new()),
        }
    }

    /// One over a disk at `start`, whose head was read (and perhaps changed) before.
    pub(crate) fn over(disk: &'d dyn Disk, start: u64, size: u64, head: Vec<u8>, out: &'d File) -> Self {
        Self { head, growing: false, below: Some((disk, start)), ..Self::empty(out, 0, size) }
    }

    /// One of a disk at `start`, to be looked into only.
    pub(crate) fn of(disk: &'d dyn Disk, start: u64, size: u64, head: Vec<u8>) -> Self {
        Self { head, growing: false, below: Some((disk, start)), ..Self::new(size) }
    }

    fn out(&self) -> io::Result<&'d File> {
        self.out.ok_or_else(|| io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "it is only looked into"))
    }

    /// The library begins to read where the last one ended.
    pub(crate) fn rewound(&mut self) -> &mut Self {
        self.at = 0;
        self
    }

    /// Ends the making: the head ends at `end`, and what is behind it is written like anything else.
    pub(crate) fn fix_head(&mut self, end: u64) -> io::Result<()> {
        self.growing = false;
        let end = usize::try_from(end).map_err(io::Error::other)?;
        if self.head.len() < end {
            self.head.resize(end, 0);
        }
        let rest = self.head.split_off(end);
        self.write_at(end as u64, &rest)?;
        Ok(())
    }

    /// Writes what was gathered.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        let (at, bytes) = std::mem::take(&mut self.gathered);
        if !bytes.is_empty() {
            self.out()?.write_all_at(&bytes, self.origin + at)?;
        }
        Ok(())
    }

    pub(crate) fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let end = at.checked_add(bytes.len() as u64).filter(|end| *end <= self.size);
        let end = end.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a write behind the end"))?;
        let head = self.head.len() as u64;
        if at < head || self.growing {
            let inside = if self.growing { bytes.len() } else { bytes.len().min((head - at) as usize) };
            if self.growing && end > head {
                self.head.resize(usize::try_from(end).map_err(io::Error::other)?, 0);
            }
            let (first, rest) = bytes.split_at_checked(inside).unwrap_or((bytes, &[]));
            if let Some(place) = self.head.get_mut(at as usize..at as usize + first.len()) {
                place.copy_from_slice(first);
            }
            return if rest.is_empty() { Ok(()) } else { self.write_at(head, rest) };
        }
        let (from, gathered) = &self.gathered;
        if from + gathered.len() as u64 != at || gathered.len() + bytes.len() > GATHERED {
            self.settle()?;
            self.gathered.0 = at;
        }
        self.gathered.1.extend_from_slice(bytes);
        self.written.add(at..end);
        self.fresh.add(at..end);
        Ok(())
    }

    pub(crate) fn read_at(&mut self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let head = self.head.len() as u64;
        let end = at.saturating_add(buffer.len() as u64);
        if at < head {
            let inside = buffer.len().min((head - at) as usize);
            let (first, rest) = buffer.split_at_mut(inside);
            first.copy_from_slice(self.head.get(at as usize..at as usize + inside).unwrap_or_default());
            return if rest.is_empty() { Ok(()) } else { self.read_at(head, rest) };
        }
        let (from, gathered) = &self.gathered;
        if at < from + gathered.len() as u64 && *from < end {
            self.settle()?;
        }
        let below = self.written.gaps(at..end);
        if below.total() < end - at {
            self.out()?.read_exact_at(buffer, self.origin + at)?;
        }
        for gap in below.iter() {
            let part = buffer.get_mut((gap.start - at) as usize..(gap.end - at) as usize).unwrap_or_default();
            match self.below {
                Some((disk, start)) => disk.read_at(start + gap.start, part)?,
                None => part.fill(0),
            }
        }
        Ok(())
    }

    /// What of the head differs from `before`, in whole sectors.
    pub(crate) fn changed_head(&self, before: &[u8], sector: u64) -> Vec<Range<u64>> {
        let size = sector as usize;
        let mut changed = Ranges::default();
        for (number, (old, new)) in (0u64..).zip(before.chunks(size).zip(self.head.chunks(size))) {
            if old != new {
                changed.add(number * sector..(number + 1) * sector);
            }
        }
        changed.iter().collect()
    }
}

impl Read for View<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(usize::try_from(self.size.saturating_sub(self.at)).unwrap_or(usize::MAX));
        let part = buffer.get_mut(..count).unwrap_or_default();
        self.read_at(self.at, part)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Write for View<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_at(self.at, bytes)?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for View<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.at = place.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a seek before the start"))?;
        Ok(self.at)
    }
}
