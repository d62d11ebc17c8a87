//! What an image holds: partition tables, file systems, boot code. Going by its first MiB.

use crate::bytes::Bytes as _;

/// Bytes of the start of an image that are looked at.
pub(crate) const HEAD: usize = 1 << 20;

/// Sizes of sectors that a GPT may be for.
const SECTORS: [u32; 4] = [512, 1024, 2048, 4096];

/// Partitions of a GPT that are looked at; 128 are usual.
const MAX_ENTRIES: u32 = 4096;

/// Marks of file systems, volumes and of loaders that firmware starts where there is no table.
const MARKS: [(usize, &[u8]); 47] = [
    (1080, b"\x53\xef"),
    (0, b"hsqs"),
    (0, b"sqsh"),
    (0x10040, b"_BHRfS_M"),
    (1024, b"\x10\x20\xf5\xf2"),
    (1024, b"\xe2\xe1\xf5\xe0"),
    (0, b"XFSB"),
    (3, b"NTFS    "),
    (3, b"EXFAT   "),
    (3, b"-FVE-FS-"),
    (32769, b"CD001"),
    (32769, b"BEA01"),
    (32769, b"NSR0"),
    (0x10034, b"ReIsEr"),
    (0x8000, b"JFS1"),
    (1030, b"\x34\x34"),
    (1024, b"H+"),
    (1024, b"HX"),
    (32, b"NXSB"),
    (4120, b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca"),
    (0, b"\x45\x3d\xcd\x28"),
    (0, b"-rom1fs-"),
    (0, b"LUKS\xba\xbe"),
    (512, b"LABELONE"),
    (4086, b"SWAPSPACE2"),
    (4096, b"\xfc\x4e\x2b\xa9"),
    (0, b"\xfc\x4e\x2b\xa9"),
    // Tables other than MBR and GPT: Apple, Sun, SGI, BSD, Amiga.
    (512, b"PM\0\0"),
    (508, b"\xda\xbe"),
    (0, b"\x0b\xe5\xa9\x41"),
    (512, b"\x57\x45\x56\x82"),
    (0, b"RDSK"),
    // Loaders of Allwinner, Rockchip, NXP, Amlogic, TI, Xilinx.
    (8196, b"eGON.BT"),
    (0x20004, b"eGON.BT"),
    (8192, b"TOC0.GLH"),
    (0x8000, b"RKNS"),
    (0x8000, b"\x3b\x8c\xdc\xfc\xbe\x9f\x9d\x51"),
    (1024, b"\xd1\x00\x20\x40"),
    (1024, b"\xd1\x00\x20\x41"),
    (1024, b"\xd1\x00\x20\x43"),
    (0x8000, b"\xd1\x00\x20\x41"),
    (528, b"@AML"),
    (16, b"@AML"),
    (20, b"CHSETTINGS"),
    (36, b"XNLX"),
    (36, b"XLNX"),
    // A boot sector, whatever is in it.
    (510, b"\x55\xaa"),
];

/// A table of partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Table {
    /// The size of the sectors that it counts in; an MBR does not say.
    pub(crate) sector: Option<u32>,
    /// Sectors from the start to behind the last one that it claims.
    pub(crate) end: u64,
    /// Where the partition starts that ends last, in sectors.
    pub(crate) last: u64,
}

/// What the start of an image shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Its tables: one GPT for each size of sectors, or an MBR.
    pub(crate) tables: Vec<Table>,
    /// Bytes that the file system at its start claims, if it says so.
    pub(crate) file_system: Option<u64>,
    /// Whether there is anything that is known.
    pub(crate) is_known: bool,
}

impl Contents {
    /// Looks at the start of an image.
    pub(crate) fn of(head: &[u8]) -> Self {
        let mut tables: Vec<Table> = SECTORS.iter().filter_map(|sector| gpt(head, *sector)).collect();
        let file_system = file_system_size(head);
        if tables.is_empty() && !is_fat(head) {
            tables.extend(mbr(head));
        }
        let is_known = !tables.is_empty() || is_fat(head) || MARKS.iter().any(|(at, mark)| head.has(*at, mark));
        Self { tables, file_system, is_known }
    }
}

