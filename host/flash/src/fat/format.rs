//! The fixed parts of a new file system: boot sector, its copy, and the first entries of the FATs (FAT specification, sections 3
//! to 5). Sizes are those that mkfs.fat chooses.

use skiff_layout::fits_fat32;

use super::FatError;
use super::Naming;
use super::geometry::Geometry;
use super::geometry::ROOT_CLUSTER;
use super::geometry::Width;

/// Entries of the root directory of FAT12 and FAT16.
const ROOT_ENTRIES: u64 = 512;

/// Sectors before the first FAT of FAT32; the copy of the boot sector, and the sector that counts free clusters.
const RESERVED: u64 = 32;
const BACKUP: u64 = 6;
const INFO: u64 = 1;

/// Most clusters of FAT12, and least and most of FAT16: with others, systems take one for the other.
const MAX_FAT12: u64 = 4084;
const MIN_FAT16: u64 = 4087;
const MAX_FAT16: u64 = 65524;

/// Bytes from which on mkfs.fat begins FATs and clusters at multiples of a cluster.
const ALIGNED: u64 = 8 << 20;

/// A medium that is not removable (BPB_Media), and the first drive (BS_DrvNum).
const FIXED: u8 = 0xf8;
const DRIVE: u8 = 0x80;

/// Sizes in sectors.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    width: Width,
    total: u64,
    reserved: u64,
    fat: u64,
    per_cluster: u64,
}

/// Makes everything before the clusters of a file system of `size` bytes.
pub(crate) fn head(size: u64, naming: Naming<'_>) -> Result<(Geometry, Vec<u8>), FatError> {
    let sector = u64::from(naming.sector);
    let sizes = if fits_fat32(size, naming.sector) { wide(size, sector) } else { narrow(size, sector) };
    let sizes = sizes.ok_or(FatError::Size(size))?;
    let boot = boot_sector(&sizes, naming)?;
    let geometry = Geometry::read(&boot, size)?;
    let mut head = vec![0; usize::try_from(geometry.data).map_err(std::io::Error::other)?];
    let mut put = |at: u64, bytes: &[u8]| {
        let place = usize::try_from(at).ok().and_then(|at| head.get_mut(at..at + bytes.len()));
        if let Some(place) = place {
            place.copy_from_slice(bytes);
        }
    };
    put(0, &boot);
    if let Some(at) = geometry.backup {
        put(at, &boot);
    }
    if let Some(at) = geometry.info {
        // Signatures (FAT specification, section 5); how many clusters are free follows when all are taken.
        for at in [at, at + geometry.backup.unwrap_or(at)] {
            put(at, b"RRaA");
            put(at + 484, b"rrAa");
            put(at + 488, &[0xff; 8]);
            put(at + 510, &[0x55, 0xaa]);
        }
    }
    // The first two entries name no clusters: the kind of medium, and the end of a chain.
    let first: &[u8] = match geometry.width {
        Width::Fat12 => &[FIXED, 0xff, 0xff],
        Width::Fat16 => &[FIXED, 0xff, 0xff, 0xff],
        Width::Fat32 => &[FIXED, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0x0f],
    };
    for copy in 0..geometry.fats {
        put(geometry.fat + copy * geometry.fat_size, first);
    }
    Ok((geometry, head))
}

/// Bytes of a cluster, as mkfs.fat chooses them for FAT32.
fn cluster_size(size: u64) -> u64 {
    match size >> 20 {
        0..=260 => 512,
        261..=8192 => 4 << 10,
        8193..=16384 => 8 << 10,
        16385..=32768 => 16 << 10,
        _ => 32 << 10,
    }
}

fn wide(size: u64, sector: u64) -> Option<Sizes> {
    let total = (size / sector).min(u64::from(u32::MAX));
    let per_cluster = (cluster_size(size) / sector).max(1);
    let fat = fat_sectors(total.checked_sub(RESERVED)?, per_cluster, 32, sector, 1)?.0;
    Some(Sizes { width: Width::Fat32, total, reserved: RESERVED, fat, per_cluster })
}

