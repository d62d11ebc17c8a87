//! Entries of directories as they are on the medium (FAT specification, section 6).

use super::names::Short;

/// Bytes of an entry.
pub(crate) const ENTRY: usize = 32;

/// Entries of a directory at most; 2 MiB.
pub(crate) const MAX_ENTRIES: usize = 65536;

const FOLDER: u8 = 0x10;
const ARCHIVE: u8 = 0x20;
const LABEL: u8 = 0x08;
const LONG_NAME: u8 = 0x0f;
const DELETED: u8 = 0xe5;

/// Byte 12: the name, or what is behind its dot, is in small letters (as Windows NT and Linux write it).
const SMALL_BASE: u8 = 0x08;
const SMALL_EXTENSION: u8 = 0x10;

/// Units of UTF-16 in an entry for a long name, and where they are.
const UNITS: usize = 13;
const PLACES: [usize; UNITS] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

/// The entry of the end of a long name, which comes first.
const LAST: u8 = 0x40;

/// The short name of [`crate::PREVIOUS`].
const PREVIOUS_SHORT: &Short = b"SKIFF   OLD";

/// Seconds from 1970 to the first moment that FAT knows, 1980-01-01, and to the last, in 2107.
const FIRST: u32 = 315_532_800;
const END: u64 = 4_354_819_200;

/// A short entry with the long names before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// All of it as it is on the medium.
    pub(crate) bytes: Vec<u8>,
    /// Where the short entry is in its directory.
    pub(crate) at: usize,
}

impl Entry {
    fn short(&self) -> &[u8] {
        self.bytes.get(self.bytes.len().saturating_sub(ENTRY)..).unwrap_or_default()
    }

    fn byte(&self, at: usize) -> u8 {
        self.short().get(at).copied().unwrap_or_default()
    }

    fn attributes(&self) -> u8 {
        self.byte(11)
    }

    pub(crate) fn is_folder(&self) -> bool {
        self.attributes() & (FOLDER | LABEL) == FOLDER
    }

    pub(crate) fn is_label(&self) -> bool {
        self.attributes() & LABEL != 0
    }

    pub(crate) fn is_dots(&self) -> bool {
        matches!(self.short().get(..11), Some(b".          " | b"..         "))
    }

    pub(crate) fn is_previous(&self) -> bool {
        self.is_folder() && self.short().get(..11) == Some(PREVIOUS_SHORT)
    }

    /// The first cluster of what it names; 0 for an empty file.
    pub(crate) fn cluster(&self) -> u32 {
        let byte = |at: usize| u32::from(self.byte(at));
        byte(26) | byte(27) << 8 | byte(20) << 16 | (byte(21) & 0x0f) << 24
    }

    /// Bytes of a file.
    pub(crate) fn size(&self) -> u64 {
        (28..32).rev().fold(0, |number, at| number << 8 | u64::from(self.byte(at)))
    }

    /// Attributes and dates of a file or directory.
    pub(crate) fn stamp(&self) -> Stamp {
        let mut times = [0; 9];
        for (place, at) in times.iter_mut().zip([13, 14, 15, 16, 17, 18, 19, 22, 23]) {
            *place = self.byte(at);
        }
        // The archive bit, system, hidden and read-only.
        Stamp { attributes: self.attributes() & 0x27, times, written: [self.byte(24), self.byte(25)] }
    }

    /// Its name: the long one, where there is a whole one that belongs to it. What is no text becomes U+FFFD.
    pub(crate) fn name(&self) -> String {
        self.long_name().unwrap_or_else(|| self.short_name())
    }

    /// Its short name.
    pub(crate) fn short_name(&self) -> String {
        let small = self.byte(12);
        let text = |bytes: &[u8], is_small: bool| {
            let text: String =
                bytes.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '\u{fffd}' }).collect();
            if is_small { text.trim_end().to_ascii_lowercase() } else { text.trim_end().to_owned() }
        };
        let (base, extension) = self.short().split_at_checked(8).unwrap_or_default();
        let base = text(base, small & SMALL_BASE != 0);
        match text(extension.get(..3).unwrap_or_default(), small & SMALL_EXTENSION != 0) {
            extension if extension.is_empty() => base,
            extension => format!("{base}.{extension}"),
        }
    }

    fn long_name(&self) -> Option<String> {
        let parts = self.bytes.len() / ENTRY - 1;
        let sum = checksum(self.short().get(..11)?);
        let mut units = Vec::new();
        for (number, part) in
            (1u8..).zip(self.bytes.chunks_exact(ENTRY).take(parts).collect::<Vec<_>>().into_iter().rev())
        {
            let is_last = usize::from(number) == parts;
            let order = number | if is_last { LAST } else { 0 };
            if part.first() != Some(&order) || part.get(13) != Some(&sum) {
                return None;
            }
            units
                .extend(PLACES.iter().filter_map(|at| Some(u16::from_le_bytes([*part.get(*at)?, *part.get(at + 1)?]))));
        }
        let end = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
        let units = units.get(..end).filter(|units| !units.is_empty())?;
        Some(String::from_utf16_lossy(units))
    }
}

/// What an entry says of a file beside its name, place and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    attributes: u8,
    /// Bytes 13 to 19, and 22 and 23: when it was made and read, and the time of day when it was written.
    times: [u8; 9],
    /// Bytes 24 and 25: the day when it was written.
    written: [u8; 2],
}

