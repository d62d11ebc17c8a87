//! Which clusters belong together.

use std::io;

use super::FatError;
use super::folder;
use super::folder::Entry;
use super::geometry::Geometry;
use super::geometry::Root;
use super::geometry::Width;
use super::view::View;

/// What an entry of FAT32's FAT consists of, and what ends a chain (FAT specification, section 4). Narrower entries have the
/// lower bits of the same.
const MASK: u32 = 0x0fff_ffff;
const END: u32 = 0x0fff_fff8;
const BAD: u32 = 0x0fff_fff7;

/// Directories in directories that are gone into.
const MAX_DEPTH: usize = 64;

/// The clusters of a file system whose head is in memory.
pub(crate) struct Chains<'v, 'd> {
    pub(crate) view: &'v mut View<'d>,
    pub(crate) geometry: Geometry,
    /// Below it no cluster is free.
    first_free: u32,
}

impl<'v, 'd> Chains<'v, 'd> {
    pub(crate) fn new(view: &'v mut View<'d>, geometry: Geometry) -> Self {
        Self { view, geometry, first_free: 2 }
    }

    /// Where the bytes of an entry of the first FAT start.
    fn slot(&self, cluster: u32) -> usize {
        let cluster = u64::from(cluster);
        let at = match self.geometry.width {
            Width::Fat12 => cluster + cluster / 2,
            Width::Fat16 => cluster * 2,
            Width::Fat32 => cluster * 4,
        };
        (self.geometry.fat + at) as usize
    }

    /// The entry of a cluster, as FAT32 would have it.
    fn next(&self, cluster: u32) -> u32 {
        let slot = self.slot(cluster);
        let number = |count: usize| {
            let bytes = self.view.head.get(slot..slot + count).unwrap_or_default();
            bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
        };
        let widened = |number: u32, reserved: u32| match number {
            // The highest numbers name no clusters, whatever their width.
            number if number >= reserved => number | (MASK ^ (reserved | 0xf)),
            number => number,
        };
        match self.geometry.width {
            Width::Fat12 if cluster.is_multiple_of(2) => widened(number(2) & 0xfff, 0xff0),
            Width::Fat12 => widened(number(2) >> 4, 0xff0),
            Width::Fat16 => widened(number(2), 0xfff0),
            Width::Fat32 => number(4) & MASK,
        }
    }

    /// Sets the entry of a cluster in every copy of the FAT. Bits beside it are not its own.
    fn set(&mut self, cluster: u32, value: u32) {
        let (mask, shift, count) = match self.geometry.width {
            Width::Fat12 if cluster.is_multiple_of(2) => (0xfff, 0, 2),
            Width::Fat12 => (0xfff0, 4, 2),
            Width::Fat16 => (0xffff, 0, 2),
            Width::Fat32 => (MASK, 0, 4),
        };
        for copy in 0..self.geometry.fats {
            let slot = self.slot(cluster) + (copy * self.geometry.fat_size) as usize;
            if let Some(bytes) = self.view.head.get_mut(slot..slot + count) {
                let old = bytes.iter().rev().fold(0u32, |number, byte| number << 8 | u32::from(*byte));
                let new = old & !mask | value << shift & mask;
                for (place, byte) in bytes.iter_mut().zip(new.to_le_bytes()) {
                    *place = byte;
                }
            }
        }
        if value == 0 {
            self.first_free = self.first_free.min(cluster);
        }
    }

    /// Makes all copies of the FAT like the first, which a change that was cut off may have left different.
    pub(crate) fn align_copies(&mut self) {
        let Geometry { fat, fat_size, fats, .. } = self.geometry;
        let first = fat as usize..(fat + fat_size) as usize;
        for copy in 1..fats {
            self.view.head.copy_within(first.clone(), (fat + copy * fat_size) as usize);
        }
    }

