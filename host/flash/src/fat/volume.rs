use std::fs::File;
use std::ops::Range;
use std::path::Path;

use skiff_file::SearchPath;
use skiff_layout::Format;
use skiff_layout::Ranges;

use super::Draft;
use super::FatError;
use super::FatFiles;
use super::Naming;
use super::update;
use crate::Disk;
use crate::Item;
use crate::Toolbox;
use crate::VolumeError;
use crate::Watch;
use crate::Workshop;
use crate::files::Files;
use crate::held::Held;
use crate::update::Update;
use crate::volume::NewVolume;
use crate::volume::Output;
use crate::volume::Volume;
use crate::volume::label_text;

/// FAT12, FAT16 and FAT32. skiff writes them itself and needs no program. Only FAT32 can be updated.
#[derive(Debug)]
pub(crate) struct Fat;

fn naming<'n>(new: &NewVolume<'n>) -> Naming<'n> {
    let partition = new.partition;
    Naming { label: partition.volume(), serial: new.ids.serial(&partition.label), sector: new.sector }
}

/// An empty file without a name, for what will be written.
fn scratch(shop: Workshop<'_>) -> Result<File, FatError> {
    Ok(tempfile::tempfile_in(shop.scratch)?)
}

impl Volume for Fat {
    fn name(&self) -> &'static str {
        "FAT"
    }

    fn is_for(&self, format: &Format) -> bool {
        matches!(format, Format::Vfat)
    }

    fn is_posix(&self) -> bool {
        false
    }

    fn is_updatable(&self, size: u64, sector: u32) -> bool {
        skiff_layout::fits_fat32(size, sector)
    }

    fn label(&self, head: &[u8]) -> Option<String> {
        // FAT32 has the label at 71 and its type at 82, FAT12 and FAT16 at 43 and 54 (FAT specification, section 3).
        if head.get(82..87) == Some(b"FAT32") {
            Some(label_text(head.get(71..82)))
        } else if matches!(head.get(54..59), Some(b"FAT12" | b"FAT16")) {
            Some(label_text(head.get(43..54)))
        } else {
            None
        }
    }

    /// FAT knows no small letters, and Linux compares what is there.
    fn is_same_label(&self, one: &str, other: &str) -> bool {
        one.eq_ignore_ascii_case(other)
    }

    fn check_make(&self, new: &NewVolume<'_>, _programs: &SearchPath) -> Result<(), VolumeError> {
        Draft::of(new.size, naming(new), new.items)?;
        Ok(())
    }

    fn make(
        &self,
        new: &NewVolume<'_>,
        output: Output<'_>,
        _toolbox: Toolbox<'_>,
        watch: &dyn Watch,
    ) -> Result<Ranges, VolumeError> {
        Ok(Draft::of(new.size, naming(new), new.items)?.write(output.file, output.origin, watch)?)
    }

    fn inspect<'d>(
        &self,
        disk: &'d dyn Disk,
        _path: &Path,
        window: &Range<u64>,
    ) -> Result<Box<dyn Files + 'd>, VolumeError> {
        let files = FatFiles::open(disk, window)?;
        update::movable(files.geometry())?;
        Ok(Box::new(files))
    }

    fn check_change(&self, items: &[Item], _programs: &SearchPath) -> Result<(), VolumeError> {
        update::tree(items)?;
        Ok(())
    }

    fn update(
        &self,
        shop: Workshop<'_>,
        window: &Range<u64>,
        held: &Held,
        items: &[Item],
    ) -> Result<Update, VolumeError> {
        Ok(update::update(shop.disk, window, items, held, &scratch(shop)?, shop.watch)?)
    }

    fn rollback(&self, shop: Workshop<'_>, window: &Range<u64>, _held: &Held) -> Result<Update, VolumeError> {
        Ok(update::rollback(shop.disk, window, &scratch(shop)?)?)
    }

    fn is_finished(&self, disk: &dyn Disk, window: &Range<u64>) -> Result<bool, VolumeError> {
        Ok(update::is_finished(disk, window)?)
    }

    fn finish(&self, shop: Workshop<'_>, window: &Range<u64>) -> Result<Update, VolumeError> {
        Ok(update::finish(shop.disk, window, &scratch(shop)?)?)
    }
}
