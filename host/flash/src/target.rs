//! A device that is open for writing, for us alone.

use std::fs::File;
use std::io;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::FallocateFlags;
use rustix::fs::OFlags;

use crate::Cleared;
use crate::Device;
use crate::Disk;
use crate::Inventory;
use crate::Refusal;
use crate::Rules;
use crate::disk::path_of;
use crate::inventory::split;
use crate::safety::check_again;
use skiff_text::Shown as _;

/// A device that nobody else can mount or write while this is there.
#[derive(Debug)]
pub struct Target {
    file: File,
    /// The same without the system's cache in between, where the device can do that.
    direct: Option<File>,
    device: Device,
}

/// Why a device could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is not the one that was shown, or there is another medium in it.
    #[error("{0} has changed since the plan was shown")]
    Changed(String),
    /// Something speaks against it now.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Somebody else has it.
    #[error("{0} is in use")]
    Busy(String),
    /// The user may not.
    #[error("permission denied: cannot write to {0}")]
    NotAllowed(String),
    /// Opening failed.
    #[error("cannot open {path}: {source}")]
    Io {
        /// What.
        path: String,
        /// Why.
        source: io::Error,
    },
}

impl Target {
    /// Opens a device that passed the checks, and checks again now that nobody can change anything: `root` is where the
    /// machine is looked at, as for [`Inventory::read`].
    ///
    /// # Errors
    /// [`OpenError`]; nothing was written.
    pub fn open(cleared: &Cleared, root: &Path, rules: &Rules) -> Result<Self, OpenError> {
        let device = cleared.device().clone();
        let shown = device.path.shown().to_string();
        let failed = |source: io::Error| match source.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
            Some(rustix::io::Errno::BUSY) => OpenError::Busy(shown.clone()),
            Some(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM) => OpenError::NotAllowed(shown.clone()),
            _ => OpenError::Io { path: shown.clone(), source },
        };
        // For a device, O_EXCL means: nobody has mounted it, and nobody will (open(2)).
        let flags = i32::try_from(OFlags::EXCL.bits()).unwrap_or_default();
        let file = std::fs::OpenOptions::new().read(true).write(true).custom_flags(flags).open(&device.path);
        let mut file = file.map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        // QEMU opens a device without O_EXCL, and locks it as it locks a file.
        skiff_file::hold(&file).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => OpenError::Busy(shown.clone()),
            _ => failed(error),
        })?;
        let size = file.seek(SeekFrom::End(0)).map_err(failed)?;
        let is_it =
            metadata.file_type().is_block_device() && split(metadata.rdev()) == device.number && size == device.size;
        let inventory = Inventory::read(root).map_err(failed)?;
        if !is_it || !check_again(cleared, &inventory, rules)? {
            return Err(OpenError::Changed(shown));
        }
        // The same device, whatever its name means by now.
        let own = format!("/proc/self/fd/{}", file.as_raw_fd());
        let flags = i32::try_from(OFlags::DIRECT.bits()).unwrap_or_default();
        let direct = std::fs::OpenOptions::new().read(true).write(true).custom_flags(flags).open(own).ok();
        Ok(Self { file, direct, device })
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Tells the device that nothing on it is needed; whether all of it is zero now.
    pub(crate) fn discard(&self) -> bool {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        rustix::fs::fallocate(&self.file, flags, 0, self.device.size).is_ok()
    }

    /// Reads what is on the medium, not what the system remembers of it.
    pub(crate) fn read_back(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if let Some(direct) = &self.direct
            && direct.read_exact_at(buffer, offset).is_ok()
        {
            return Ok(());
        }
        let length = std::num::NonZeroU64::new(buffer.len() as u64);
        // A device that cannot be read past the cache is asked to forget what it has there.
        let _ = rustix::fs::fadvise(&self.file, offset, length, rustix::fs::Advice::DontNeed);
        self.file.read_exact_at(buffer, offset)
    }

    /// Writes past the system's cache where that is possible.
    pub(crate) fn write_through(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match &self.direct {
            Some(direct) => match direct.write_all_at(bytes, offset) {
                // The buffer or the length does not suit the device.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => self.file.write_all_at(bytes, offset),
                other => other,
            },
            None => self.file.write_all_at(bytes, offset),
        }
    }
}

impl Disk for Target {
    fn size(&self) -> u64 {
        self.device.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn flush(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn path(&self) -> PathBuf {
        path_of(&self.file)
    }
}