impl Stamp {
    /// That of a new file or directory of a time, in seconds since 1970; none is the first moment that FAT knows.
    pub(crate) fn of(time: Option<u32>) -> Self {
        let time = u64::from(time.unwrap_or(FIRST)).clamp(FIRST.into(), END - 1);
        let (days, second) = (i64::try_from(time / 86_400).unwrap_or_default(), time % 86_400);
        let (year, month, day) = crate::outputs::civil(days);
        let date = u16::try_from(year.saturating_sub(1980) << 9 | month << 5 | day).unwrap_or_default().to_le_bytes();
        let (hour, minute) = (second / 3600, second / 60 % 60);
        let clock = (hour << 11) | (minute << 5) | ((second % 60) / 2);
        let clock = u16::try_from(clock).unwrap_or_default().to_le_bytes();
        let ([day, month], [low, high]) = (date, clock);
        // An odd second is in the tenths of when it was made.
        let tenths = if time % 2 == 1 { 100 } else { 0 };
        Self { attributes: 0, times: [tenths, low, high, day, month, day, month, low, high], written: date }
    }
}

/// Splits the bytes of a directory into its entries.
pub(crate) fn entries(bytes: &[u8]) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut pending = Vec::new();
    for (number, entry) in bytes.chunks_exact(ENTRY).enumerate() {
        match (entry.first().copied(), entry.get(11).copied()) {
            (Some(0), _) => break,
            (Some(DELETED), _) => pending.clear(),
            (_, Some(LONG_NAME)) => pending.extend_from_slice(entry),
            _ => {
                let mut bytes = std::mem::take(&mut pending);
                bytes.extend_from_slice(entry);
                found.push(Entry { bytes, at: number * ENTRY });
            }
        }
    }
    found
}

/// Puts a cluster into a short entry.
pub(crate) fn set_cluster(entry: &mut [u8], cluster: u32) {
    let [a, b, c, d] = cluster.to_le_bytes();
    for (at, value) in [(26, a), (27, b), (20, c), (21, d)] {
        if let Some(byte) = entry.get_mut(at) {
            *byte = value;
        }
    }
}

/// A short entry. Directories have a size of 0.
fn short_entry(name: &[u8], attributes: u8, small: u8, stamp: Stamp, cluster: u32, size: u32) -> Vec<u8> {
    let mut entry = vec![0; ENTRY];
    for (byte, letter) in entry.iter_mut().zip(name) {
        *byte = *letter;
    }
    let [a, b, c, d] = size.to_le_bytes();
    let numbers = [(11, attributes), (12, small), (28, a), (29, b), (30, c), (31, d)];
    let times = [13, 14, 15, 16, 17, 18, 19, 22, 23].into_iter().zip(stamp.times);
    let written = [24, 25].into_iter().zip(stamp.written);
    for (at, value) in numbers.into_iter().chain(times).chain(written) {
        if let Some(byte) = entry.get_mut(at) {
            *byte = value;
        }
    }
    set_cluster(&mut entry, cluster);
    entry
}

/// Entries that a file or directory needs whose short name says all, or does not.
pub(crate) fn count(name: &str, is_plain: bool) -> usize {
    if is_plain { 1 } else { 1 + name.encode_utf16().count().div_ceil(UNITS) }
}

/// The entries of a file or directory: those of its long name, where the short one does not say all, and the short one.
pub(crate) fn named(
    name: &str,
    (short, is_plain): (Short, bool),
    is_folder: bool,
    stamp: Stamp,
    cluster: u32,
    size: u32,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    if !is_plain {
        let units: Vec<u16> = name.encode_utf16().collect();
        let sum = checksum(&short);
        let parts = units.chunks(UNITS).len();
        for (number, part) in units.chunks(UNITS).enumerate().rev() {
            let mut entry = vec![0xff; ENTRY];
            let order = u8::try_from(number + 1).unwrap_or_default() | if number + 1 == parts { LAST } else { 0 };
            for (at, value) in [(0, order), (11, LONG_NAME), (12, 0), (13, sum), (26, 0), (27, 0)] {
                if let Some(byte) = entry.get_mut(at) {
                    *byte = value;
                }
            }
            // A 0 ends a name that does not fill its last entry; ones are behind it.
            for (at, unit) in PLACES.into_iter().zip(part.iter().copied().chain([0])) {
                if let Some(place) = entry.get_mut(at..at + 2) {
                    place.copy_from_slice(&unit.to_le_bytes());
                }
            }
            bytes.extend(entry);
        }
    }
    let attributes = stamp.attributes | if is_folder { FOLDER } else { 0 };
    let attributes = if attributes == 0 { ARCHIVE } else { attributes };
    bytes.extend(short_entry(&short, attributes, 0, stamp, cluster, size));
    bytes
}

/// What ties long names to a short one.
fn checksum(short: &[u8]) -> u8 {
    short.iter().fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
}

/// The entry of the label.
pub(crate) fn label(padded: &Short) -> Vec<u8> {
    short_entry(padded, LABEL, 0, Stamp::of(None), 0, 0)
}

/// The entry of the directory with the previous system. It is one of 32 bytes, so that a single sector has it or has it not.
pub(crate) fn previous_entry(cluster: u32) -> Vec<u8> {
    short_entry(PREVIOUS_SHORT, FOLDER, SMALL_BASE | SMALL_EXTENSION, Stamp::of(None), cluster, 0)
}

/// What every directory but the root begins with. A parent of 0 is the root directory.
pub(crate) fn dots(own: u32, parent: u32) -> Vec<u8> {
    let entry = |name, cluster| short_entry(name, FOLDER, 0, Stamp::of(None), cluster, 0);
    [entry(b".          ", own), entry(b"..         ", parent)].concat()
}
