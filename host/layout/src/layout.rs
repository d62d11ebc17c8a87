//! What a board proposes. Nobody has checked it yet.

use serde::Serialize;

use crate::Kind;

/// What is where on a medium, before anybody has fitted it to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layout {
    /// The partition table.
    pub table: Table,
    /// How many partitions a GPT has room for (128), fewer where a boot loader lies behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_entries: Option<u32>,
    /// The partitions, in the order of the table and of the medium.
    pub partitions: Vec<Partition>,
    /// What is outside of file systems.
    pub raw: Vec<Raw>,
}

/// A kind of partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// GUID partition table (UEFI specification, chapter 5).
    Gpt,
    /// That of a master boot record, with up to four partitions.
    Mbr,
    /// None at all.
    None,
}

/// A kind of file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "format")]
pub enum Format {
    /// FAT32.
    Vfat,
    /// ext4.
    Ext4 {
        /// Features to switch on, or off with `^`, as `mke2fs -O` takes them.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        features: Vec<String>,
    },
    /// None.
    Empty,
}

/// A partition. Sizes and offsets are bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// The label of its file system, and its name in a GPT.
    pub label: String,
    /// Its type.
    pub r#type: Kind,
    /// Its file system.
    #[serde(flatten)]
    pub format: Format,
    /// Where it starts; the next multiple of 1 MiB that is free if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    /// Its size where there is room for it; what is left if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The least size; `size` itself if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_min: Option<u64>,
    /// Its share of the room where there is too little for all sizes.
    pub weight: u32,
    /// What its end is a multiple of, where it takes what is left.
    pub end_align: u64,
    /// Whether firmware is told to boot from it (the active flag of an MBR, the legacy flag of a GPT).
    pub bootable: bool,
    /// Whether it stays as it is when a system is installed anew.
    pub keep: bool,
    /// What is put into its file system.
    pub copy_files: Vec<Content>,
    /// A file that it holds instead of a file system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_blocks: Option<String>,
}

/// Files that are put into a file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Content {
    /// Where they come from; the first that is there counts. `images/NAME`, `images/FOLDER/` (what is in it), with `*` in the
    /// last part for all that match, or `layers/PATH`: of the last layer of the chain that has it.
    pub source: Vec<String>,
    /// Where they go: a folder if it ends with `/`, a name otherwise.
    pub target: String,
    /// Whether they may be missing.
    pub optional: bool,
    /// Whether they are put there only when the file system is made.
    pub once: bool,
    /// What is changed in the text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
    /// Whether the text becomes a script for U-Boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<Script>,
}

/// A change of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// A regular expression.
    pub find: String,
    /// What takes its place: `$1` is a group of it, `{partuuid:LABEL}` the identity of a partition,
    /// `{generation}` the number of installs that the medium has seen.
    pub replace: String,
    /// A file without which nothing is changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
}

/// The header of a script for U-Boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Script {
    /// Its name, of up to 32 bytes.
    pub name: String,
    /// The processor, as mkimage calls it: `arm`, `arm64`, `riscv`, `x86`.
    pub arch: String,
}

/// Contents at a place of the medium. Offsets and lengths are bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Raw {
    /// What it is, for messages.
    pub name: String,
    /// Where it comes from, as in [`Content::source`]; one file.
    pub source: Vec<String>,
    /// Where on the medium.
    pub offset: u64,
    /// How much of the file's start is left out.
    pub skip: u64,
    /// How much is written at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Whether it may be missing.
    pub optional: bool,
}

impl Partition {
    /// Whether an install brings what is in it up to date: what is only put there once is no reason.
    pub fn is_renewed(&self) -> bool {
        !self.keep && self.copy_files.iter().any(|content| !content.once)
    }

    /// A partition without a file system that takes what is left.
    pub fn new(label: impl Into<String>, kind: Kind) -> Self {
        Self {
            label: label.into(),
            r#type: kind,
            format: Format::Empty,
            start: None,
            size: None,
            size_min: None,
            weight: 1,
            end_align: 1 << 20,
            bootable: false,
            keep: false,
            copy_files: Vec::new(),
            copy_blocks: None,
        }
    }
}

impl Content {
    /// One file or folder that has to be there.
    pub fn new(source: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            source: vec![source.into()],
            target: target.into(),
            optional: false,
            once: false,
            edits: Vec::new(),
            script: None,
        }
    }
}
