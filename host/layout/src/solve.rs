//! Fitting a layout to a medium.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::Format;
use crate::Layout;
use crate::LayoutError;
use crate::Medium;
use crate::Owner;
use crate::Partition;
use crate::Raw;
use crate::Table;
use crate::claim::Claims;
use crate::room::Want;
use crate::room::share;

/// What starts of partitions are multiples of, and their sizes are counted in: 1 MiB, which every flash memory divides.
pub(crate) const GRAIN: u64 = 1 << 20;

/// Sectors that an MBR can count (32 bits).
const MBR_SECTORS: u64 = 1 << 32;

/// The least that FAT32 can be, in sectors: 65525 clusters of one, and what is before them, in whole MiB where they have 512.
const FAT32_MIN: u64 = (34 << 20) / 512;

/// The least that FAT12 can be, in sectors: its root directory has 32 of 512 bytes.
const FAT_MIN: u64 = 128;

/// Whether a file system of `size` bytes on a medium with sectors of `sector` bytes is FAT32. Smaller ones are FAT12 or FAT16.
pub fn fits_fat32(size: u64, sector: u32) -> bool {
    size >= FAT32_MIN * u64::from(sector)
}

/// The least that ext4 with a journal is of use as.
const EXT4_MIN: u64 = 4 << 20;

/// A layout that has been fitted to a medium and checked: every byte has at most one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub(crate) medium: Medium,
    pub(crate) table: Table,
    pub(crate) entries: u32,
    pub(crate) partitions: Vec<PlacedPartition>,
    pub(crate) raw: Vec<PlacedRaw>,
}

/// A partition with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedPartition {
    /// What was proposed.
    pub partition: Partition,
    /// Its bytes.
    pub range: Range<u64>,
    /// Whether it had to give way, and how much.
    pub shrunk: Option<Shrunk>,
}

/// A partition that is smaller than the board would have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shrunk {
    /// The size that it would have on a larger medium, in bytes.
    pub wanted: u64,
}

/// Contents outside of partitions, with their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedRaw {
    /// What was proposed.
    pub raw: Raw,
    /// Its bytes on the medium.
    pub range: Range<u64>,
}

impl Layout {
    /// Fits the layout to a medium. `lengths` are the sizes in bytes of the files of [`Layout::raw`], in that order; none for
    /// one that is missing and may be.
    ///
    /// # Errors
    /// [`LayoutError`]: the first thing that does not fit, or contradicts itself.
    pub fn solve(&self, medium: Medium, lengths: &[Option<u64>]) -> Result<Placed, LayoutError> {
        check_medium(medium)?;
        let entries = self.entries()?;
        self.check_partitions(medium)?;
        let window = self.window(medium, entries)?;
        let partitions = self.place(medium, &window)?;
        let raw = self.place_raw(lengths)?;
        let placed = Placed { medium, table: self.table, entries, partitions, raw };
        placed.check()?;
        Ok(placed)
    }

    fn entries(&self) -> Result<u32, LayoutError> {
        let limit = match self.table {
            Table::Gpt => self.max_entries.unwrap_or(128),
            Table::Mbr => 4,
            Table::None => 1,
        };
        // An array of 128 entries is what firmware expects room for; an empty one is none.
        let limit = if self.table == Table::Gpt { limit.clamp(4, 128) } else { limit };
        match self.partitions.len() <= limit as usize {
            true => Ok(limit),
            false => Err(LayoutError::TooMany { count: self.partitions.len(), limit, table: self.table }),
        }
    }

