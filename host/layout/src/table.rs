//! The bytes of partition tables.

use uuid::Uuid;

use crate::DiskId;
use crate::Format;
use crate::Ids;
use crate::Kind;
use crate::LayoutError;
use crate::Partition;
use crate::Placed;
use crate::PlacedPartition;
use crate::Table;
use crate::fits_fat32;

/// Bytes at a place of a medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Where they go, in bytes from the start.
    pub offset: u64,
    /// What they are.
    pub bytes: Vec<u8>,
}

/// Bytes of a GPT's header, and of one of its entries (UEFI specification 5.3.2, 5.3.3).
pub(crate) const HEADER: usize = 92;
pub(crate) const ENTRY: usize = 128;

/// What a GPT's header starts with: its signature and revision 1.0.
pub(crate) const MAGIC: [u8; 12] = *b"EFI PART\0\0\x01\0";

/// A GPT's attribute for firmware that boots as a BIOS does (UEFI specification 5.3.3).
const LEGACY_BOOTABLE: u64 = 1 << 2;

/// The code of the entry that stands for a whole GPT.
pub(crate) const PROTECTIVE: u8 = 0xee;

/// How a medium's identity and its partitions' are written in an MBR.
pub(crate) const SIGNATURE_OFFSET: u64 = 440;

/// The table's entries in an MBR.
pub(crate) const ENTRIES_OFFSET: u64 = 446;

impl Placed {
    /// The bytes of the partition table, each with its place. Nothing else of the medium is in them, so that a boot loader
    /// keeps its part of the first sector.
    ///
    /// # Errors
    /// [`LayoutError`] for a type that the table cannot hold.
    pub fn table(&self, ids: &Ids) -> Result<Vec<Patch>, LayoutError> {
        match self.table {
            Table::None => Ok(Vec::new()),
            Table::Mbr => self.mbr(ids),
            Table::Gpt => self.gpt(ids),
        }
    }

    /// How Linux names a partition's identity (`PARTUUID`).
    pub fn partuuid(&self, ids: &Ids, label: &str) -> Option<String> {
        let number = self.partitions.iter().position(|placed| placed.partition.label == label)?;
        let partition = &self.partitions.get(number)?.partition;
        match self.table {
            Table::Gpt => Some(partition.uuid.unwrap_or_else(|| ids.partition(label)).to_string()),
            Table::Mbr => Some(format!("{:08x}-{:02}", self.signature(ids), number + 1)),
            Table::None => None,
        }
    }

    fn signature(&self, ids: &Ids) -> u32 {
        match self.id {
            Some(DiskId::Signature(signature)) => signature,
            _ => ids.signature(),
        }
    }

    fn disk_uuid(&self, ids: &Ids) -> Uuid {
        match self.id {
            Some(DiskId::Uuid(uuid)) => uuid,
            _ => ids.disk(),
        }
    }

    /// Whether identities in the MBR are those that [`Placed::partuuid`] tells: raw contents may lie over them.
    pub fn keeps_identity(&self) -> bool {
        self.table != Table::Mbr || !self.signature_is_raw()
    }

    fn mbr(&self, ids: &Ids) -> Result<Vec<Patch>, LayoutError> {
        let sector = u64::from(self.medium.sector);
        let mut entries = Vec::with_capacity(66);
        for PlacedPartition { partition, range, .. } in &self.partitions {
            let start = range.start / sector;
            let count = (range.end - range.start) / sector;
            entries.push(if partition.bootable { 0x80 } else { 0 });
            entries.extend(cylinder(start));
            entries.push(code(partition, range.end - range.start, self.medium.sector)?);
            entries.extend(cylinder(start + count - 1));
            // They end below 2^32 sectors, or would not have been placed.
            entries.extend(u32::try_from(start).unwrap_or(u32::MAX).to_le_bytes());
            entries.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        }
        entries.resize(64, 0);
        entries.extend([0x55, 0xaa]);
        let mut patches = vec![Patch { offset: ENTRIES_OFFSET, bytes: entries }];
        if !self.signature_is_raw() {
            let mut bytes = self.signature(ids).to_le_bytes().to_vec();
            bytes.extend([0, 0]);
            patches.insert(0, Patch { offset: SIGNATURE_OFFSET, bytes });
        }
        Ok(patches)
    }

