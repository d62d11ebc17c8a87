//! Whether a device may be written to.

use std::path::Path;

use skiff_layout::Bytes;

use crate::Device;
use crate::Inventory;
use crate::Removable;
use crate::Use;
use skiff_text::Shown as _;

/// What the user says about devices.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// The end of the serial number (or the name) of the one built-in device that may be written to.
    pub allow_fixed: Option<String>,
    /// Serial numbers, models, and names and paths of devices and partitions that are never written to; `*` stands for anything.
    pub protect: Vec<String>,
}

/// Why a device is not written to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A partition is no medium.
    #[error("{name} is a partition of {disk}; expected a whole disk")]
    Partition {
        /// The partition.
        name: String,
        /// The disk.
        disk: String,
    },
    /// The user protects it.
    #[error("{name} is protected by `{pattern}` of the project file")]
    Protected {
        /// The device.
        name: String,
        /// What protects it.
        pattern: String,
    },
    /// The running system is on it.
    #[error("{name} belongs to the running system: {of}")]
    System {
        /// The device.
        name: String,
        /// What of it.
        of: Use,
    },
    /// It is in use.
    #[error("{name} is in use: {of}")]
    InUse {
        /// The device.
        name: String,
        /// By what.
        of: Use,
    },
    /// It cannot be written to.
    #[error("{name} is read-only")]
    ReadOnly {
        /// The device.
        name: String,
    },
    /// There is no medium in it.
    #[error("{name} has no medium in it")]
    Empty {
        /// The device.
        name: String,
    },
    /// It is too small.
    #[error("{name} has {has} bytes ({}), and {needs} ({}) are needed", Bytes(*has), Bytes(*needs))]
    TooSmall {
        /// The device.
        name: String,
        /// Its size.
        has: u64,
        /// What is needed.
        needs: u64,
    },
    /// It is built in.
    #[error("{name} ({title}) is built in")]
    Fixed {
        /// The device.
        name: String,
        /// What it is.
        title: String,
        /// What allows it.
        word: String,
    },
    /// Writing would destroy what is to be read.
    #[error("{name} stores the source {source_path}, or {source_path} backs {name}")]
    Source {
        /// The device.
        name: String,
        /// The file.
        source_path: String,
    },
    /// The system does not say whether it is built in.
    #[error("the system does not say whether {name} ({title}) is built in")]
    Unknown {
        /// The device.
        name: String,
        /// What it is.
        title: String,
        /// What allows it.
        word: String,
    },
}

/// A device that passed all checks. Only [`clear`] makes one, and only through one is a device opened for writing.
#[derive(Debug, Clone)]
pub struct Cleared {
    device: Device,
}

impl Cleared {
    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }
}

/// Checks a device against everything that speaks for it being somebody's, and its size against `needs` bytes.
///
/// # Errors
/// [`Refusal`]: the first reason not to.
pub fn clear(device: &Device, needs: u64, rules: &Rules) -> Result<Cleared, Refusal> {
    let name = device.path.shown().to_string();
    if let Some(disk) = &device.partition_of {
        return Err(Refusal::Partition { name, disk: Path::new("/dev").join(disk).shown().to_string() });
    }
    if let Some(pattern) = rules.protect.iter().find(|pattern| is_meant(device, pattern)) {
        return Err(Refusal::Protected { name, pattern: pattern.clone() });
    }
    if let Some(of) = device.uses.iter().find(|of| of.is_system()) {
        return Err(Refusal::System { name, of: of.clone() });
    }
    if let Some(of) = device.uses.first() {
        return Err(Refusal::InUse { name, of: of.clone() });
    }
    if device.size == 0 {
        return Err(Refusal::Empty { name });
    }
    if device.read_only {
        return Err(Refusal::ReadOnly { name });
    }
    let word = device.word().to_owned();
    if device.removable != Removable::Yes && rules.allow_fixed.as_deref() != Some(word.as_str()) {
        let title = device.title();
        return Err(match device.removable {
            Removable::Unknown => Refusal::Unknown { name, title, word },
            Removable::Yes | Removable::No => Refusal::Fixed { name, title, word },
        });
    }
    if device.size < needs {
        return Err(Refusal::TooSmall { name, has: device.size, needs });
    }
    Ok(Cleared { device: device.clone() })
}

/// Whether a pattern means a device: its serial number, its model, or a name or path of it or of one of its partitions.
fn is_meant(device: &Device, pattern: &str) -> bool {
    let path = device.path.shown().to_string();
    let words = [Some(&device.name), device.serial.as_ref(), device.model.as_ref(), Some(&path)];
    let parts = device.partitions.iter().flat_map(|part| [part.clone(), format!("/dev/{part}")]);
    let others = device.by_id.iter().chain(&device.links).cloned().chain(parts);
    words.into_iter().flatten().cloned().chain(others).any(|word| crate::pattern::fits(pattern, &word))
}

/// Looks at a device again, through another look at the machine, and checks it again.
pub(crate) fn check_again(cleared: &Cleared, inventory: &Inventory, rules: &Rules) -> Result<bool, Refusal> {
    match inventory.by_number(cleared.device.number) {
        Some(now) if now.is_same(&cleared.device) => clear(now, 0, rules).map(|_| true),
        _ => Ok(false),
    }
}
