//! What a board proposes, before it is checked.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use uuid::Uuid;

use crate::Kind;
use crate::LayoutError;

/// What is where on a medium, before anybody has fitted it to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layout {
    /// The partition table.
    pub table: Table,
    /// The identity of the medium; made from its contents if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<DiskId>,
    /// How many partitions a GPT has room for (128), fewer where a boot loader lies behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_entries: Option<u32>,
    /// The partitions, in the order of the table and of the medium.
    pub partitions: Vec<Partition>,
    /// What is outside of file systems.
    pub raw: Vec<Raw>,
}

/// The identity of a medium, in its partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum DiskId {
    /// That of a GPT.
    Uuid(Uuid),
    /// That of an MBR.
    Signature(u32),
}

impl FromStr for DiskId {
    type Err = LayoutError;

    /// Reads a UUID, or `0x` and up to eight hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, LayoutError> {
        let digits = text.strip_prefix("0x").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match (digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()), text.parse()) {
            (Some(signature), _) => Ok(Self::Signature(signature)),
            (None, Ok(uuid)) if text.len() == 36 => Ok(Self::Uuid(uuid)),
            _ => Err(LayoutError::Id { text: crate::shown(text) }),
        }
    }
}

impl fmt::Display for DiskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(uuid) => write!(f, "{uuid}"),
            Self::Signature(signature) => write!(f, "0x{signature:08x}"),
        }
    }
}

impl From<DiskId> for String {
    fn from(id: DiskId) -> Self {
        id.to_string()
    }
}

/// Attributes of a partition in a GPT, besides [`Partition::bootable`] (Discoverable Partitions Specification).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// Its file system is made larger when it is mounted (bit 59).
    Grow,
    /// It is mounted for reading only (bit 60).
    ReadOnly,
    /// Windows gives it no letter (bit 62).
    Hidden,
    /// It is not mounted by itself (bit 63).
    NoAuto,
}

impl Flag {
    /// Its name in `metadata/layout.yaml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grow => "grow",
            Self::ReadOnly => "read-only",
            Self::Hidden => "hidden",
            Self::NoAuto => "no-auto",
        }
    }

    /// Its bit among the attributes of an entry.
    pub(crate) fn bit(self) -> u64 {
        match self {
            Self::Grow => 1 << 59,
            Self::ReadOnly => 1 << 60,
            Self::Hidden => 1 << 62,
            Self::NoAuto => 1 << 63,
        }
    }
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

impl Format {
    /// The features of the file system that the layout switches on or off.
    pub fn features(&self) -> &[String] {
        match self {
            Self::Ext4 { features } => features,
            Self::Vfat | Self::Empty => &[],
        }
    }
}

/// A partition. Sizes and offsets are bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// What the layout calls it, which no other partition is called. It is the label of its file system and its name in a GPT
    /// unless [`Self::volume`] and [`Self::name`] say otherwise.
    pub label: String,
    /// Its name in a GPT, which others may have, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The label of its file system, which others may have, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// Its identity in a GPT; made from the contents of the medium if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// Its type.
    pub r#type: Kind,
    /// Its file system.
    #[serde(flatten)]
    pub format: Format,
    /// Where it starts; behind the partition before it if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    /// The raw contents that it starts behind, by their name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// What its start is a multiple of where nothing is said of it: 1 MiB if this says nothing, either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub align: Option<u64>,
    /// Its size where there is room for it. If nothing is said: that of the file of [`Self::copy_blocks`] where there is one and no
    /// [`Self::size_min`], what is left otherwise.
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
    /// Its other attributes in a GPT.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
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
    /// last part for all that match, or `layers/resources/PATH`: of the last layer of the chain that has it.
    pub source: Vec<String>,
    /// Where they go: a directory if it ends with `/`, a name otherwise.
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
    /// Where it comes from, as in [`Content::source`]; one file. None keeps room that nothing is written to.
    pub source: Vec<String>,
    /// Where on the medium.
    pub offset: u64,
    /// How much of the file's start is left out.
    pub skip: u64,
    /// How much is written at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// How much room it has: a larger file does not fit, and what a smaller one leaves stays empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Whether it may be missing.
    pub optional: bool,
}

impl Layout {
    /// A layout of nothing.
    pub fn new(table: Table) -> Self {
        Self { table, id: None, max_entries: None, partitions: Vec::new(), raw: Vec::new() }
    }
}

impl Raw {
    /// Contents without a file.
    pub fn new(name: impl Into<String>, offset: u64) -> Self {
        Self { name: name.into(), source: Vec::new(), offset, skip: 0, length: None, size: None, optional: false }
    }
}

impl Partition {
    /// Reads an identity: a UUID in its long form.
    ///
    /// # Errors
    /// [`LayoutError::Uuid`].
    pub fn read_uuid(text: &str) -> Result<Uuid, LayoutError> {
        let uuid = Some(text).filter(|text| text.len() == 36).and_then(|text| text.parse().ok());
        uuid.ok_or_else(|| LayoutError::Uuid { text: crate::shown(text) })
    }

    /// The label of its file system.
    pub fn volume(&self) -> &str {
        self.volume.as_deref().unwrap_or(&self.label)
    }

    /// Its name in a GPT.
    pub fn gpt_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.label)
    }

    /// Whether an install brings what is in it up to date: what is only put there once is no reason.
    pub fn is_renewed(&self) -> bool {
        !self.keep && self.copy_files.iter().any(|content| !content.once)
    }

    /// A partition without a file system that takes what is left.
    pub fn new(label: impl Into<String>, kind: Kind) -> Self {
        Self {
            label: label.into(),
            name: None,
            volume: None,
            uuid: None,
            r#type: kind,
            format: Format::Empty,
            start: None,
            after: None,
            align: None,
            size: None,
            size_min: None,
            weight: 1,
            end_align: 1 << 20,
            bootable: false,
            flags: Vec::new(),
            keep: false,
            copy_files: Vec::new(),
            copy_blocks: None,
        }
    }
}

impl Content {
    /// One file or directory that has to be there.
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
