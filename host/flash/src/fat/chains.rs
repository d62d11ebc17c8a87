//! Which clusters belong together.

use std::io;

use super::FatError;
use super::folder;
use super::folder::Entry;
use super::geometry::Geometry;
use super::view::View;

/// Entries of a FAT from here on end a chain (FAT specification, section 4).
const END: u32 = 0x0fff_fff8;
const LAST: u32 = 0x0fff_ffff;

/// Folders in folders that are gone into.
const MAX_DEPTH: usize = 64;

/// The clusters of a file system whose head is in memory.
pub(crate) struct Chains<'v, 'd> {
    pub(crate) view: &'v mut View<'d>,
    pub(crate) geometry: Geometry,
}

impl Chains<'_, '_> {
    fn slot(&self, cluster: u32) -> usize {
        (self.geometry.fat + u64::from(cluster) * 4) as usize
    }

    fn next(&self, cluster: u32) -> u32 {
        let slot = self.slot(cluster);
        let bytes = self.view.head.get(slot..slot + 4).unwrap_or_default();
        bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)) & LAST
    }

    /// Sets the entry of a cluster in every copy of the FAT. Its upper four bits are not ours.
    fn set(&mut self, cluster: u32, value: u32) {
        for copy in 0..self.geometry.fats {
            let slot = self.slot(cluster) + (copy * self.geometry.fat_size) as usize;
            if let Some(bytes) = self.view.head.get_mut(slot..slot + 4) {
                let upper = bytes.last().copied().unwrap_or_default() & 0xf0;
                bytes.copy_from_slice(&value.to_le_bytes());
                if let Some(last) = bytes.last_mut() {
                    *last = *last & 0x0f | upper;
                }
            }
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
        let chain = self.take(bytes.len())?;
        self.fill(&chain, bytes)?;
        chain.first().copied().ok_or(FatError::Full)
    }

    /// Takes clusters for so many bytes, one at least.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<Vec<u32>, FatError> {
        let count = (bytes as u64).div_ceil(self.geometry.cluster).max(1) as usize;
        let chain: Vec<u32> =
            (2..self.geometry.clusters + 2).filter(|cluster| self.next(*cluster) == 0).take(count).collect();
        if chain.len() < count {
            return Err(FatError::Full);
        }
        for pair in chain.windows(2) {
            if let [one, next] = pair {
                self.set(*one, *next);
            }
        }
        if let Some(last) = chain.last() {
            self.set(*last, LAST);
        }
        Ok(chain)
    }

    /// Writes a folder into clusters; what is left of the last is zero, which ends a folder.
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
            if !kept.has(cluster) && !matches!(self.next(cluster), 0 | 0x0fff_fff7) {
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

    /// The entries of a folder.
    pub(crate) fn folder(&mut self, first: u32) -> Result<Vec<Entry>, FatError> {
        Ok(folder::entries(&self.contents(first)?))
    }

    fn contents(&mut self, first: u32) -> Result<Vec<u8>, FatError> {
        let mut bytes = Vec::new();
        for cluster in self.chain(first)? {
            let mut part = vec![0; self.geometry.cluster as usize];
            let place = self.place(cluster)?;
            self.view.read_at(place, &mut part)?;
            bytes.extend(part);
            // A folder has 65536 entries at most.
            if bytes.len() > (65536 + 64) * folder::ENTRY {
                return Err(FatError::Damaged("a folder is endless".into()));
            }
        }
        Ok(bytes)
    }

    /// Where an entry of a folder is: its cluster, and its distance from the start of that.
    pub(crate) fn place_of(&self, first: u32, entry: &Entry) -> Result<(u32, u64), FatError> {
        let chain = self.chain(first)?;
        let at = entry.at as u64;
        let cluster = chain.get((at / self.geometry.cluster) as usize).copied();
        let cluster = cluster.ok_or_else(|| FatError::Damaged("an entry is nowhere".into()))?;
        Ok((cluster, at % self.geometry.cluster))
    }

    /// Finds all clusters below a folder, that of the previous system left out where `skip_previous`.
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
                return Err(FatError::Damaged("its folders are too deep".into()));
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

    /// Puts the folders below a new one in order: the library gives `.` and `..` long names, too, and the root folder as a
    /// parent its cluster instead of 0. `depth` is that of the folder, whose own entry for its parent is right. Its previous
    /// system is left alone.
    pub(crate) fn tidy(&mut self, first: u32, own: u32, depth: usize) -> Result<(), FatError> {
        if depth > MAX_DEPTH {
            return Err(FatError::Damaged("its folders are too deep".into()));
        }
        for entry in self.folder(first)? {
            if !entry.is_folder() || entry.is_dots() || depth == 0 && entry.is_previous() {
                continue;
            }
            let cluster = entry.cluster();
            let chain = self.chain(cluster)?;
            let rest = self.folder(cluster)?.into_iter().filter(|entry| !entry.is_dots());
            let mut bytes = folder::dots(cluster, own);
            bytes.extend(rest.flat_map(|entry| entry.bytes));
            self.fill(&chain, &bytes)?;
            self.tidy(cluster, cluster, depth + 1)?;
        }
        Ok(())
    }

    /// Makes the folders in a folder say that it is their parent; 0 stands for the root folder.
    pub(crate) fn adopt(&mut self, first: u32, parent: u32) -> Result<(), FatError> {
        for entry in self.folder(first)? {
            if !entry.is_folder() || entry.is_dots() {
                continue;
            }
            // `..` is the second entry of every folder, so it is in its first cluster.
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
