//! The bytes of a FAT file system that is made, changed or looked into.

use std::fs::File;
use std::io;
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
    /// Where the clusters are written to; none where nothing is to be written.
    out: Option<&'d File>,
    /// Where in the file the file system starts.
    origin: u64,
    below: Option<(&'d dyn Disk, u64)>,
    size: u64,
    /// What was written behind the head.
    pub(crate) written: Ranges,
    /// The same since somebody emptied this.
    pub(crate) fresh: Ranges,
    gathered: (u64, Vec<u8>),
}

impl<'d> View<'d> {
    /// A new one of `size` bytes with `head`; what is in its clusters goes to `out` from `origin`.
    pub(crate) fn empty(out: &'d File, origin: u64, size: u64, head: Vec<u8>) -> Self {
        Self { out: Some(out), origin, ..Self::new(size, head) }
    }

    fn new(size: u64, head: Vec<u8>) -> Self {
        Self {
            head,
            out: None,
            origin: 0,
            below: None,
            size,
            written: Ranges::default(),
            fresh: Ranges::default(),
            gathered: (0, Vec::new()),
        }
    }

    /// One over a disk at `start`, whose head was read (and perhaps changed) before.
    pub(crate) fn over(disk: &'d dyn Disk, start: u64, size: u64, head: Vec<u8>, out: &'d File) -> Self {
        Self { below: Some((disk, start)), ..Self::empty(out, 0, size, head) }
    }

    /// One of a disk at `start`, to be looked into only.
    pub(crate) fn of(disk: &'d dyn Disk, start: u64, size: u64, head: Vec<u8>) -> Self {
        Self { below: Some((disk, start)), ..Self::new(size, head) }
    }

    fn out(&self) -> io::Result<&'d File> {
        self.out.ok_or_else(|| io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "it is only looked into"))
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
        if at < head {
            let (first, rest) = bytes.split_at_checked((head - at) as usize).unwrap_or((bytes, &[]));
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
