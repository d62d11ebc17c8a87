//! Reading the partition table of a medium that exists.

use std::ops::Range;

use uuid::Uuid;

use crate::Kind;
use crate::Medium;
use crate::Table;
use crate::table::ENTRIES_OFFSET;
use crate::table::ENTRY;
use crate::table::HEADER;
use crate::table::MAGIC;
use crate::table::PROTECTIVE;
use crate::table::SIGNATURE_OFFSET;

/// Bytes of a GPT's array that are read at most; the usual one has 16 KiB.
const MAX_ARRAY: u64 = 1 << 20;

/// The partition table of a medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its kind.
    pub table: Table,
    /// The partitions, in the order of the table.
    pub partitions: Vec<FoundPartition>,
}

/// A partition of a medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPartition {
    /// Its number, from 1, as Linux counts.
    pub number: u32,
    /// Its name, which only a GPT has.
    pub name: String,
    /// Its type.
    pub r#type: Kind,
    /// Its bytes.
    pub range: Range<u64>,
    /// Its identity, as Linux writes it (`PARTUUID`).
    pub partuuid: String,
}

/// Why a medium's table could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Reading failed.
    #[error(transparent)]
    Read(#[from] std::io::Error),
    /// The table contradicts itself.
    #[error("the partition table is damaged: {0}")]
    Damaged(String),
}

impl Found {
    /// Reads a medium's table through `read`, which fills a buffer from an offset in bytes. A medium without one has
    /// [`Table::None`].
    ///
    /// # Errors
    /// [`TableError`] if reading fails or the table is damaged.
    pub fn read(
        medium: Medium,
        mut read: impl FnMut(u64, &mut [u8]) -> std::io::Result<()>,
    ) -> Result<Self, TableError> {
        let mut first = vec![0; 512];
        if medium.size < 512 {
            return Ok(Self { table: Table::None, partitions: Vec::new() });
        }
        read(0, &mut first)?;
        if first.get(510..512) != Some(&[0x55, 0xaa]) {
            return Ok(Self { table: Table::None, partitions: Vec::new() });
        }
        let entries: Vec<MbrEntry> = first
            .get(ENTRIES_OFFSET as usize..510)
            .unwrap_or_default()
            .chunks_exact(16)
            .filter_map(MbrEntry::read)
            .collect();
        if entries.iter().any(|entry| entry.code == PROTECTIVE) {
            return gpt(medium, &mut read);
        }
        // A FAT file system on the whole medium ends its first sector in the same way; its boot code is no list of partitions.
        let is_jump = matches!(first.first(), Some(0xeb | 0xe9));
        let is_flag = |bytes: &[u8]| matches!(bytes.first(), Some(0 | 0x80));
        let flags = first.get(ENTRIES_OFFSET as usize..510).unwrap_or_default().chunks_exact(16).all(is_flag);
        if is_jump && !flags {
            return Ok(Self { table: Table::None, partitions: Vec::new() });
        }
        let signature = le32(&first, SIGNATURE_OFFSET as usize);
        let sector = u64::from(medium.sector);
        let mut partitions = Vec::new();
        for (number, entry) in (1..).zip(entries) {
            let range = entry.start * sector..(entry.start + entry.count) * sector;
            // Linux and sfdisk go by the size of an entry, which genimage writes without a type where nobody names one.
            if entry.code == 0 && (range.start == 0 || range.is_empty() || range.end > medium.size) {
                continue;
            }
            partitions.push(checked(
                medium,
                FoundPartition {
                    number,
                    name: String::new(),
                    r#type: Kind::Code(entry.code),
                    range,
                    partuuid: format!("{signature:08x}-{number:02x}"),
                },
            )?);
        }
        Ok(Self { table: if partitions.is_empty() { Table::None } else { Table::Mbr }, partitions })
    }
}

struct MbrEntry {
    code: u8,
    start: u64,
    count: u64,
}

