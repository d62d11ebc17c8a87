//! What makes it doubtful that an image boots on a medium.

use std::fs::File;

use skiff_layout::Bytes;

use crate::contents::Contents;
use crate::contents::HEAD;
use crate::contents::Table;
use crate::contents::file_system_size;
use crate::form::read_some;

/// The medium that an image is to be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Its size in bytes.
    pub size: u64,
    /// The size of its sectors in bytes.
    pub sector: u32,
}

/// A reason to ask before an image is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// It may be anything.
    #[error("no partition table, file system or boot code was found in the image")]
    Unknown,
    /// No firmware and no system will find its partitions.
    #[error("the partition table is for sectors of {table} bytes, and the sectors of the medium have {medium} bytes")]
    Sector {
        /// What the table counts in.
        table: u32,
        /// What the medium has.
        medium: u32,
    },
    /// It was cut off, or made so.
    #[error("{what} ends at byte {end} ({}), and the image at byte {size} ({})", Bytes(*end), Bytes(*size))]
    BeyondImage {
        /// What ends there.
        what: &'static str,
        /// Where it ends.
        end: u64,
        /// Where the image ends.
        size: u64,
    },
    /// It is for a larger medium.
    #[error("{what} ends at byte {end} ({}), and the medium at byte {size} ({})", Bytes(*end), Bytes(*size))]
    BeyondMedium {
        /// What ends there.
        what: &'static str,
        /// Where it ends.
        end: u64,
        /// Where the medium ends.
        size: u64,
    },
}

/// What is known of an image when it is judged.
pub(crate) struct Judged<'i> {
    /// Its first bytes.
    pub(crate) head: &'i [u8],
    /// Its size in bytes.
    pub(crate) size: u64,
    /// The file, where that is the image itself and nothing says whether it is whole.
    pub(crate) plain: Option<&'i File>,
    /// What it is to be written to.
    pub(crate) room: Room,
}

const TABLE: &str = "the partition table";
const FILE_SYSTEM: &str = "the file system";

impl Judged<'_> {
    /// Returns what to ask about.
    pub(crate) fn doubts(&self) -> Vec<Doubt> {
        let contents = Contents::of(self.head);
        if !contents.is_known {
            return vec![Doubt::Unknown];
        }
        let medium = self.room.sector;
        let mut doubts = Vec::new();
        let fitting = contents.tables.iter().find(|table| table.sector.unwrap_or(medium) == medium);
        match (fitting, contents.tables.first()) {
            (None, Some(Table { sector: Some(table), .. })) => doubts.push(Doubt::Sector { table: *table, medium }),
            (Some(table), _) => doubts.extend(self.of_table(table)),
            (None, _) => {}
        }
        // A hybrid image of an optical disc has a table over a file system.
        if let Some(end) = contents.file_system {
            doubts.extend(self.beyond(FILE_SYSTEM, end, contents.tables.is_empty()));
        }
        doubts
    }

    fn of_table(&self, table: &Table) -> Option<Doubt> {
        let medium = self.room.sector;
        let in_bytes = |sectors: u64, size: u32| sectors.saturating_mul(u64::from(size));
        let end = in_bytes(table.end, medium);
        // An MBR does not say what it counts in. One that fits only in the usual sectors is for those, and so is one whose
        // file system lies where they have it.
        if table.sector.is_none() && self.plain.is_some() {
            for other in [512, 4096].into_iter().filter(|other| *other != medium) {
                let has = |size| self.file_system_at(in_bytes(table.last, size)).is_some();
                if in_bytes(table.end, other) <= self.size && has(other) && (end > self.size || !has(medium)) {
                    return Some(Doubt::Sector { table: other, medium });
                }
            }
        }
        if table.sector.is_none() && medium != 512 && end > self.size && in_bytes(table.end, 512) <= self.size {
            return Some(Doubt::Sector { table: 512, medium });
        }
        // What was packed or has a map is as its maker made it; so is a last partition whose file system is all there.
        let last = in_bytes(table.last, medium);
        let is_whole = self.plain.is_none()
            || self.file_system_at(last).is_some_and(|size| last.saturating_add(size) <= self.size);
        self.beyond(TABLE, end, !is_whole)
    }

    fn beyond(&self, what: &'static str, end: u64, asks: bool) -> Option<Doubt> {
        if end > self.room.size {
            return Some(Doubt::BeyondMedium { what, end, size: self.room.size });
        }
        (end > self.size && asks && self.plain.is_some()).then_some(Doubt::BeyondImage { what, end, size: self.size })
    }

    /// The size of the file system at a place, if it is one that says so.
    fn file_system_at(&self, at: u64) -> Option<u64> {
        // ISO 9660 has its first words furthest behind the start.
        let mut start = vec![0; 34 << 10];
        let count = match self.plain {
            Some(file) => read_some(file, at, &mut start).ok()?,
            None => return None,
        };
        file_system_size(start.get(..count)?)
    }
}

const _: () = assert!(HEAD >= 34 << 10);