    fn check_partitions(&self, medium: Medium) -> Result<(), LayoutError> {
        let mut labels = BTreeSet::new();
        for partition in &self.partitions {
            let Partition { label, .. } = partition;
            let wrong = |problem: &str| Err(LayoutError::Label { label: label.clone(), problem: problem.into() });
            if !labels.insert(label.to_ascii_lowercase()) {
                return wrong("another has the same label");
            }
            if label.is_empty() || label.chars().any(char::is_control) || label.trim() != label {
                return wrong("a label is printable and neither starts nor ends with a blank");
            }
            // A GPT has room for 36 units of UTF-16, a FAT directory for 11 bytes of its code page, ext4 for 16 bytes.
            match partition.format {
                Format::Vfat if label.len() > 11 || !label.bytes().all(is_fat_label) => {
                    return wrong("FAT has labels of up to 11 letters, digits, `_`, `-` and blanks");
                }
                Format::Ext4 { .. } if label.len() > 16 => return wrong("ext4 has labels of up to 16 bytes"),
                _ if label.encode_utf16().count() > 36 => return wrong("a GPT has room for 36 characters"),
                _ => {}
            }
            self.check_type(partition)?;
            check_sizes(partition, medium)?;
        }
        Ok(())
    }

    fn check_type(&self, partition: &Partition) -> Result<(), LayoutError> {
        match self.table {
            Table::Gpt => partition.r#type.uuid().map(drop),
            Table::Mbr => partition.r#type.code().map(drop),
            Table::None => Ok(()),
        }
    }

    /// Where partitions may lie.
    fn window(&self, medium: Medium, entries: u32) -> Result<Range<u64>, LayoutError> {
        let sector = u64::from(medium.sector);
        let end = match self.table {
            Table::Gpt => medium.size.checked_sub(sector + array_bytes(entries, sector)),
            Table::Mbr => Some(medium.size.min(MBR_SECTORS.saturating_mul(sector))),
            Table::None => Some(medium.size),
        };
        let start = if self.table == Table::None { 0 } else { GRAIN };
        match end {
            Some(end) if end > start => Ok(start..end),
            _ => Err(LayoutError::TooSmall { has: medium.size, needs: start + 2 * GRAIN }),
        }
    }

    /// Gives every partition its place: each start that is fixed begins a stretch whose partitions share its room.
    fn place(&self, medium: Medium, window: &Range<u64>) -> Result<Vec<PlacedPartition>, LayoutError> {
        let mut placed = Vec::new();
        let mut rest = self.partitions.as_slice();
        let mut at = window.start;
        while let Some(first) = rest.first() {
            let length = 1 + rest.iter().skip(1).take_while(|partition| partition.start.is_none()).count();
            let (stretch, later) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            let start = first.start.unwrap_or_else(|| at.next_multiple_of(GRAIN));
            let end = later.first().and_then(|next| next.start).unwrap_or(window.end).min(window.end);
            let of_stretch =
                place_stretch(stretch, start, end, medium.sector.into()).map_err(|needs| LayoutError::TooSmall {
                    has: medium.size,
                    // What is behind the stretch stays where it is, or is the medium's end.
                    needs: needs.saturating_add(medium.size.saturating_sub(end)),
                })?;
            at = of_stretch.last().map_or(at, |partition| partition.range.end);
            placed.extend(of_stretch);
            rest = later;
        }
        Ok(placed)
    }

    fn place_raw(&self, lengths: &[Option<u64>]) -> Result<Vec<PlacedRaw>, LayoutError> {
        let mut placed = Vec::new();
        for (raw, length) in self.raw.iter().zip(lengths) {
            let Some(length) = length else { continue };
            let length = length.saturating_sub(raw.skip).min(raw.length.unwrap_or(u64::MAX));
            let owner = || Owner::Raw(raw.name.clone());
            let end = raw.offset.checked_add(length);
            let end = end.ok_or_else(|| LayoutError::PastEnd { owner: owner(), end: u64::MAX, size: u64::MAX })?;
            placed.push(PlacedRaw { raw: raw.clone(), range: raw.offset..end });
        }
        Ok(placed)
    }
}

impl Placed {
    /// The medium that it was fitted to.
    pub fn medium(&self) -> Medium {
        self.medium
    }

    /// The kind of its table.
    pub fn kind(&self) -> Table {
        self.table
    }

    /// The partitions, in the order of the table.
    pub fn partitions(&self) -> &[PlacedPartition] {
        &self.partitions
    }

