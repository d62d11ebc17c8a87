//! What loop devices are made of: files and devices, told apart by their numbers, whatever their names are.

use std::ffi::OsStr;
use std::fs::File;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use rustix::ioctl::Getter;
use rustix::ioctl::Opcode;

use crate::Device;
use crate::inventory::split;

/// A file, by the number of its file system's device and its inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file with these numbers.
    pub(crate) fn new(device: u64, inode: u64) -> Self {
        Self { device, inode }
    }

    /// The file that something was told of.
    pub fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// Returns the file that a loop device shows, as the system names it; `None` for other devices.
pub fn backing_file(root: &Path, device: &Device) -> Option<PathBuf> {
    let path = std::fs::read(root.join("sys/block").join(&device.name).join("loop/backing_file")).ok()?;
    Some(PathBuf::from(OsStr::from_bytes(path.strip_suffix(b"\n").unwrap_or(&path))))
}

/// What a loop device is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backing {
    /// A file.
    File(FileId),
    /// Another device, by its major and minor number.
    Device((u32, u32)),
}

impl Backing {
    /// Asks the driver, and where that is not allowed, looks at the name that sysfs has. `directory` is the device's in sysfs.
    pub(crate) fn of(root: &Path, folder: &Path, name: &str) -> Option<Self> {
        let path = std::fs::read(folder.join("loop/backing_file")).ok()?;
        let told = asked(&root.join("dev").join(name));
        told.or_else(|| {
            let path = Path::new(OsStr::from_bytes(path.strip_suffix(b"\n").unwrap_or(&path)));
            Self::named(&root.join(path.strip_prefix("/").unwrap_or(path)))
        })
    }

    /// What a name means.
    pub(crate) fn named(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(match metadata.file_type().is_block_device() {
            true => Self::Device(split(metadata.rdev())),
            false => Self::File(FileId::of(&metadata)),
        })
    }
}

/// The answer to `LOOP_GET_STATUS64` (linux/loop.h).
#[repr(C)]
struct LoopInfo {
    device: u64,
    inode: u64,
    special: u64,
    rest: [u8; 208],
}

const LOOP_GET_STATUS64: Opcode = 0x4c05;

fn asked(path: &Path) -> Option<Backing> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).ok()?;
    let file = File::options().read(true).custom_flags(flags).open(path).ok()?;
    if !file.metadata().ok()?.file_type().is_block_device() {
        return None;
    }
    // SAFETY: the kernel fills a `struct loop_info64`, which has this size and takes any bits.
    let info = unsafe { rustix::ioctl::ioctl(&file, Getter::<LOOP_GET_STATUS64, LoopInfo>::new()) }.ok()?;
    let _ = info.rest;
    Some(match info.special {
        0 => Backing::File(FileId { device: info.device, inode: info.inode }),
        special => Backing::Device(split(special)),
    })
}
