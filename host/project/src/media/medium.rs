use std::io;
use std::path::Path;
use std::path::PathBuf;

use skiff_flash::Cleared;
use skiff_flash::Device;
use skiff_flash::FileId;
use skiff_flash::Inventory;
use skiff_flash::Rules;
use skiff_flash::clear;
use skiff_layers::LayerName;
use skiff_layout::Medium;

use crate::console::Console;
use crate::error::Result;
use crate::project::Project;
use skiff_text::Shown as _;

/// Where this machine is looked at.
pub const MACHINE: &str = "/";

/// The medium that the user named.
pub enum Chosen {
    /// A device of this machine, that passed all checks.
    Device(Box<Cleared>),
    /// A file that holds an image.
    File {
        /// Where it is.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The file that was looked at, whatever its name means by now.
        id: FileId,
    },
}

impl Chosen {
    /// Returns where it is.
    pub fn path(&self) -> &Path {
        match self {
            Self::Device(cleared) => &cleared.device().path,
            Self::File { path, .. } => path,
        }
    }

    /// Returns its size and sectors.
    pub fn medium(&self) -> Medium {
        match self {
            Self::Device(cleared) => Medium { size: cleared.device().size, sector: cleared.device().sector },
            Self::File { size, .. } => Medium { size: *size, sector: 512 },
        }
    }

    /// What it is, for people and plugins.
    pub fn title(&self) -> String {
        match self {
            Self::Device(cleared) => {
                let device = cleared.device();
                let serial = device.serial.as_deref().map(|serial| format!(", serial {serial}")).unwrap_or_default();
                format!("{} ({}{serial})", device.path.shown(), device.title())
            }
            Self::File { path, .. } => path.shown().to_string(),
        }
    }

    /// Returns the files that it is made of.
    pub fn files(&self) -> Vec<FileId> {
        match self {
            Self::Device(cleared) => cleared.device().files.clone(),
            Self::File { id, .. } => vec![*id],
        }
    }

    /// Returns the device, if it is one.
    pub fn device(&self) -> Option<&Device> {
        match self {
            Self::Device(cleared) => Some(cleared.device()),
            Self::File { .. } => None,
        }
    }
}

/// Finds the medium of a path, and checks it if it is a device. `needs` is what has to go onto it, in bytes.
pub fn choose(console: &Console, path: &str, needs: u64, rules: &Rules) -> Result<Chosen> {
    let path = console.environment.absolute(Path::new(path));
    if path.is_file() {
        let metadata = std::fs::metadata(&path);
        let metadata = metadata.map_err(|error| MediumError::Unopened { path: path.clone(), error })?;
        let (size, id) = (metadata.len(), FileId::of(&metadata));
        let inventory = Inventory::read(Path::new(MACHINE)).ok();
        let mut devices = inventory.iter().flat_map(Inventory::disks);
        if let Some(device) = devices.find(|device| device.files.contains(&id)) {
            return Err(MediumError::InUse { path, device: device.path.clone() }.into());
        }
        return Ok(Chosen::File { path, size, id });
    }
    let inventory = devices()?;
    let device = inventory.select(&path)?;
    Ok(Chosen::Device(Box::new(clear(device, needs, rules)?)))
}

/// What the command line and the project file say about devices.
pub fn rules(project: &Project, allow_fixed: Option<&String>) -> Rules {
    Rules { allow_fixed: allow_fixed.cloned(), protect: project.protect.clone() }
}

/// Lists the devices of this machine.
pub fn devices() -> Result<Inventory, MediumError> {
    Inventory::read(Path::new(MACHINE)).map_err(MediumError::Devices)
}

/// Why there is no medium to write to.
#[derive(Debug, thiserror::Error)]
pub enum MediumError {
    /// None was named.
    #[error("no medium was named")]
    Unnamed {
        /// The variable of the board that may name one.
        variable: Option<String>,
    },
    /// It is a file behind a device.
    #[error("{} is in use: it is the medium of {}", path.shown(), device.shown())]
    InUse {
        /// The file.
        path: PathBuf,
        /// The device.
        device: PathBuf,
    },
    /// The devices of this machine cannot be listed.
    #[error("cannot list the devices of this machine: {0}")]
    Devices(io::Error),
    /// Nothing knows what is where on it.
    #[error("package `{0}` is not a board: no plugin of it has `board: true`")]
    NoBoard(LayerName),
    /// The images are of another system.
    #[error("the images in {} were built for another chain: {built}", images.shown())]
    OtherChain {
        /// Where they are.
        images: PathBuf,
        /// What they were built for.
        built: String,
        /// What was asked for.
        chain: String,
    },
    /// It cannot be opened.
    #[error("cannot open `{}`: {error}", path.shown())]
    Unopened {
        /// Where it is.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is another file than when it was looked at.
    #[error("`{}` is not what it was", .0.shown())]
    Changed(PathBuf),
    /// Another process has locked it.
    #[error("`{}` is in use", .0.shown())]
    Busy(PathBuf),
    /// Writing to it failed.
    #[error("writing to `{}` failed: {error}", path.shown())]
    Write {
        /// Where it is.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The map of an image that changes is in the way.
    #[error("cannot remove the old map of the image: {0}")]
    Map(io::Error),
}
