use super::FatError;

/// Where things are in a FAT file system. Offsets and lengths are bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) width: Width,
    pub(crate) sector: u64,
    pub(crate) cluster: u64,
    /// Where the first FAT starts.
    pub(crate) fat: u64,
    /// The size of one FAT.
    pub(crate) fat_size: u64,
    pub(crate) fats: u64,
    /// Where cluster 2, the first, starts.
    pub(crate) data: u64,
    /// How many clusters there are.
    pub(crate) clusters: u32,
    pub(crate) root: Root,
    /// Where the copy of the boot sector is, if there is one.
    pub(crate) backup: Option<u64>,
    /// Where the sector is that says how many clusters are free, if there is one.
    pub(crate) info: Option<u64>,
}

/// The bits of an entry of the FAT, which name a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    Fat12,
    Fat16,
    Fat32,
}

/// Where the root directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    /// In clusters, as any directory: FAT32.
    Chain(u32),
    /// In an area of its own before the clusters: FAT12 and FAT16.
    Area { at: u64, size: u64 },
}

/// Where the boot sector names the first cluster of the root directory (FAT specification, BPB_RootClus).
pub(crate) const ROOT_CLUSTER: usize = 44;

/// Clusters from which on a file system without FAT32's fields is FAT16 (FAT specification, section 3.5).
const MIN_FAT16: u64 = 4085;

impl Width {
    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fat12 => "FAT12",
            Self::Fat16 => "FAT16",
            Self::Fat32 => "FAT32",
        }
    }

    /// Entries that a FAT of so many bytes has.
    fn entries(self, bytes: u64) -> u64 {
        match self {
            Self::Fat12 => bytes * 2 / 3,
            Self::Fat16 => bytes / 2,
            Self::Fat32 => bytes / 4,
        }
    }
}

impl Geometry {
    /// Reads a boot sector (FAT specification, section 3), and checks it against the room of `length` bytes.
    pub(crate) fn read(boot: &[u8], length: u64) -> Result<Self, FatError> {
        let number = |at: usize, count: usize| {
            boot.iter().skip(at).take(count).rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte))
        };
        if number(510, 2) != 0xaa55 || boot.len() < 512 {
            return Err(FatError::Missing);
        }
        let sector = number(11, 2);
        let per_cluster = number(13, 1);
        let (reserved, fats) = (number(14, 2), number(16, 1));
        let (root_entries, fat16_size, fat32_size) = (number(17, 2), number(22, 2), number(36, 4));
        let total = if number(19, 2) != 0 { number(19, 2) } else { number(32, 4) };
        if !matches!(sector, 512 | 1024 | 2048 | 4096) || !per_cluster.is_power_of_two() || fats == 0 || fats > 2 {
            return Err(FatError::Missing);
        }
        // As Linux, mkfs.fat and fsck.fat: FAT32 is what has its size of a FAT in FAT32's field.
        let is_wide = fat16_size == 0 && fat32_size != 0;
        let in_sectors = if is_wide { fat32_size } else { fat16_size };
        let damaged = |what: &str| FatError::Damaged(what.to_owned());
        if in_sectors == 0 || (root_entries == 0) != is_wide {
            return Err(damaged("its boot sector contradicts itself"));
        }
        let area = (root_entries * 32).next_multiple_of(sector);
        // Each factor has 32 bits at most, so nothing here reaches the end of its type.
        let fat_size = in_sectors * sector;
        let root_at = reserved * sector + fats * fat_size;
        let data = root_at + area;
        let size = total * sector;
        if reserved == 0 || is_wide && reserved < 2 || size > length || data >= size {
            return Err(damaged("its boot sector says that it is larger than its partition"));
        }
        let cluster = per_cluster * sector;
        let clusters = (size - data) / cluster;
        let width = match (is_wide, clusters) {
            (true, _) => Width::Fat32,
            (false, MIN_FAT16..) => Width::Fat16,
            (false, _) => Width::Fat12,
        };
        // Bit 7 of BPB_ExtFlags: only one FAT is kept, that of the lower bits.
        let (flags, root) = (number(40, 2), number(ROOT_CLUSTER, 4));
        if is_wide && flags & 0x80 != 0 && flags & 0x0f != 0 {
            return Err(damaged("only its second FAT is kept"));
        }
        let clusters = clusters.min(width.entries(fat_size).saturating_sub(2));
        // 2^28 is where the numbers of FAT32 end.
        let clusters = u32::try_from(clusters).ok().filter(|count| *count < 0x0fff_fff0);
        let reserved_sector = |at: usize| {
            let number = number(at, 2);
            (is_wide && number > 0 && number < reserved).then_some(number * sector)
        };
        Ok(Self {
            width,
            sector,
            cluster,
            fat: reserved * sector,
            fat_size,
            fats,
            data,
            clusters: clusters.ok_or_else(|| damaged("it has too many clusters"))?,
            root: match width {
                Width::Fat32 => Root::Chain(u32::try_from(root).unwrap_or_default() & 0x0fff_ffff),
                _ => Root::Area { at: root_at, size: area },
            },
            backup: reserved_sector(50),
            info: reserved_sector(48),
        })
    }

    /// Where a cluster starts; none if there is no such cluster.
    pub(crate) fn place(&self, cluster: u32) -> Option<u64> {
        let index = cluster.checked_sub(2).filter(|index| *index < self.clusters)?;
        Some(self.data + u64::from(index) * self.cluster)
    }

    /// The first cluster of a root directory that can move; none on FAT12 and FAT16.
    pub(crate) fn root_cluster(&self) -> Option<u32> {
        match self.root {
            Root::Chain(cluster) => Some(cluster),
            Root::Area { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever a boot sector says, it is refused or lies in its room.
        #[test]
        fn what_a_boot_sector_says_lies_in_its_room(
            fields in prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(2), Just(0xff), any::<u8>()], 64),
            sector in prop_oneof![Just(512u16), Just(4096)],
            length in prop_oneof![Just(u64::MAX), 512..1u64 << 40],
        ) {
            let mut boot = vec![0; 512];
            boot[..64].copy_from_slice(&fields);
            boot[11..13].copy_from_slice(&sector.to_le_bytes());
            boot[510..].copy_from_slice(&[0x55, 0xaa]);
            if let Ok(geometry) = Geometry::read(&boot, length) {
                let end = geometry.data + u64::from(geometry.clusters) * geometry.cluster;
                prop_assert!(geometry.fat + geometry.fats * geometry.fat_size <= geometry.data && end <= length);
            }
        }
    }
}