    /// Where a cluster starts.
    pub(crate) fn place(&self, cluster: u32) -> Result<u64, FatError> {
        self.geometry.place(cluster).ok_or_else(|| FatError::Damaged(format!("there is no cluster {cluster}")))
    }

    /// The clusters that begin with one.
    pub(crate) fn chain(&self, first: u32) -> Result<Vec<u32>, FatError> {
        let mut chain = Vec::new();
        let mut cluster = first;
        while cluster < END {
            if self.geometry.place(cluster).is_none() || chain.len() > self.geometry.clusters as usize {
                return Err(FatError::Damaged(format!("the chain from cluster {first} leads nowhere")));
            }
            chain.push(cluster);
            cluster = self.next(cluster);
        }
        Ok(chain)
    }

    /// Takes clusters for `bytes` and writes them.
    pub(crate) fn store(&mut self, bytes: &[u8]) -> Result<u32, FatError> {
        let chain = self.take(bytes.len() as u64)?;
        self.fill(&chain, bytes)?;
        chain.first().copied().ok_or(FatError::Full)
    }

    /// Takes clusters for so many bytes, one at least.
    pub(crate) fn take(&mut self, bytes: u64) -> Result<Vec<u32>, FatError> {
        let count = bytes.div_ceil(self.geometry.cluster).max(1);
        let count = usize::try_from(count).map_err(|_| FatError::Full)?;
        let free = self.first_free..self.geometry.clusters + 2;
        let chain: Vec<u32> = free.filter(|cluster| self.next(*cluster) == 0).take(count).collect();
        if chain.len() < count {
            return Err(FatError::Full);
        }
        for pair in chain.windows(2) {
            if let [one, next] = pair {
                self.set(*one, *next);
            }
        }
        if let Some(last) = chain.last() {
            self.set(*last, MASK);
            self.first_free = *last + 1;
        }
        Ok(chain)
    }

    /// Writes a directory into clusters; what is left of the last is zero, which ends a directory.
    pub(crate) fn fill(&mut self, chain: &[u32], bytes: &[u8]) -> Result<(), FatError> {
        let size = self.geometry.cluster as usize;
        let mut chunks = bytes.chunks(size);
        for cluster in chain {
            let mut chunk = chunks.next().unwrap_or_default().to_vec();
            chunk.resize(size, 0);
            self.write_cluster(*cluster, 0, &chunk)?;
        }
        Ok(())
    }

    /// Writes bytes into a cluster.
    pub(crate) fn write_cluster(&mut self, cluster: u32, at: u64, bytes: &[u8]) -> io::Result<()> {
        match self.geometry.place(cluster) {
            Some(place) => self.view.write_at(place + at, bytes),
            None => Err(io::Error::new(io::ErrorKind::InvalidData, "there is no such cluster")),
        }
    }

    /// Gives clusters back.
    pub(crate) fn free(&mut self, chain: &[u32]) {
        for cluster in chain {
            self.set(*cluster, 0);
        }
    }

    /// Gives back all clusters that are not in `kept`, such as those of an update that was cut off.
    pub(crate) fn free_others(&mut self, kept: &Kept) {
        for cluster in 2..self.geometry.clusters + 2 {
            // Bad clusters stay marked.
            if !kept.has(cluster) && !matches!(self.next(cluster), 0 | BAD) {
                self.set(cluster, 0);
            }
        }
    }

    /// Writes down how many clusters are free (FAT specification, section 5).
    pub(crate) fn count_free(&mut self) {
        let Some(info) = self.geometry.info else { return };
        let free = (2..self.geometry.clusters + 2).filter(|cluster| self.next(*cluster) == 0).count();
        let count = u32::try_from(free).unwrap_or(u32::MAX);
        for (at, value) in [(488, count), (492, 2)] {
            let place = (info + at) as usize;
            if let Some(bytes) = self.view.head.get_mut(place..place + 4) {
                bytes.copy_from_slice(&value.to_le_bytes());
            }
        }
    }

