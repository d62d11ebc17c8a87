//! The folder of the host that the machine can see.
//!
//! It is offered twice, since kernels differ: as 9p (`host0`), which can be written, and as a read-only FAT disk
//! (label `SHARED`) for kernels without 9p, such as Debian's for clouds.
//!
//! Owners, modes, links and devices that the machine makes are kept in attributes of plain files (`mapped-xattr`): run by
//! root, they would be real ones of the host otherwise, set-user-id programs included.

use std::fs;
use std::path::Path;

use skiff_sdk::Failure;
use skiff_sdk::Level;
use skiff_sdk::Result;
use skiff_sdk::Tool;

const FOLDER: &str = "/state/shared";

/// Bytes that QEMU's FAT disk can hold: a FAT16 disk of 504 MiB, less room for its tables and clusters.
const MAX_FAT: u64 = 400 << 20;

/// What is offered to the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shared {
    fat: bool,
}

/// Makes the folder and finds out whether it fits a FAT disk.
pub(crate) fn prepare() -> Result<Shared> {
    fs::create_dir_all(FOLDER).map_err(|error| Failure::io(FOLDER, &error))?;
    let fat = fits(Path::new(FOLDER), &mut MAX_FAT.clone()).map_err(|error| Failure::io(FOLDER, &error))?;
    if !fat {
        skiff_sdk::log(Level::Warning, "the shared folder is too large for machines without 9p: they do not see it");
    }
    Ok(Shared { fat })
}

impl Shared {
    pub(crate) fn attach(self, qemu: Tool) -> Tool {
        let qemu =
            qemu.args(["-virtfs"]).with_path("local,path=", FOLDER, ",mount_tag=host0,security_model=mapped-xattr");
        match self.fat {
            true => {
                let after = ",label=SHARED,if=virtio,readonly=on";
                qemu.args(["-drive"]).with_path("driver=vvfat,dir=", FOLDER, after)
            }
            false => qemu,
        }
    }
}

fn fits(folder: &Path, left: &mut u64) -> std::io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let size = if kind.is_file() { entry.metadata()?.len() } else { 0 };
        // Each entry takes a cluster at least.
        match left.checked_sub(size.max(32 << 10)) {
            Some(rest) => *left = rest,
            None => return Ok(false),
        }
        if kind.is_dir() && !fits(&entry.path(), left)? {
            return Ok(false);
        }
    }
    Ok(true)
}