    /// What is outside of partitions.
    pub fn raw(&self) -> &[PlacedRaw] {
        &self.raw
    }

    /// The bytes that belong to the table, copies included.
    pub(crate) fn table_ranges(&self) -> Vec<(Range<u64>, Owner)> {
        let sector = u64::from(self.medium.sector);
        let entries = (446..512, Owner::Table(self.table));
        match self.table {
            Table::None => Vec::new(),
            // Before its entries, an MBR has room for 446 bytes of a boot loader.
            Table::Mbr => vec![entries],
            Table::Gpt => {
                let array = array_bytes(self.entries, sector);
                let backup = self.medium.size.saturating_sub(sector + array)..self.medium.size;
                let header = sector..sector * 2 + array;
                vec![entries, (header, Owner::Table(self.table)), (backup, Owner::BackupTable)]
            }
        }
    }

    fn check(&self) -> Result<(), LayoutError> {
        let mut claims = Claims::new(self.medium.size);
        for (range, owner) in self.table_ranges() {
            claims.add(range, owner)?;
        }
        for PlacedPartition { partition, range, .. } in &self.partitions {
            let owner = Owner::Partition(partition.label.clone());
            if range.is_empty() {
                let problem = "it has no room".to_owned();
                return Err(LayoutError::Partition { label: partition.label.clone(), problem });
            }
            claims.add(range.clone(), owner)?;
        }
        for PlacedRaw { raw, range } in &self.raw {
            claims.add(range.clone(), Owner::Raw(raw.name.clone()))?;
        }
        Ok(())
    }

    /// Whether raw contents cover the signature of the MBR, which then is theirs.
    pub(crate) fn signature_is_raw(&self) -> bool {
        let mut claims = Claims::new(self.medium.size);
        // They were added without a complaint before.
        let added = self.raw.iter().all(|raw| claims.add(raw.range.clone(), Owner::Raw(raw.raw.name.clone())).is_ok());
        added && claims.is_taken(&(440..444))
    }
}

/// Bytes of the array of a GPT's entries, in whole sectors. An entry has 128 bytes (UEFI specification 5.3.3).
fn array_bytes(entries: u32, sector: u64) -> u64 {
    (u64::from(entries) * 128).next_multiple_of(sector)
}

fn is_fat_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_- ".contains(&byte)
}

fn check_medium(medium: Medium) -> Result<(), LayoutError> {
    let Medium { size, sector } = medium;
    let wrong = |problem: &str| Err(LayoutError::Medium { size, sector, problem: problem.into() });
    if !matches!(sector, 512 | 4096) {
        return wrong("sectors have 512 or 4096 bytes");
    }
    match size.is_multiple_of(u64::from(sector)) && size <= i64::MAX as u64 {
        true => Ok(()),
        false => wrong("the size is no whole number of sectors, or none that files can have"),
    }
}

fn check_sizes(partition: &Partition, medium: Medium) -> Result<(), LayoutError> {
    let wrong = |problem: String| Err(LayoutError::Partition { label: partition.label.clone(), problem });
    let sector = u64::from(medium.sector);
    let Partition { start, size, size_min, end_align, format, .. } = partition;
    if start.is_some_and(|start| !start.is_multiple_of(sector)) {
        return wrong(format!("it starts in the middle of a sector of {sector} bytes"));
    }
    if let (Some(size), Some(least)) = (size, size_min)
        && least > size
    {
        return wrong(format!("its least size, {least}, is more than its size, {size}"));
    }
    if *end_align == 0 || !end_align.is_multiple_of(sector) || *end_align > GRAIN {
        return wrong(format!("`end_align` is a multiple of {sector} bytes up to 1 MiB"));
    }
    let floor = match format {
        Format::Vfat => FAT_MIN * sector,
        Format::Ext4 { .. } => EXT4_MIN,
        Format::Empty => sector,
    };
    match size {
        Some(size) if *size < floor => wrong(format!("a size of {size} bytes is too little for its file system")),
        _ => Ok(()),
    }
}

