//! Partitions one after the other, between a start and an end.

use crate::Format;
use crate::Partition;
use crate::PlacedPartition;
use crate::Shrunk;
use crate::room::Want;
use crate::room::share;
use crate::solve::EXT4_MIN;
use crate::solve::FAT32_MIN;
use crate::solve::GRAIN;

/// A partition with the sizes that it can have, in bytes.
pub(crate) struct Piece<'p> {
    pub(crate) partition: &'p Partition,
    /// Less will not do.
    least: u64,
    /// More is of no use; none takes whatever there is.
    most: Option<u64>,
}

impl<'p> Piece<'p> {
    /// A partition, with the size of the file whose blocks it gets where that is known.
    pub(crate) fn new(partition: &'p Partition, blocks: Option<u64>, sector: u64) -> Self {
        let floor = match partition.format {
            Format::Vfat => FAT32_MIN * sector,
            Format::Ext4 { .. } => EXT4_MIN,
            Format::Empty if partition.align.is_some() => sector,
            Format::Empty => GRAIN,
        };
        let blocks = blocks.filter(|_| partition.copy_blocks.is_some());
        let Partition { size, size_min, .. } = partition;
        let of_file = blocks.filter(|_| size.is_none() && size_min.is_none());
        if let Some(bytes) = of_file {
            // Nobody has said a size: it has that of its file, in whole sectors or what its start is a multiple of.
            let whole = bytes.max(1).checked_next_multiple_of(partition.align.unwrap_or(sector)).unwrap_or(u64::MAX);
            return Self { partition, least: whole, most: Some(whole) };
        }
        let least = size_min.or(*size).unwrap_or(floor).max(floor.min(size.unwrap_or(u64::MAX)));
        let least = least.max(blocks.filter(|_| size.is_none()).unwrap_or(0));
        Self { partition, least, most: *size }
    }

    /// The first place from `at` on where it can start.
    pub(crate) fn aligned(&self, at: u64) -> u64 {
        at.checked_next_multiple_of(self.partition.align.unwrap_or(GRAIN)).unwrap_or(u64::MAX)
    }

    fn placed(&self, start: u64, size: u64, sector: u64) -> PlacedPartition {
        let shrunk = self.most.filter(|most| size < *most).map(|wanted| Shrunk { wanted });
        let end = start.saturating_add(size.checked_next_multiple_of(sector).unwrap_or(size));
        PlacedPartition { partition: self.partition.clone(), range: start..end, shrunk }
    }
}

/// Lays partitions one after the other between `start` and `end`; returns the size that would be needed if they have no room.
pub(crate) fn place_stretch(
    pieces: &[Piece<'_>],
    start: u64,
    end: u64,
    sector: u64,
) -> Result<Vec<PlacedPartition>, u64> {
    // With the least sizes first: what is left is shared in steps that change no alignment.
    let step = pieces.iter().map(|piece| piece.partition.align.unwrap_or(GRAIN)).fold(1, common_multiple);
    let fixed = |piece: &Piece<'_>| piece.most == Some(piece.least);
    // Those that give way count in whole steps, so that each can be as large as the others leave it.
    let least = |piece: &Piece<'_>| match fixed(piece) {
        true => piece.least.checked_next_multiple_of(sector).unwrap_or(u64::MAX),
        false => piece.least.checked_next_multiple_of(step).unwrap_or(u64::MAX),
    };
    let mut needed = start;
    for (number, piece) in pieces.iter().enumerate() {
        needed = if number == 0 { needed } else { piece.aligned(needed) };
        needed = needed.saturating_add(least(piece));
    }
    let room = end.checked_sub(needed).ok_or(needed)?;
    let wants: Vec<Want> = pieces
        .iter()
        .map(|piece| Want {
            least: 0,
            most: piece.most.map(|most| most.saturating_sub(least(piece)).div_ceil(step)),
            weight: piece.partition.weight,
        })
        .collect();
    let more = share(room / step, &wants).unwrap_or_default();
    let mut placed: Vec<PlacedPartition> = Vec::new();
    let mut at = start;
    for (number, (piece, more)) in pieces.iter().zip(more).enumerate() {
        at = if number == 0 { at } else { piece.aligned(at) };
        let mut size = least(piece).saturating_add(more.saturating_mul(step));
        let full = size;
        if let Some(most) = piece.most {
            // A size that is not a whole number of steps ends with the sector that it says.
            size = size.min(most);
        } else if number + 1 == pieces.len() {
            // The last takes what is left of a step, too, where it may end at a finer one.
            let grain = piece.partition.end_align;
            let left = end.saturating_sub(at.saturating_add(size));
            size = size.saturating_add(if grain < step { left - left % grain } else { 0 });
        }
        placed.push(piece.placed(at, size, sector));
        at = at.saturating_add(if fixed(piece) { size } else { full });
    }
    Ok(placed)
}

/// The least common multiple of two alignments; the greater one where that is beyond all media.
fn common_multiple(one: u64, other: u64) -> u64 {
    let (mut a, mut b) = (one.max(1), other.max(1));
    while b > 0 {
        (a, b) = (b, a % b);
    }
    (one.max(1) / a).checked_mul(other.max(1)).unwrap_or(one.max(other))
}
