//! What a board's plugin proposes, as plain data.

use serde::Serialize;

use crate::bindings::board::exports::skiff::board::layouts as guest;

/// What a layout is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Everything on the medium is made anew.
    Format,
    /// Boot and root files are renewed.
    Install,
    /// A file that is written to a medium later.
    Image,
}

/// The medium that a layout is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// Its size in bytes.
    pub size: u64,
    /// The size of a sector in bytes.
    pub sector: u32,
    /// Its name; empty for a file.
    pub model: String,
}

/// What is where on a medium. Nobody has checked it yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layout {
    /// The partition table.
    pub table: Table,
    /// The partitions, in the order of the table.
    pub partitions: Vec<Partition>,
    /// What is outside of file systems.
    pub raw: Vec<Raw>,
}

/// A kind of partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// GUID partition table.
    Gpt,
    /// That of a master boot record.
    Mbr,
    /// None at all.
    None,
}

/// A kind of file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// FAT.
    Vfat,
    /// ext4.
    Ext4,
    /// None.
    Empty,
}

/// A partition. Sizes and offsets are bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// Its label.
    pub label: String,
    /// Its type: a name of systemd-repart, a UUID, or a code.
    pub r#type: String,
    /// Its file system.
    pub format: Format,
    /// Where it starts, if that matters.
    pub start: Option<u64>,
    /// The least size.
    pub size_min: Option<u64>,
    /// The greatest size.
    pub size_max: Option<u64>,
    /// Its share of what is left.
    pub weight: u32,
    /// Whether firmware boots from it.
    pub bootable: bool,
    /// Whether it stays as it is on an install.
    pub keep: bool,
    /// What is put into its file system.
    pub copy_files: Vec<Content>,
    /// The file that it is instead, as the plugin sees it.
    pub copy_blocks: Option<String>,
}

/// A file or folder that is put into a file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Content {
    /// What, as the plugin sees it.
    pub source: String,
    /// Where in the file system.
    pub target: String,
}

/// Contents at a place of the medium. Offsets and lengths are bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Raw {
    /// The file, as the plugin sees it.
    pub source: String,
    /// Where on the medium.
    pub offset: u64,
    /// How much of the file's start is left out.
    pub skip: u64,
    /// How much is written at most.
    pub length: Option<u64>,
}

impl From<Intent> for guest::Intent {
    fn from(intent: Intent) -> Self {
        match intent {
            Intent::Format => Self::Format,
            Intent::Install => Self::Install,
            Intent::Image => Self::Image,
        }
    }
}

impl From<&Medium> for guest::Medium {
    fn from(medium: &Medium) -> Self {
        Self { size: medium.size, sector: medium.sector, model: medium.model.clone() }
    }
}

impl From<guest::Layout> for Layout {
    fn from(layout: guest::Layout) -> Self {
        let table = match layout.table {
            guest::Table::Gpt => Table::Gpt,
            guest::Table::Mbr => Table::Mbr,
            guest::Table::None => Table::None,
        };
        let raw = |raw: guest::Raw| {
            let guest::Raw { source, offset, skip, length } = raw;
            Raw { source, offset, skip, length }
        };
        Self {
            table,
            partitions: layout.partitions.into_iter().map(Into::into).collect(),
            raw: layout.raw.into_iter().map(raw).collect(),
        }
    }
}

impl From<guest::Partition> for Partition {
    fn from(partition: guest::Partition) -> Self {
        let format = match partition.format {
            guest::Format::Vfat => Format::Vfat,
            guest::Format::Ext4 => Format::Ext4,
            guest::Format::Empty => Format::Empty,
        };
        let copy = |copy: guest::Content| Content { source: copy.source, target: copy.target };
        Self {
            label: partition.label,
            r#type: partition.type_,
            format,
            start: partition.start,
            size_min: partition.size_min,
            size_max: partition.size_max,
            weight: partition.weight,
            bootable: partition.bootable,
            keep: partition.keep,
            copy_files: partition.copy_files.into_iter().map(copy).collect(),
            copy_blocks: partition.copy_blocks,
        }
    }
}
