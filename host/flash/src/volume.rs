//! File systems: what each of them provides, and the list of all.

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::path::Path;

use skiff_file::SearchPath;
use skiff_layout::Format;
use skiff_layout::Ids;
use skiff_layout::Partition;
use skiff_layout::Ranges;

use crate::Disk;
use crate::Item;
use crate::Toolbox;
use crate::VolumeError;
use crate::Watch;
use crate::Workshop;
use crate::ext4::Ext4;
use crate::fat::Fat;
use crate::files::Files;
use crate::held::Held;
use crate::update::Update;

/// Bytes from the start of a partition that [`Volume::label`] is given.
pub(crate) const HEAD: u64 = 2048;

/// All file systems, in the order in which a partition is compared with them. The superblock of ext4 lies behind a boot sector
/// that an older FAT may have left, so ext4 comes first.
const ALL: [&dyn Volume; 2] = [&Ext4, &Fat];

/// A file system that skiff makes, inspects, updates, rolls back and finishes.
///
/// A new one is a directory with a type that implements this trait, a line in [`ALL`] and a variant of [`VolumeError`]. The
/// layout crate reads its word in `format:`.
///
/// `window` is the range of bytes that the partition has on the medium. An [`Update`] writes within it only. Wherever it is cut
/// off, it leaves the old system or the new one.
pub(crate) trait Volume: fmt::Debug + Sync {
    /// The name that messages use.
    fn name(&self) -> &'static str;

    /// Whether a layout asks for this file system.
    fn is_for(&self, format: &Format) -> bool;

    /// Whether it keeps links, permissions and the case of names. Otherwise links of sources are followed, and two names that
    /// differ only in case are an error.
    fn is_posix(&self) -> bool;

    /// Whether one of `size` bytes can be updated later. A sector has `sector` bytes.
    fn is_updatable(&self, size: u64, sector: u32) -> bool;

    /// Reads the label from the first [`HEAD`] bytes of a partition, or fewer in a smaller one. Returns `None` if they are not
    /// those of this file system.
    fn label(&self, head: &[u8]) -> Option<String>;

    /// Whether two labels are the same to systems that look for one.
    fn is_same_label(&self, one: &str, other: &str) -> bool {
        one == other
    }

    /// Does everything of [`Self::make`] that has no effect: finds the programs in `programs`, and checks sizes and
    /// names.
    fn check_make(&self, new: &NewVolume<'_>, programs: &SearchPath) -> Result<(), VolumeError>;

    /// Makes the file system in a file that is zero there. Returns which of its bytes matter, counted from its own start.
    fn make(
        &self,
        new: &NewVolume<'_>,
        output: Output<'_>,
        toolbox: Toolbox<'_>,
        watch: &dyn Watch,
    ) -> Result<Ranges, VolumeError>;

    /// Opens the file system to read its files. `disk` is the file or device `path`. Refuses a file system that cannot be updated.
    fn inspect<'d>(
        &self,
        disk: &'d dyn Disk,
        path: &Path,
        window: &Range<u64>,
    ) -> Result<Box<dyn Files + 'd>, VolumeError>;

    /// Does everything of [`Self::update`], [`Self::rollback`] and [`Self::finish`] that needs neither the medium nor a scratch
    /// directory: finds the programs in `programs`, and checks names. `items` are those of an update.
    fn check_change(&self, items: &[Item], programs: &SearchPath) -> Result<(), VolumeError>;

    /// Plans the update to `items` of a file system that holds `held`. The present system becomes the previous one.
    fn update(
        &self,
        shop: Workshop<'_>,
        window: &Range<u64>,
        held: &Held,
        items: &[Item],
    ) -> Result<Update, VolumeError>;

    /// Plans the way back to the previous system in `held`. The present system becomes the previous one.
    fn rollback(&self, shop: Workshop<'_>, window: &Range<u64>, held: &Held) -> Result<Update, VolumeError>;

    /// Whether the last update was written completely, up to its final mark.
    fn is_finished(&self, disk: &dyn Disk, window: &Range<u64>) -> Result<bool, VolumeError>;

    /// Plans the writes that an update left undone when it was cut off after the exchange of the systems.
    fn finish(&self, shop: Workshop<'_>, window: &Range<u64>) -> Result<Update, VolumeError>;
}

/// A file system that is to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewVolume<'n> {
    /// The partition of the layout.
    pub(crate) partition: &'n Partition,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Bytes of a sector of the medium.
    pub(crate) sector: u32,
    /// The identities of the medium.
    pub(crate) ids: &'n Ids,
    /// The time of everything in it, in seconds since 1970.
    pub(crate) epoch: u32,
    /// Its files and directories.
    pub(crate) items: &'n [Item],
}

/// The place of a new file system in an image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output<'o> {
    /// The image.
    pub(crate) file: &'o File,
    /// A path of the image.
    pub(crate) path: &'o Path,
    /// Bytes from the start of the image to the file system.
    pub(crate) origin: u64,
}

/// Returns the file system that a layout asks for; `None` for a partition without one.
pub(crate) fn of(format: &Format) -> Option<&'static dyn Volume> {
    ALL.into_iter().find(|volume| volume.is_for(format))
}

/// Returns the file system whose first bytes these are, with its label.
pub(crate) fn detect(head: &[u8]) -> Option<(&'static dyn Volume, String)> {
    ALL.into_iter().find_map(|volume| Some((volume, volume.label(head)?)))
}

/// Whether links of sources are followed, because the file system of a partition does not keep them.
pub(crate) fn follows_links(format: &Format) -> bool {
    of(format).is_some_and(|volume| !volume.is_posix())
}

/// Returns a label without its padding.
pub(crate) fn label_text(padded: Option<&[u8]>) -> String {
    let bytes = padded.unwrap_or_default().split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_one_volume_except_empty() {
        for format in [Format::Vfat, Format::Ext4 { features: Vec::new() }, Format::Empty] {
            // A new format has to be added here.
            let count = match format {
                Format::Vfat | Format::Ext4 { .. } => 1,
                Format::Empty => 0,
            };
            assert_eq!(ALL.iter().filter(|volume| volume.is_for(&format)).count(), count, "{format:?}");
        }
    }

    #[test]
    fn an_ext4_behind_an_old_boot_sector_is_an_ext4() {
        let mut head = vec![0; HEAD as usize];
        head[71..82].copy_from_slice(b"BOOT       ");
        head[82..87].copy_from_slice(b"FAT32");
        assert_eq!(detect(&head).map(|(volume, label)| (volume.name(), label)), Some(("FAT", "BOOT".into())));
        head[1080..1082].copy_from_slice(&[0x53, 0xef]);
        head[1144..1148].copy_from_slice(b"root");
        assert_eq!(detect(&head).map(|(volume, label)| (volume.name(), label)), Some(("ext4", "root".into())));
        assert!(detect(&head[..512]).is_some_and(|(volume, _)| volume.name() == "FAT"));
        assert!(detect(&[]).is_none());
    }
}
