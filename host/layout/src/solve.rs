//! Fitting a layout to a medium.

use std::ops::Range;

use crate::DiskId;
use crate::Format;
use crate::Layout;
use crate::LayoutError;
use crate::Medium;
use crate::Owner;
use crate::Partition;
use crate::Raw;
use crate::Table;
use crate::claim::Claims;
use crate::stretch::Piece;
use crate::stretch::place_stretch;

/// What starts of partitions are multiples of, and their sizes are counted in: 1 MiB, which every flash memory divides.
pub(crate) const GRAIN: u64 = 1 << 20;

/// Sectors that an MBR can count (32 bits).
const MBR_SECTORS: u64 = 1 << 32;

/// The least that FAT32 can be, in sectors: 65525 clusters of one, and what is before them, in whole MiB where they have 512.
pub(crate) const FAT32_MIN: u64 = (34 << 20) / 512;

/// The least that FAT12 can be, in sectors: its root directory has 32 of 512 bytes.
const FAT_MIN: u64 = 128;

/// Whether a file system of `size` bytes on a medium with sectors of `sector` bytes is FAT32. Smaller ones are FAT12 or FAT16.
pub fn fits_fat32(size: u64, sector: u32) -> bool {
    size >= FAT32_MIN * u64::from(sector)
}

/// The greatest alignment of a start, in bytes.
const MAX_ALIGN: u64 = 1 << 30;

/// The least that ext4 with a journal is of use as.
pub(crate) const EXT4_MIN: u64 = 4 << 20;

/// A layout that has been fitted to a medium and checked: every byte has at most one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub(crate) medium: Medium,
    pub(crate) table: Table,
    pub(crate) id: Option<DiskId>,
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
    /// one that is missing and may be. `blocks` are those of the files of [`Partition::copy_blocks`], in the order of the
    /// partitions; where they are not known, such a partition takes what is left.
    ///
    /// # Errors
    /// [`LayoutError`]: the first thing that does not fit, or contradicts itself.
    pub fn solve(
        &self,
        medium: Medium,
        lengths: &[Option<u64>],
        blocks: &[Option<u64>],
    ) -> Result<Placed, LayoutError> {
        check_medium(medium)?;
        let entries = self.entries()?;
        self.check()?;
        for partition in &self.partitions {
            check_sizes(partition, medium)?;
        }
        let window = self.window(medium, entries)?;
        let (raw, reserved) = self.place_raw(lengths)?;
        let partitions = self.place(medium, &window, entries, &reserved, blocks)?;
        let placed = Placed { medium, table: self.table, id: self.id, entries, partitions, raw };
        placed.check(&reserved)?;
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
            // Partitions that say what they start at a multiple of may lie in the first MiB.
            Some(end) if end > table_end(self.table, entries, sector) => Ok(start..end),
            _ => Err(LayoutError::TooSmall { has: medium.size, needs: start + 2 * GRAIN }),
        }
    }

    /// Gives every partition its place: each start that is fixed begins a stretch whose partitions share its room.
    fn place(
        &self,
        medium: Medium,
        window: &Range<u64>,
        entries: u32,
        reserved: &[PlacedRaw],
        blocks: &[Option<u64>],
    ) -> Result<Vec<PlacedPartition>, LayoutError> {
        let sector = u64::from(medium.sector);
        let room_of = |name: &String| reserved.iter().find(|raw| raw.raw.name == *name).map(|raw| raw.range.clone());
        let pieces: Vec<Piece<'_>> = self
            .partitions
            .iter()
            .zip(blocks.iter().copied().chain(std::iter::repeat(None)))
            .map(|(partition, blocks)| Piece::new(partition, blocks, sector))
            .collect();
        let mut placed = Vec::new();
        let mut rest = pieces.as_slice();
        let mut at = table_end(self.table, entries, sector);
        let begins = |piece: &&Piece<'_>| piece.partition.start.is_some() || piece.partition.after.is_some();
        while let Some(first) = rest.first() {
            let length = 1 + rest.iter().skip(1).take_while(|piece| !begins(piece)).count();
            let (stretch, later) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            if let Some(room) = first.partition.after.as_ref().and_then(room_of) {
                at = at.max(room.end);
            }
            let start = match first.partition.start {
                Some(start) => start,
                None if first.partition.align.is_some() => first.aligned(at),
                None => first.aligned(at.max(window.start)),
            };
            let next = later.first().map(|next| next.partition);
            let behind = next.and_then(|next| next.after.as_ref()).and_then(room_of);
            let behind = behind.map(|room| room.start).filter(|at| *at > start);
            let end = next.and_then(|next| next.start).or(behind).unwrap_or(window.end).min(window.end);
            let of_stretch = place_stretch(stretch, start, end, sector).map_err(|needs| LayoutError::TooSmall {
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

    /// Where raw contents are written, and the room that they have.
    fn place_raw(&self, lengths: &[Option<u64>]) -> Result<(Vec<PlacedRaw>, Vec<PlacedRaw>), LayoutError> {
        let (mut placed, mut reserved) = (Vec::new(), Vec::new());
        for (raw, length) in self.raw.iter().zip(lengths.iter().copied().chain(std::iter::repeat(None))) {
            let length = length.map(|length| length.saturating_sub(raw.skip).min(raw.length.unwrap_or(u64::MAX)));
            if let (Some(size), Some(length)) = (raw.size, length)
                && length > size
            {
                let problem = format!("its file has {length} bytes, and it has room for {size}");
                return Err(LayoutError::Raw { name: raw.name.clone(), problem });
            }
            let range = |length: u64| -> Result<PlacedRaw, LayoutError> {
                let owner = Owner::Raw(raw.name.clone());
                let end = raw.offset.checked_add(length);
                let end = end.ok_or(LayoutError::PastEnd { owner, end: u64::MAX, size: u64::MAX })?;
                Ok(PlacedRaw { raw: raw.clone(), range: raw.offset..end })
            };
            if let Some(length) = length {
                placed.push(range(length)?);
            }
            if let Some(room) = raw.size.or(length) {
                reserved.push(range(room)?);
            }
        }
        Ok((placed, reserved))
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

    fn check(&self, reserved: &[PlacedRaw]) -> Result<(), LayoutError> {
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
        for PlacedRaw { raw, range } in reserved {
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

/// Where the table ends, at the start of the medium.
fn table_end(table: Table, entries: u32, sector: u64) -> u64 {
    match table {
        Table::None => 0,
        Table::Mbr => 512,
        Table::Gpt => sector * 2 + array_bytes(entries, sector),
    }
}

fn check_medium(medium: Medium) -> Result<(), LayoutError> {
    let Medium { size, sector } = medium;
    let wrong = |problem: &str| Err(LayoutError::Medium { size, sector, problem: problem.into() });
    if !matches!(sector, 512 | 4096) {
        return wrong("sectors have 512 or 4096 bytes");
    }
    match size.is_multiple_of(u64::from(sector)) && size <= i64::MAX as u64 {
        true => Ok(()),
        false => wrong("expected a size that is a multiple of the sector size, and at most the largest file size"),
    }
}

fn check_sizes(partition: &Partition, medium: Medium) -> Result<(), LayoutError> {
    let wrong = |problem: String| Err(LayoutError::Partition { label: partition.label.clone(), problem });
    let sector = u64::from(medium.sector);
    let Partition { start, size, size_min, end_align, align, format, .. } = partition;
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
    if align.is_some_and(|align| align == 0 || align > MAX_ALIGN || !align.is_multiple_of(sector)) {
        return wrong(format!("`align` is a multiple of {sector} bytes up to 1 GiB"));
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

#[cfg(test)]
mod tests;
