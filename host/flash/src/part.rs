use std::io;
use std::ops::Range;
use std::path::Path;

use skiff_file::SearchPath;
use skiff_layout::FoundPartition;
use skiff_layout::Partition;

use crate::Disk;
use crate::InstallError;
use crate::Item;
use crate::VolumeError;
use crate::Watch;
use crate::Workshop;
use crate::files::Files;
use crate::held::Held;
use crate::matching;
use crate::update::Update;
use crate::volume;
use crate::volume::Volume;

/// A partition of a medium that installs bring up to date.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its label.
    pub label: String,
    /// Its bytes on the medium.
    pub range: Range<u64>,
    /// Its number, as Linux counts.
    pub number: u32,
    volume: &'static dyn Volume,
    held: Held,
}

impl Part {
    /// The partition of a medium that is one of a layout; it is looked into.
    pub(crate) fn of(
        partition: &Partition,
        found: &FoundPartition,
        disk: &dyn Disk,
        path: &Path,
    ) -> Result<Self, InstallError> {
        let mut part = Self {
            label: partition.label.clone(),
            range: found.range.clone(),
            number: found.number,
            volume: volume::of(&partition.format).ok_or_else(|| matching::missing(partition))?,
            held: Held::default(),
        };
        part.held = part.look(disk, path, Held::read)?.ok_or_else(|| InstallError::Foreign(part.label.clone()))?;
        Ok(part)
    }

    /// Its file system.
    pub(crate) fn volume(&self) -> &'static dyn Volume {
        self.volume
    }

    /// The systems that it held when it was looked into.
    pub(crate) fn held(&self) -> &Held {
        &self.held
    }

    /// Whether every item is there as an install would put it.
    pub(crate) fn holds(
        &self,
        disk: &dyn Disk,
        path: &Path,
        items: &[Item],
        watch: &dyn Watch,
    ) -> Result<bool, InstallError> {
        self.look(disk, path, |files| files.hold(items, watch))
    }

    /// Checks, without an effect, that a change can be worked out: an update to `items`, or another one.
    pub(crate) fn check_change(&self, items: &[Item], programs: &SearchPath) -> Result<(), InstallError> {
        self.volume.check_change(items, programs).map_err(|error| self.error(error))
    }

    /// Works out the writes of an install.
    pub(crate) fn update(&self, shop: Workshop<'_>, items: &[Item]) -> Result<Update, InstallError> {
        self.check_unchanged(shop)?;
        self.within(self.volume.update(shop, &self.range, &self.held, items))
    }

    /// Works out the writes of the way back.
    pub(crate) fn rollback(&self, shop: Workshop<'_>) -> Result<Update, InstallError> {
        self.check_unchanged(shop)?;
        self.within(self.volume.rollback(shop, &self.range, &self.held))
    }

    /// Whether the last change was written completely, also where nobody looks.
    pub(crate) fn is_finished(&self, disk: &dyn Disk) -> Result<bool, InstallError> {
        self.volume.is_finished(disk, &self.range).map_err(|error| self.error(error))
    }

    /// Works out what a change that was cut off has left to do, where nobody looks; none if it has left nothing.
    pub(crate) fn finish(&self, shop: Workshop<'_>) -> Result<Option<Update>, InstallError> {
        self.check_unchanged(shop)?;
        if self.is_finished(shop.disk)? {
            return Ok(None);
        }
        self.within(self.volume.finish(shop, &self.range)).map(Some)
    }

    /// What was seen when the plan was made has to be there still.
    fn check_unchanged(&self, shop: Workshop<'_>) -> Result<(), InstallError> {
        match self.look(shop.disk, shop.path, Held::read)?.as_ref() == Some(&self.held) {
            true => Ok(()),
            false => Err(InstallError::Changed(self.label.clone())),
        }
    }

    fn look<T>(
        &self,
        disk: &dyn Disk,
        path: &Path,
        ask: impl FnOnce(&dyn Files) -> io::Result<T>,
    ) -> Result<T, InstallError> {
        let files = self.volume.inspect(disk, path, &self.range).map_err(|error| self.error(error))?;
        ask(&*files).map_err(|source| self.error(VolumeError::Unreadable(source)))
    }

    fn within(&self, update: Result<Update, VolumeError>) -> Result<Update, InstallError> {
        let update = update.map_err(|error| self.error(error))?;
        match update.stays_within(&self.range) {
            true => Ok(update),
            false => Err(InstallError::Outside(self.label.clone())),
        }
    }

    fn error(&self, error: VolumeError) -> InstallError {
        error.of(&self.label).into()
    }
}