impl MbrEntry {
    fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self { code: *bytes.get(4)?, start: le32(bytes, 8).into(), count: le32(bytes, 12).into() })
    }
}

fn gpt(medium: Medium, read: &mut impl FnMut(u64, &mut [u8]) -> std::io::Result<()>) -> Result<Found, TableError> {
    let sector = u64::from(medium.sector);
    // A medium that lost its start still has the copy at its end.
    let primary = gpt_at(medium, sector, read);
    match primary {
        Err(TableError::Damaged(_)) => gpt_at(medium, medium.size.saturating_sub(sector), read),
        other => other,
    }
}

fn gpt_at(
    medium: Medium,
    at: u64,
    read: &mut impl FnMut(u64, &mut [u8]) -> std::io::Result<()>,
) -> Result<Found, TableError> {
    let damaged = |what: &str| TableError::Damaged(what.to_owned());
    let sector = u64::from(medium.sector);
    if at + sector > medium.size {
        return Err(damaged("it has no room"));
    }
    let mut header = vec![0; HEADER];
    read(at, &mut header)?;
    let digest = le32(&header, 16);
    let mut plain = header.clone();
    plain.iter_mut().skip(16).take(4).for_each(|byte| *byte = 0);
    if !header.starts_with(&MAGIC) || le32(&header, 12) as usize != HEADER || crc32fast::hash(&plain) != digest {
        return Err(damaged("the header's digest is wrong"));
    }
    let (array_at, count, size) = (le64(&header, 72), le32(&header, 80), le32(&header, 84));
    let length = u64::from(count) * u64::from(size);
    let offset = array_at.checked_mul(sector).ok_or_else(|| damaged("the array is nowhere"))?;
    if (size as usize) < ENTRY || length > MAX_ARRAY || offset.saturating_add(length) > medium.size {
        return Err(damaged("the array has an impossible size"));
    }
    let mut array = vec![0; usize::try_from(length).unwrap_or_default()];
    read(offset, &mut array)?;
    if crc32fast::hash(&array) != le32(&header, 88) {
        return Err(damaged("the array's digest is wrong"));
    }
    let mut partitions = Vec::new();
    for (number, entry) in (1..).zip(array.chunks_exact(size as usize)) {
        let uuid = |from: usize| {
            let bytes = entry.get(from..from + 16).and_then(|bytes| bytes.try_into().ok());
            Uuid::from_bytes_le(bytes.unwrap_or_default())
        };
        if uuid(0).is_nil() {
            continue;
        }
        let (start, end) = (le64(entry, 32).checked_mul(sector), le64(entry, 40).checked_add(1));
        let end = end.and_then(|end| end.checked_mul(sector));
        let (Some(start), Some(end)) = (start, end) else { return Err(damaged("a partition ends nowhere")) };
        let units: Vec<u16> = entry
            .get(56..128)
            .unwrap_or_default()
            .chunks_exact(2)
            .map(|pair| pair.iter().rev().fold(0, |unit, byte| unit << 8 | u16::from(*byte)))
            .take_while(|unit| *unit != 0)
            .collect();
        let found = FoundPartition {
            number,
            name: String::from_utf16_lossy(&units),
            r#type: Kind::of_uuid(uuid(0)),
            range: start..end,
            partuuid: uuid(16).to_string(),
        };
        partitions.push(checked(medium, found)?);
    }
    Ok(Found { table: Table::Gpt, partitions })
}

fn checked(medium: Medium, found: FoundPartition) -> Result<FoundPartition, TableError> {
    match found.range.start < found.range.end && found.range.end <= medium.size {
        true => Ok(found),
        false => Err(TableError::Damaged(format!("partition {} is not on the medium", found.number))),
    }
}

fn le32(bytes: &[u8], at: usize) -> u32 {
    bytes.iter().skip(at).take(4).rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn le64(bytes: &[u8], at: usize) -> u64 {
    bytes.iter().skip(at).take(8).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
