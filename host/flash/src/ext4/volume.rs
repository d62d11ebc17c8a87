use std::ops::Range;
use std::path::Path;

use skiff_file::SearchPath;
use skiff_layout::Format;
use skiff_layout::Ranges;

use super::Ext4Error;
use super::Ext4Files;
use super::Naming;
use super::copy;
use super::programs;
use super::programs::Programs;
use super::tools::Tools;
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

/// ext4, which e2fsprogs make and change.
#[derive(Debug)]
pub(crate) struct Ext4;

fn naming<'n>(new: &NewVolume<'n>) -> Naming<'n> {
    let partition = new.partition;
    Naming {
        label: partition.volume(),
        uuid: new.ids.file_system(&partition.label),
        hash_seed: new.ids.hash_seed(&partition.label),
        features: partition.format.features(),
        renewed: partition.is_renewed(),
    }
}

/// The programs that change a file system, with a directory to work in.
fn tools(shop: Workshop<'_>) -> Result<Tools, Ext4Error> {
    Tools::new(Programs::find(&programs::CHANGE, shop.programs)?, shop.epoch, shop.scratch)
}

impl Volume for Ext4 {
    fn name(&self) -> &'static str {
        "ext4"
    }

    fn is_for(&self, format: &Format) -> bool {
        matches!(format, Format::Ext4 { .. })
    }

    fn is_posix(&self) -> bool {
        true
    }

    fn is_updatable(&self, _size: u64, _sector: u32) -> bool {
        true
    }

    fn label(&self, head: &[u8]) -> Option<String> {
        // The superblock is at 1024, with its magic at 56 and the label at 120 (ext4's documentation of its layout).
        (head.get(1080..1082) == Some(&[0x53, 0xef])).then(|| label_text(head.get(1144..1160)))
    }

    fn check_make(&self, new: &NewVolume<'_>, programs: &SearchPath) -> Result<(), VolumeError> {
        Programs::find(&programs::MAKE, programs)?;
        Ok(super::check(naming(new), new.items)?)
    }

    fn make(
        &self,
        new: &NewVolume<'_>,
        output: Output<'_>,
        toolbox: Toolbox<'_>,
        watch: &dyn Watch,
    ) -> Result<Ranges, VolumeError> {
        let programs = Programs::find(&programs::MAKE, toolbox.programs)?;
        let tools = Tools::new(programs, new.epoch, toolbox.scratch)?;
        Ok(super::make(&tools, output.path, output.origin, new.size, naming(new), new.items, watch)?)
    }

    fn inspect<'d>(
        &self,
        _disk: &'d dyn Disk,
        path: &Path,
        window: &Range<u64>,
    ) -> Result<Box<dyn Files + 'd>, VolumeError> {
        Ok(Box::new(Ext4Files::open(path, window).map_err(VolumeError::Unreadable)?))
    }

    fn check_change(&self, items: &[Item], programs: &SearchPath) -> Result<(), VolumeError> {
        Programs::find(&programs::CHANGE, programs)?;
        Ok(super::check_names(crate::NEXT, items)?)
    }

    fn update(
        &self,
        shop: Workshop<'_>,
        window: &Range<u64>,
        held: &Held,
        items: &[Item],
    ) -> Result<Update, VolumeError> {
        Ok(update::update(&tools(shop)?, shop.disk, shop.path, window, items, held, shop.watch)?)
    }

    fn rollback(&self, shop: Workshop<'_>, window: &Range<u64>, held: &Held) -> Result<Update, VolumeError> {
        Ok(update::rollback(&tools(shop)?, shop.disk, shop.path, window, &held.current)?)
    }

    fn is_finished(&self, disk: &dyn Disk, window: &Range<u64>) -> Result<bool, VolumeError> {
        copy::is_finished(disk, window).map_err(VolumeError::Unreadable)
    }

    fn finish(&self, shop: Workshop<'_>, window: &Range<u64>) -> Result<Update, VolumeError> {
        Ok(update::finish(&tools(shop)?, shop.disk, shop.path, window)?)
    }
}