fn gpt(head: &[u8], sector: u32) -> Option<Table> {
    let header = head.get(sector as usize..)?;
    if !header.has(0, b"EFI PART") {
        return None;
    }
    let (alternate, at) = (header.u64(32)?, header.u64(72)?);
    let (count, size) = (header.u32(80)?.min(MAX_ENTRIES), header.u32(84)?);
    let mut table = Table { sector: Some(sector), end: alternate.saturating_add(1), last: 0 };
    let at = usize::try_from(at.checked_mul(u64::from(sector))?).ok()?;
    let mut furthest = 0;
    for entry in 0..count as usize {
        let Some(entry) = head.get(at.saturating_add(entry.saturating_mul(size as usize))..) else { break };
        let (Some(kind), Some(first), Some(last)) = (entry.get(..16), entry.u64(32), entry.u64(40)) else { break };
        if kind.iter().all(|byte| *byte == 0) || first > last || size < 48 {
            continue;
        }
        let end = last.saturating_add(1);
        if end > furthest {
            furthest = end;
            table.last = first;
        }
    }
    table.end = table.end.max(furthest);
    Some(table)
}

fn mbr(head: &[u8]) -> Option<Table> {
    let sector = head.first_chunk::<512>()?;
    if !sector.has(510, &[0x55, 0xaa]) {
        return None;
    }
    let mut table = Table { sector: None, end: 0, last: 0 };
    for entry in sector.get(446..510)?.chunks_exact(16) {
        let (flag, kind) = (entry.first()?, entry.get(4)?);
        let (first, count) = (u64::from(entry.u32(8)?), u64::from(entry.u32(12)?));
        if flag & 0x7f != 0 {
            return None;
        }
        // The partition that stands before a GPT claims what it likes.
        if *kind == 0 || *kind == 0xee || count == 0 {
            continue;
        }
        if first + count > table.end {
            table.end = first + count;
            table.last = first;
        }
    }
    (table.end > 0).then_some(table)
}

fn is_fat(head: &[u8]) -> bool {
    let sizes = || {
        let (sector, reserved) = (head.u16(11)?, head.u16(14)?);
        let (cluster, copies, media) = (*head.get(13)?, *head.get(16)?, *head.get(21)?);
        Some(
            matches!(sector, 512 | 1024 | 2048 | 4096)
                && cluster.is_power_of_two()
                && reserved > 0
                && matches!(copies, 1 | 2)
                && media >= 0xf0,
        )
    };
    head.has(510, &[0x55, 0xaa]) && matches!(head.first(), Some(0xeb | 0xe9)) && sizes().unwrap_or(false)
}

/// Returns how many bytes the file system claims that starts here.
pub(crate) fn file_system_size(start: &[u8]) -> Option<u64> {
    if start.has(1080, &[0x53, 0xef]) {
        let low = u64::from(start.u32(1028)?);
        // Only a file system with the feature has the high half.
        let is_wide = start.u32(1120)? & 0x80 != 0;
        let high = if is_wide { u64::from(start.u32(1360)?) } else { 0 };
        let shift = start.u32(1048)?.checked_add(10).filter(|shift| *shift <= 16)?;
        return (high << 32 | low).checked_mul(1 << shift);
    }
    if start.has(0, b"hsqs") {
        return start.u64(40);
    }
    if is_fat(start) {
        let small = u64::from(start.u16(19)?);
        let sectors = if small > 0 { small } else { u64::from(start.u32(32)?) };
        return sectors.checked_mul(u64::from(start.u16(11)?));
    }
    if start.has(32769, b"CD001") {
        return u64::from(start.u32(32768 + 80)?).checked_mul(2048);
    }
    None
}
