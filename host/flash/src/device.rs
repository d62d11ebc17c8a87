//! Devices: what this machine has, and what they are used for.

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use serde::Serialize;
use skiff_layout::Bytes;

use crate::backing::FileId;
use crate::inventory::split;

/// A block device as the system describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Its name: `sdb`, `mmcblk0`.
    pub name: String,
    /// Where it is opened: `/dev/sdb`.
    pub path: PathBuf,
    /// Its major and minor number.
    pub number: (u32, u32),
    /// The disk that it is a part of, if it is a partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_of: Option<String>,
    /// Its size in bytes.
    pub size: u64,
    /// The size of its sectors in bytes.
    pub sector: u32,
    /// Whether it can only be read.
    pub read_only: bool,
    /// Whether its medium can be taken out, or it can be unplugged.
    pub removable: Removable,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What tells it from its like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Its stable names below `/dev/disk/by-id`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_id: Vec<String>,
    /// All its stable names below `/dev/disk` and those of its partitions, as paths.
    #[serde(skip)]
    pub links: Vec<String>,
    /// A number that no other medium in this place will have (Linux 5.15 and later).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Who uses it, or a part of it.
    pub uses: Vec<Use>,
    /// Its partitions, by the names that the system gives them.
    pub partitions: Vec<String>,
    /// The files that it is made of, if it is a loop device, directly or through others.
    #[serde(skip)]
    pub files: Vec<FileId>,
    /// The numbers of what is the same medium: its own, those of its partitions, and of devices that it is made of.
    #[serde(skip)]
    pub numbers: Vec<(u32, u32)>,
}

/// Whether something is meant to be taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Removable {
    /// A card, a stick, or a file that stands for one (a loop device).
    Yes,
    /// It is built in.
    No,
    /// The system does not say. That is not a yes.
    Unknown,
}

/// Something that uses a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Use {
    /// A file system is mounted.
    Mounted {
        /// The device or partition.
        part: String,
        /// Where.
        place: String,
    },
    /// The system swaps to it.
    Swap {
        /// The device or partition.
        part: String,
    },
    /// It is a part of something else: RAID, LVM, an encrypted volume.
    Held {
        /// The device or partition.
        part: String,
        /// What it is a part of: `dm-0`, `md0`.
        by: String,
    },
}

impl Use {
    /// Whether the running system needs it.
    pub fn is_system(&self) -> bool {
        const SYSTEM: [&str; 9] = ["/", "/boot", "/boot/efi", "/efi", "/usr", "/var", "/home", "/nix", "/etc"];
        match self {
            Self::Mounted { place, .. } => SYSTEM.contains(&place.as_str()),
            Self::Swap { .. } => true,
            Self::Held { .. } => false,
        }
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mounted { part, place } => write!(f, "{part} is mounted on {place}"),
            Self::Swap { part } => write!(f, "the system swaps to {part}"),
            Self::Held { part, by } => write!(f, "{part} is a part of {by}"),
        }
    }
}

impl Device {
    /// What it is called, for people: maker, model and size.
    pub fn title(&self) -> String {
        let words = [self.vendor.as_deref(), self.model.as_deref()].into_iter().flatten();
        let name = words.collect::<Vec<_>>().join(" ");
        let name = if name.is_empty() { "no name" } else { &name };
        format!("{name}, {}", Bytes(self.size))
    }

    /// What somebody types to say that this is the one: the end of the serial number, or the name where there is none.
    pub fn word(&self) -> &str {
        const LENGTH: usize = 4;
        match self.serial.as_deref().filter(|serial| !serial.is_empty()) {
            Some(serial) => {
                serial.char_indices().rev().nth(LENGTH - 1).and_then(|(at, _)| serial.get(at..)).unwrap_or(serial)
            }
            None => &self.name,
        }
    }

    /// Whether a file is lost when the device is written: it is made of it, or the file lies on it.
    pub fn holds(&self, file: &Metadata) -> bool {
        self.files.contains(&FileId::of(file)) || self.numbers.contains(&split(file.dev()))
    }

    /// Whether this is the same medium in the same place as another look at it saw.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.name, self.number, self.size, &self.serial, self.sequence)
            == (&other.name, other.number, other.size, &other.serial, other.sequence)
    }
}