    /// The entries of a directory.
    pub(crate) fn folder(&mut self, first: u32) -> Result<Vec<Entry>, FatError> {
        Ok(folder::entries(&self.contents(first)?))
    }

    /// The entries of the root directory.
    pub(crate) fn root_folder(&mut self) -> Result<Vec<Entry>, FatError> {
        match self.geometry.root {
            Root::Chain(first) => self.folder(first),
            Root::Area { at, size } => {
                let area = self.view.head.get(at as usize..(at + size) as usize).unwrap_or_default();
                Ok(folder::entries(area))
            }
        }
    }

    fn contents(&mut self, first: u32) -> Result<Vec<u8>, FatError> {
        let mut bytes = Vec::new();
        for cluster in self.chain(first)? {
            let mut part = vec![0; self.geometry.cluster as usize];
            let place = self.place(cluster)?;
            self.view.read_at(place, &mut part)?;
            bytes.extend(part);
            // A cluster may be partly behind the last entry.
            if bytes.len() > (folder::MAX_ENTRIES + 64) * folder::ENTRY {
                return Err(FatError::Damaged("a directory is endless".into()));
            }
        }
        Ok(bytes)
    }

    /// Where an entry of a directory is: its cluster, and its distance from the start of that.
    pub(crate) fn place_of(&self, first: u32, entry: &Entry) -> Result<(u32, u64), FatError> {
        let chain = self.chain(first)?;
        let at = entry.at as u64;
        let cluster = chain.get((at / self.geometry.cluster) as usize).copied();
        let cluster = cluster.ok_or_else(|| FatError::Damaged("an entry is nowhere".into()))?;
        Ok((cluster, at % self.geometry.cluster))
    }

    /// Finds all clusters below a directory, that of the previous system left out where `skip_previous`.
    pub(crate) fn reach(&mut self, root: u32, skip_previous: bool) -> Result<Kept, FatError> {
        let mut kept = Kept { bits: vec![false; self.geometry.clusters as usize + 2] };
        let mut pending = vec![(root, 0, true)];
        while let Some((first, depth, is_folder)) = pending.pop() {
            for cluster in self.chain(first)? {
                if !kept.add(cluster) {
                    return Err(FatError::Damaged(format!("two files share cluster {cluster}")));
                }
            }
            if !is_folder {
                continue;
            }
            if depth > MAX_DEPTH {
                return Err(FatError::Damaged("its directories are too deep".into()));
            }
            for entry in self.folder(first)? {
                let skipped = entry.is_dots() || entry.is_label() || depth == 0 && skip_previous && entry.is_previous();
                if !skipped && entry.cluster() != 0 {
                    pending.push((entry.cluster(), depth + 1, entry.is_folder()));
                }
            }
        }
        Ok(kept)
    }

    /// Makes the directories in a directory say that it is their parent; 0 stands for the root directory.
    pub(crate) fn adopt(&mut self, first: u32, parent: u32) -> Result<(), FatError> {
        for entry in self.folder(first)? {
            if !entry.is_folder() || entry.is_dots() {
                continue;
            }
            // `..` is the second entry of every directory, so it is in its first cluster.
            let mut dots = vec![0; folder::ENTRY];
            let place = self.place(entry.cluster())? + folder::ENTRY as u64;
            self.view.read_at(place, &mut dots)?;
            folder::set_cluster(&mut dots, parent);
            self.view.write_at(place, &dots)?;
        }
        Ok(())
    }
}

/// A set of clusters.
pub(crate) struct Kept {
    bits: Vec<bool>,
}

impl Kept {
    fn has(&self, cluster: u32) -> bool {
        self.bits.get(cluster as usize).copied().unwrap_or_default()
    }

    /// Adds one; whether it was not there before.
    fn add(&mut self, cluster: u32) -> bool {
        self.bits.get_mut(cluster as usize).is_some_and(|bit| !std::mem::replace(bit, true))
    }
}