/// The least that a partition can be, in bytes.
fn least(partition: &Partition, sector: u64) -> u64 {
    let floor = match partition.format {
        Format::Vfat => FAT32_MIN * sector,
        Format::Ext4 { .. } => EXT4_MIN,
        Format::Empty => GRAIN,
    };
    partition.size_min.or(partition.size).unwrap_or(floor).max(floor.min(partition.size.unwrap_or(u64::MAX)))
}

/// Lays partitions one after the other between `start` and `end`; returns the size that would be needed if they have no room.
fn place_stretch(partitions: &[Partition], start: u64, end: u64, sector: u64) -> Result<Vec<PlacedPartition>, u64> {
    let grains = |bytes: u64| bytes.div_ceil(GRAIN);
    let wants: Vec<Want> = partitions
        .iter()
        .map(|partition| Want {
            least: grains(least(partition, sector)),
            most: partition.size.map(grains),
            weight: partition.weight,
        })
        .collect();
    let needed = wants.iter().map(|want| want.least).fold(0, u64::saturating_add).saturating_mul(GRAIN);
    let needs = start.saturating_add(needed);
    // The last may end at a finer step than the others, and then has what is left of a grain, too.
    let fine = |partition: &Partition| partition.size.is_none() && partition.end_align < GRAIN;
    let room = end.checked_sub(start).ok_or(needs)?;
    let tail =
        partitions.last().filter(|last| fine(last)).map_or(0, |last| room % GRAIN / last.end_align * last.end_align);
    let sizes = share(room / GRAIN, &wants).ok_or(needs)?;
    let mut placed = Vec::new();
    let mut at = start;
    for (index, (partition, size)) in partitions.iter().zip(sizes).enumerate() {
        let mut next = at.saturating_add(size.saturating_mul(GRAIN));
        if index + 1 == partitions.len() {
            next = next.saturating_add(tail);
        }
        let full = partition.size.map(grains);
        // A size that is no whole number of grains ends with the sector that it says; what follows starts at the next grain.
        let range_end = match partition.size {
            Some(bytes) if full == Some(size) => at.saturating_add(bytes.next_multiple_of(sector)),
            _ => next,
        };
        let shrunk = partition.size.filter(|_| full.is_some_and(|full| full > size));
        placed.push(PlacedPartition {
            partition: partition.clone(),
            range: at..range_end,
            shrunk: shrunk.map(|wanted| Shrunk { wanted }),
        });
        at = next;
    }
    Ok(placed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    fn fixed(label: &str, size_mib: u64, least_mib: u64, weight: u32) -> Partition {
        Partition {
            size: Some(size_mib << 20),
            size_min: Some(least_mib << 20),
            weight,
            ..Partition::new(label, Kind::linux())
        }
    }

    fn rest(label: &str) -> Partition {
        Partition { size_min: Some(64 << 20), weight: 6, ..Partition::new(label, Kind::linux()) }
    }

    fn layout(table: Table, partitions: Vec<Partition>) -> Layout {
        Layout { table, max_entries: None, partitions, raw: Vec::new() }
    }

    fn pi() -> Layout {
        layout(Table::Gpt, vec![fixed("BOOT", 7628, 256, 8), fixed("rootfs", 1908, 64, 2), rest("persist")])
    }

    fn sectors(layout: &Layout, size: u64) -> Vec<(u64, u64)> {
        let placed = layout.solve(Medium { size, sector: 512 }, &[]).unwrap();
        placed.partitions().iter().map(|p| (p.range.start / 512, p.range.end / 512 - 1)).collect()
    }

    #[test]
    fn a_large_medium_has_the_sectors_that_parted_measured() {
        assert_eq!(sectors(&pi(), 12 << 30), [(2048, 15_624_191), (15_624_192, 19_531_775), (19_531_776, 25_163_775)]);
        let last = sectors(&pi(), 32_000_000_000).last().copied();
        assert_eq!(last, Some((19_531_776, 62_498_815)));
        let exact = Partition { end_align: 512, ..rest("persist") };
        let mbr = layout(Table::Mbr, vec![Partition { start: Some(1 << 20), ..fixed("boot", 953, 256, 8) }, exact]);
        assert_eq!(sectors(&mbr, 1536 << 20), [(2048, 1_953_791), (1_953_792, 3_145_727)]);
        assert_eq!(sectors(&mbr, 32_000_000_000), [(2048, 1_953_791), (1_953_792, 62_499_999)]);
    }

    #[test]
    fn a_small_medium_shrinks_what_may_give_way_and_says_so() {
        let placed = pi().solve(Medium { size: 4_000_000_000, sector: 512 }, &[]).unwrap();
        assert!(placed.partitions().iter().take(2).all(|partition| partition.shrunk.is_some()));
        let sizes: Vec<u64> = placed.partitions().iter().map(|p| (p.range.end - p.range.start) >> 20).collect();
        assert!(sizes[0] > 1500 && sizes[1] > 400 && sizes[2] > 1200, "{sizes:?}");
        let error = pi().solve(Medium { size: 300 << 20, sector: 512 }, &[]).unwrap_err();
        assert!(matches!(error, LayoutError::TooSmall { needs, .. } if needs > 380 << 20), "{error}");
    }

    #[test]
    fn every_byte_has_one_owner() {
        let raw = |offset: u64, length: u64| {
            let raw = Raw { name: "spl".into(), source: Vec::new(), offset, skip: 0, length: None, optional: false };
            let layout = Layout { raw: vec![raw], ..pi() };
            layout
                .solve(Medium { size: 32_000_000_000, sector: 512 }, &[Some(length)])
                .map(drop)
                .map_err(|e| e.to_string())
        };
        assert_eq!(raw(34 * 512, 1000), Ok(()));
        assert_eq!(raw(8192, 100).unwrap_err(), "the GPT and raw contents `spl` overlap: both want byte 8192");
        assert!(raw(1 << 20, 1).unwrap_err().contains("partition `BOOT`"));
        assert!(raw(u64::MAX - 1, 100).unwrap_err().contains("`spl`"));
        assert!(raw(32_000_000_000 - 512, 512).unwrap_err().contains("backup of the GPT"));
        assert_eq!(raw(0, 446), Ok(()));
        assert!(raw(0, 447).unwrap_err().contains("byte 446"));
    }

    #[test]
    fn what_contradicts_itself_is_an_error() {
        let one = |partition: Partition| {
            layout(Table::Mbr, vec![partition]).solve(Medium { size: 8 << 30, sector: 512 }, &[])
        };
        assert!(one(fixed("a", 10, 20, 1)).is_err());
        assert!(one(Partition { start: Some(100), ..rest("a") }).is_err());
        assert!(one(Partition { start: Some(u64::MAX / 512 * 512), ..rest("a") }).is_err());
        assert!(one(Partition { size: Some(0), ..rest("a") }).is_err());
        assert!(one(Partition { size: Some(u64::MAX), size_min: None, ..rest("a") }).is_err());
        assert!(one(Partition { format: Format::Vfat, ..rest("A LONG LABEL") }).is_err());
        assert!(one(Partition { format: Format::Vfat, size: Some(32 << 10), size_min: None, ..rest("a") }).is_err());
        assert!(one(Partition { format: Format::Vfat, size: Some(1 << 20), size_min: None, ..rest("a") }).is_ok());
        let odd = one(Partition { size: Some((10 << 20) + 256), size_min: None, ..rest("a") }).unwrap();
        assert_eq!(odd.partitions()[0].range, 1 << 20..(11 << 20) + 512);
        let five = (0..5).map(|n| fixed(&n.to_string(), 10, 10, 1)).collect();
        let five = layout(Table::Mbr, five).solve(Medium { size: 8 << 30, sector: 512 }, &[]);
        assert!(matches!(five, Err(LayoutError::TooMany { limit: 4, .. })));
    }
}
