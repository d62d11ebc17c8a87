use std::path::Path;

use skiff_sdk::Failure;
use skiff_sdk::FailureCode;
use skiff_sdk::Result;

/// Kernel images under the names that Buildroot gives them, the most specific first.
const KERNELS: [&str; 4] = ["bzImage", "Image", "zImage", "vmlinux"];

/// Initial file systems.
const INITRAMFS: [&str; 5] = ["rootfs.cpio.zst", "rootfs.cpio.lz4", "rootfs.cpio.gz", "rootfs.cpio.xz", "rootfs.cpio"];

/// What there is to boot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Images {
    pub(crate) kernel: String,
    pub(crate) initramfs: String,
    /// The root file system, unless the initramfs holds it.
    pub(crate) root: Option<String>,
}

impl Images {
    /// Looks for images in a folder.
    pub(crate) fn find(folder: &Path) -> Result<Self> {
        let first = |names: &[&str]| {
            let path = names.iter().map(|name| folder.join(name)).find(|path| path.is_file())?;
            Some(path.to_string_lossy().into_owned())
        };
        let missing = |what: &str| {
            Failure::new(FailureCode::Missing, format!("there is no {what} among the images"))
                .hint("build the system first: skiff compile")
        };
        Ok(Self {
            kernel: first(&KERNELS).ok_or_else(|| missing("kernel"))?,
            initramfs: first(&INITRAMFS).ok_or_else(|| missing("initramfs"))?,
            root: first(&["rootfs.squashfs"]),
        })
    }
}