    fn gpt(&self, ids: &Ids) -> Result<Vec<Patch>, LayoutError> {
        let sector = u64::from(self.medium.sector);
        let last = self.medium.size / sector - 1;
        let mut array = Vec::new();
        for PlacedPartition { partition, range, .. } in &self.partitions {
            array.extend(partition.r#type.uuid()?.to_bytes_le());
            array.extend(partition.uuid.unwrap_or_else(|| ids.partition(&partition.label)).to_bytes_le());
            array.extend((range.start / sector).to_le_bytes());
            array.extend((range.end / sector - 1).to_le_bytes());
            let boot = if partition.bootable { LEGACY_BOOTABLE } else { 0 };
            array.extend(partition.flags.iter().fold(boot, |bits, flag| bits | flag.bit()).to_le_bytes());
            let mut name: Vec<u8> = partition.gpt_name().encode_utf16().flat_map(u16::to_le_bytes).collect();
            name.resize(72, 0);
            array.extend(name);
        }
        array.resize(self.entries as usize * ENTRY, 0);
        let digest = crc32fast::hash(&array);
        let whole = |mut bytes: Vec<u8>| {
            bytes.resize(bytes.len().next_multiple_of(self.medium.sector as usize), 0);
            bytes
        };
        let array = whole(array);
        let sectors = array.len() as u64 / sector;
        let header = |own: u64, other: u64, array_at: u64| {
            let mut bytes = MAGIC.to_vec();
            bytes.extend((HEADER as u32).to_le_bytes());
            bytes.extend([0; 8]);
            for place in [own, other, 2 + sectors, last - sectors - 1] {
                bytes.extend(place.to_le_bytes());
            }
            bytes.extend(self.disk_uuid(ids).to_bytes_le());
            bytes.extend(array_at.to_le_bytes());
            bytes.extend(self.entries.to_le_bytes());
            bytes.extend((ENTRY as u32).to_le_bytes());
            bytes.extend(digest.to_le_bytes());
            let own_digest = crc32fast::hash(&bytes).to_le_bytes();
            for (byte, value) in bytes.iter_mut().skip(16).zip(own_digest) {
                *byte = value;
            }
            whole(bytes)
        };
        let array_at = last - sectors;
        Ok(vec![
            Patch { offset: ENTRIES_OFFSET, bytes: protective(last) },
            Patch { offset: sector, bytes: [header(1, last, 2), array.clone()].concat() },
            Patch { offset: array_at * sector, bytes: [array, header(last, 1, array_at)].concat() },
        ])
    }
}

/// The entries of an MBR that keep programs that do not know a GPT away from it (UEFI specification 5.2.3).
fn protective(last: u64) -> Vec<u8> {
    let mut bytes = vec![0, 0, 2, 0, PROTECTIVE, 0xff, 0xff, 0xff, 1, 0, 0, 0];
    bytes.extend(u32::try_from(last).unwrap_or(u32::MAX).to_le_bytes());
    bytes.resize(64, 0);
    bytes.extend([0x55, 0xaa]);
    bytes
}

/// The code of a partition. `basic-data` is 0x0c where the file system is FAT32, and 0x0e where it is FAT12 or FAT16.
fn code(partition: &Partition, size: u64, sector: u32) -> Result<u8, LayoutError> {
    let is_narrow = partition.format == Format::Vfat && !fits_fat32(size, sector);
    match partition.r#type == Kind::basic_data() && is_narrow {
        true => Ok(0x0e),
        false => partition.r#type.code(),
    }
}

/// A sector as cylinder, head and sector of a disk with 255 heads and 63 sectors, the greatest value where that cannot be.
fn cylinder(sector: u64) -> [u8; 3] {
    let (cylinder, head, number) = (sector / (255 * 63), sector / 63 % 255, sector % 63 + 1);
    let byte = |value: u64| u8::try_from(value & 0xff).unwrap_or(0xff);
    match cylinder < 1024 {
        true => [byte(head), byte(number | (cylinder >> 8) << 6), byte(cylinder)],
        false => [0xfe, 0xff, 0xff],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Found;
    use crate::Kind;
    use crate::Layout;
    use crate::Medium;
    use crate::Partition;

    #[test]
    fn what_is_written_is_found_again_also_from_the_backup() {
        for (table, sector) in [(Table::Gpt, 512), (Table::Gpt, 4096), (Table::Mbr, 512)] {
            let medium = Medium { size: 64 << 20, sector };
            let part = |label: &str| Partition { size: Some(10 << 20), ..Partition::new(label, Kind::linux()) };
            let partitions =
                vec![Partition { bootable: true, ..part("ein") }, Partition { size: None, ..part("zwei") }];
            let layout = Layout { partitions, ..Layout::new(table) };
            let placed = layout.solve(medium, &[], &[]).unwrap();
            let ids = Ids::new(b"x");
            let mut bytes = vec![0; 64 << 20];
            for patch in placed.table(&ids).unwrap() {
                let at = patch.offset as usize;
                bytes[at..at + patch.bytes.len()].copy_from_slice(&patch.bytes);
            }
            let read = |bytes: &[u8]| {
                Found::read(medium, |at, buffer| {
                    buffer.copy_from_slice(&bytes[at as usize..at as usize + buffer.len()]);
                    Ok(())
                })
            };
            let found = read(&bytes).unwrap();
            assert_eq!(found.table, table);
            for (found, part) in found.partitions.iter().zip(placed.partitions()) {
                assert_eq!(found.range, part.range);
                assert_eq!(Some(&found.partuuid), placed.partuuid(&ids, &part.partition.label).as_ref());
            }
            if table == Table::Gpt {
                bytes[sector as usize..2 * sector as usize].fill(7);
                assert_eq!(read(&bytes).unwrap(), found);
                let last = bytes.len() - sector as usize;
                bytes[last..].fill(7);
                assert!(read(&bytes).is_err());
            }
        }
    }
}
