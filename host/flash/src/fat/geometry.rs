use super::FatError;

/// Where things are in a FAT32 file system. Offsets and lengths are bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
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
    pub(crate) root: u32,
    /// Where the copy of the boot sector is, if there is one.
    pub(crate) backup: Option<u64>,
    /// Where the sector is that says how many clusters are free, if there is one.
    pub(crate) info: Option<u64>,
    /// The size of the whole.
    pub(crate) size: u64,
}

/// Where the boot sector names the first cluster of the root folder (FAT specification, BPB_RootClus).
pub(crate) const ROOT_CLUSTER: usize = 44;

/// FAT32 has 65525 clusters at least; with fewer it would be taken for FAT16.
const MIN_CLUSTERS: u64 = 65525;

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
        if root_entries != 0 || fat16_size != 0 || fat32_size == 0 {
            return Err(FatError::NotFat32);
        }
        let damaged = |what: &str| FatError::Damaged(what.to_owned());
        let data = (reserved + fats * fat32_size) * sector;
        let size = total * sector;
        if reserved < 2 || size > length || data >= size {
            return Err(damaged("its boot sector says that it is larger than its partition"));
        }
        let cluster = per_cluster * sector;
        let clusters = (size - data) / cluster;
        if clusters < MIN_CLUSTERS {
            return Err(FatError::NotFat32);
        }
        let in_fat = fat32_size * sector / 4;
        let clusters =
            u32::try_from(clusters.min(in_fat.saturating_sub(2))).map_err(|_| damaged("it has too many clusters"))?;
        let (info, backup) = (number(48, 2), number(50, 2));
        let reserved_sector = |number: u64| (number > 0 && number < reserved).then_some(number * sector);
        Ok(Self {
            sector,
            cluster,
            fat: reserved * sector,
            fat_size: fat32_size * sector,
            fats,
            data,
            clusters,
            root: u32::try_from(number(ROOT_CLUSTER, 4)).unwrap_or_default() & 0x0fff_ffff,
            backup: reserved_sector(backup),
            info: reserved_sector(info),
            size,
        })
    }

    /// Where a cluster starts; none if there is no such cluster.
    pub(crate) fn place(&self, cluster: u32) -> Option<u64> {
        let index = cluster.checked_sub(2).filter(|index| *index < self.clusters)?;
        Some(self.data + u64::from(index) * self.cluster)
    }
}