/// The smallest clusters with which FAT12 or FAT16 has room for them; none if nothing fits.
fn narrow(size: u64, sector: u64) -> Option<Sizes> {
    let total = size / sector;
    let root = (ROOT_ENTRIES * 32).div_ceil(sector);
    // mkfs.fat begins with four sectors of 512 bytes.
    let first = (2048 / sector).max(1);
    let mut sizes = std::iter::successors(Some(first), |size| Some(size * 2)).take_while(|size| *size <= 128);
    sizes.find_map(|per_cluster| {
        let grain = if size >= ALIGNED { per_cluster } else { 1 };
        let reserved = grain;
        let room = total.checked_sub(reserved + root)?;
        let fitted = |width: Width, bits: u64, range: std::ops::RangeInclusive<u64>| {
            let (fat, clusters) = fat_sectors(room, per_cluster, bits, sector, grain)?;
            range.contains(&clusters).then_some(Sizes { width, total, reserved, fat, per_cluster })
        };
        fitted(Width::Fat12, 12, 1..=MAX_FAT12).or_else(|| fitted(Width::Fat16, 16, MIN_FAT16..=MAX_FAT16))
    })
}

/// The sectors of a FAT, in multiples of `grain`, and the clusters that `room` sectors have place for beside two FATs.
fn fat_sectors(room: u64, per_cluster: u64, bits: u64, sector: u64, grain: u64) -> Option<(u64, u64)> {
    // The first two entries name no clusters.
    let needs = |clusters: u64| ((clusters + 2) * bits).div_ceil(8).div_ceil(sector).next_multiple_of(grain);
    let count = |fat: u64| room.checked_sub(2 * fat).map(|room| room / per_cluster);
    // Enough for clusters in the place of the FATs, too; then without those, which gives room for a few more.
    let fat = needs(count(needs(room / per_cluster))?);
    let fat = fat.max(needs(count(fat)?));
    Some((fat, count(fat)?))
}

fn boot_sector(sizes: &Sizes, naming: Naming<'_>) -> Result<Vec<u8>, FatError> {
    let Sizes { width, total, reserved, fat, per_cluster } = *sizes;
    let is_wide = width == Width::Fat32;
    let mut boot = vec![0; naming.sector as usize];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = boot.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    let wrong = |_| FatError::Damaged("its sizes do not fit its boot sector".into());
    let byte = |number: u64| u8::try_from(number).map_err(wrong);
    let word = |number: u64| u16::try_from(number).map(u16::to_le_bytes).map_err(wrong);
    let long = |number: u64| u32::try_from(number).map(u32::to_le_bytes).map_err(wrong);
    let extended = if is_wide { 64 } else { 36 };
    // A jump over the fields to code that hands on to the next medium (int 0x18) and, if that returns, waits.
    put(0, &[0xeb, if is_wide { 0x58 } else { 0x3c }, 0x90]);
    put(if is_wide { 0x5a } else { 0x3e }, &[0xcd, 0x18, 0xf4, 0xeb, 0xfd]);
    put(3, b"MSWIN4.1");
    put(11, &word(u64::from(naming.sector))?);
    put(13, &[byte(per_cluster)?]);
    put(14, &word(reserved)?);
    put(16, &[2]);
    put(17, &word(if is_wide { 0 } else { ROOT_ENTRIES })?);
    match u16::try_from(total) {
        Ok(total) if !is_wide => put(19, &total.to_le_bytes()),
        _ => put(32, &long(total)?),
    }
    put(21, &[FIXED]);
    // Sectors per track and heads: together 1 MiB, since mtools complains of parts of tracks.
    put(24, &32u16.to_le_bytes());
    put(26, &64u16.to_le_bytes());
    if is_wide {
        put(36, &long(fat)?);
        put(ROOT_CLUSTER, &2u32.to_le_bytes());
        put(48, &word(INFO)?);
        put(50, &word(BACKUP)?);
    } else {
        put(22, &word(fat)?);
    }
    put(extended, &[DRIVE, 0, 0x29]);
    put(extended + 3, &naming.serial.to_le_bytes());
    put(extended + 7, &naming.padded());
    put(extended + 18, format!("{:8}", width.name()).as_bytes());
    put(510, &[0x55, 0xaa]);
    Ok(boot)
}
