use std::path::Path;
use std::path::PathBuf;

use skiff_flash::Cleared;
use skiff_flash::Device;
use skiff_flash::FileId;
use skiff_flash::Inventory;
use skiff_flash::Rules;
use skiff_flash::clear;
use skiff_layout::Medium;

use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::console::Console;
use crate::project::Project;
use skiff_text::Shown as _;

/// Where this machine is looked at.
pub(crate) const MACHINE: &str = "/";

/// The medium that the user named.
pub(crate) enum Chosen {
    /// A device of this machine, that passed all checks.
    Device(Box<Cleared>),
    /// A file that holds an image.
    File {
        /// Where it is.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
    },
}

impl Chosen {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Device(cleared) => &cleared.device().path,
            Self::File { path, .. } => path,
        }
    }

    pub(crate) fn medium(&self) -> Medium {
        match self {
            Self::Device(cleared) => Medium { size: cleared.device().size, sector: cleared.device().sector },
            Self::File { size, .. } => Medium { size: *size, sector: 512 },
        }
    }

    /// What it is, for people and plugins.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Device(cleared) => {
                let device = cleared.device();
                let serial = device.serial.as_deref().map(|serial| format!(", serial {serial}")).unwrap_or_default();
                format!("{} ({}{serial})", device.path.shown(), device.title())
            }
            Self::File { path, .. } => path.shown().to_string(),
        }
    }

    /// The files that it is made of.
    pub(crate) fn files(&self) -> Vec<FileId> {
        match self {
            Self::Device(cleared) => cleared.device().files.clone(),
            Self::File { path, .. } => std::fs::metadata(path).iter().map(FileId::of).collect(),
        }
    }

    pub(crate) fn device(&self) -> Option<&Device> {
        match self {
            Self::Device(cleared) => Some(cleared.device()),
            Self::File { .. } => None,
        }
    }
}

/// Finds the medium of a path, and checks it if it is a device. `needs` is what has to go onto it, in bytes.
pub(crate) fn choose(console: &Console, path: &str, needs: u64, rules: &Rules) -> Result<Chosen> {
    let path = console.environment.absolute(Path::new(path));
    if path.is_file() {
        let metadata = std::fs::metadata(&path).ok();
        let size = metadata.as_ref().map(std::fs::Metadata::len).unwrap_or_default();
        let own = metadata.as_ref().map(FileId::of);
        let inventory = Inventory::read(Path::new(MACHINE)).ok();
        let mut devices = inventory.iter().flat_map(Inventory::disks);
        if let Some(device) = devices.find(|device| own.is_some_and(|own| device.files.contains(&own))) {
            let message = format!("{} is in use: it is the medium of {}", path.shown(), device.path.shown());
            return Err(CommandError::new(Kind::Refused, message).hint("detach it first: losetup --detach"));
        }
        return Ok(Chosen::File { path, size });
    }
    let inventory = Inventory::read(Path::new(MACHINE)).map_err(|error| {
        CommandError::new(Kind::User, format!("Cannot list the devices of this machine: {error}"))
            .hint("they are read from /sys/class/block")
    })?;
    let device = inventory.select(&path)?;
    Ok(Chosen::Device(Box::new(clear(device, needs, rules)?)))
}

/// What the command line and the project file say about devices.
pub(crate) fn rules(project: &Project, allow_fixed: Option<&String>) -> Rules {
    Rules { allow_fixed: allow_fixed.cloned(), protect: project.protect.clone() }
}

/// The error where no medium was named.
pub(crate) fn unnamed(variable: Option<&str>) -> CommandError {
    let mut error = CommandError::new(Kind::Usage, "No medium was named");
    error = error.hint("`skiff device list` shows those of this machine");
    match variable {
        Some(name) => error.hint(format!("name it with --device /dev/disk/by-id/…, or in the variable {name}")),
        None => error.hint("name it with --device /dev/disk/by-id/…"),
    }
}
