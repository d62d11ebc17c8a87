//! Entries of folders as they are on the medium (FAT specification, section 6).

/// Bytes of an entry.
pub(crate) const ENTRY: usize = 32;

const FOLDER: u8 = 0x10;
const LABEL: u8 = 0x08;
const LONG_NAME: u8 = 0x0f;
const DELETED: u8 = 0xe5;

/// The short name of [`crate::PREVIOUS`].
const PREVIOUS_SHORT: &[u8; 11] = b"SKIFF   OLD";

/// A short entry with the long names before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// All of it as it is on the medium.
    pub(crate) bytes: Vec<u8>,
    /// Where the short entry is in its folder.
    pub(crate) at: usize,
}

impl Entry {
    fn short(&self) -> &[u8] {
        self.bytes.get(self.bytes.len().saturating_sub(ENTRY)..).unwrap_or_default()
    }

    fn attributes(&self) -> u8 {
        self.short().get(11).copied().unwrap_or_default()
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
        let byte = |at: usize| u32::from(self.short().get(at).copied().unwrap_or_default());
        byte(26) | byte(27) << 8 | byte(20) << 16 | (byte(21) & 0x0f) << 24
    }
}

/// Splits the bytes of a folder into its entries.
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

/// An entry for a folder: `.`, `..` or that of the previous system. The time is the first that FAT knows, 1980-01-01.
fn folder_entry(name: &[u8; 11], lower_case: bool, cluster: u32) -> Vec<u8> {
    let mut entry = vec![0; ENTRY];
    for (byte, letter) in entry.iter_mut().zip(name) {
        *byte = *letter;
    }
    for (at, value) in [(11, FOLDER), (12, if lower_case { 0x18 } else { 0 }), (16, 0x21), (18, 0x21), (24, 0x21)] {
        if let Some(byte) = entry.get_mut(at) {
            *byte = value;
        }
    }
    set_cluster(&mut entry, cluster);
    entry
}

/// The entry of the folder with the previous system. It is one of 32 bytes, so that a single sector has it or has it not.
pub(crate) fn previous_entry(cluster: u32) -> Vec<u8> {
    folder_entry(PREVIOUS_SHORT, true, cluster)
}

/// What every folder but the root one begins with. A parent of 0 is the root folder.
pub(crate) fn dots(own: u32, parent: u32) -> Vec<u8> {
    [folder_entry(b".          ", false, own), folder_entry(b"..         ", false, parent)].concat()
}
