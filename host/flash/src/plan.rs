//! What a medium will hold, before anything is written.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use skiff_file::SearchPath;
use skiff_layout::Ids;
use skiff_layout::Layout;
use skiff_layout::Medium;
use skiff_layout::Placed;
use skiff_layout::PlacedPartition;

use crate::ContentError;
use crate::FileId;
use crate::Item;
use crate::PartitionError;
use crate::PlanError;
use crate::SourceFile;
use crate::Sources;
use crate::Unkept;
use crate::edits::Names;
use crate::item;
use crate::keep::fold;
use crate::marker::Marker;
use crate::volume;
use crate::volume::NewVolume;
use crate::volume::Volume;

/// What a medium will hold: everything found, placed and checked.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where things are.
    pub placed: Placed,
    /// The identities.
    pub ids: Ids,
    /// What goes into each partition, in the order of [`Placed::partitions`].
    pub items: Vec<Vec<Item>>,
    /// The files of [`Placed::raw`], in that order.
    pub raw: Vec<SourceFile>,
    /// The file that a partition holds instead of a file system.
    pub blocks: Vec<Option<SourceFile>>,
    /// The time that what is made bears, in seconds since 1970.
    pub epoch: u32,
    /// Everything that was read for it, whatever has become of it since, with one path of each.
    opened: BTreeMap<FileId, PathBuf>,
}

impl Plan {
    /// Fits a layout to a medium and finds everything that goes onto it. Nothing is written.
    ///
    /// # Errors
    /// [`PlanError`]: the first thing that does not fit or is not there.
    pub fn new(layout: &Layout, medium: Medium, ids: Ids, sources: &Sources) -> Result<Self, PlanError> {
        let mut reading = sources.reading();
        let found = layout.raw.iter().map(|raw| sources.raw(raw, &mut reading)).collect::<Result<Vec<_>, _>>()?;
        let lengths: Vec<Option<u64>> = found.iter().map(|file| file.as_ref().map(|file| file.size)).collect();
        let files =
            layout.partitions.iter().map(|one| sources.blocks(one, &mut reading)).collect::<Result<Vec<_>, _>>()?;
        let sizes: Vec<Option<u64>> = files.iter().map(|file| file.as_ref().map(|file| file.size)).collect();
        let placed = layout.solve(medium, &lengths, &sizes)?;
        let partuuid = |label: &str| placed.keeps_identity().then(|| placed.partuuid(&ids, label)).flatten();
        let names = Names { partuuid: &partuuid, generation: 0 };
        let (mut items, mut blocks) = (Vec::new(), Vec::new());
        for (PlacedPartition { partition, range, .. }, file) in placed.partitions().iter().zip(files) {
            let label = &partition.label;
            let wrong = |problem: &str| PlanError::Partition { label: label.clone(), problem: problem.into() };
            let has = range.end - range.start;
            let volume = volume::of(&partition.format);
            let follow = volume::follows_links(&partition.format);
            let mut own = sources.items(&partition.copy_files, follow, &names, &mut reading)?;
            let marker = Marker::of(0, &own);
            if partition.is_renewed() && !marker.files.is_empty() {
                own.push(marker.item());
            }
            if volume.is_none() && !own.is_empty() {
                return Err(wrong("files need a file system: `format`"));
            }
            let needs = match follow {
                true => own.iter().map(Item::size).fold(0, u64::saturating_add),
                false => item::total(&own),
            };
            if needs > has {
                return Err(PlanError::TooMuch { label: label.clone(), has, needs });
            }
            items.push(own);
            if partition.copy_blocks.is_some() && volume.is_some() {
                return Err(wrong("it takes either a file system or `copy_blocks`"));
            }
            if let Some(file) = file.as_ref().filter(|file| file.size > has) {
                return Err(PlanError::TooMuch { label: label.clone(), has, needs: file.size });
            }
            blocks.push(file);
        }
        let (raw, opened) = (found.into_iter().flatten().collect(), reading.into_opened());
        Ok(Self { placed, ids, items, raw, blocks, epoch: sources.epoch, opened })
    }

    /// As [`Self::new`], for what has not been built yet: contents that are not there are left out, and named.
    ///
    /// # Errors
    /// [`PlanError`]: the first thing that does not fit or is wrong.
    pub fn sketch(
        layout: &Layout,
        medium: Medium,
        ids: Ids,
        sources: &Sources,
    ) -> Result<(Self, Vec<String>), PlanError> {
        let mut layout = layout.clone();
        let mut missing = Vec::new();
        let names = Names { partuuid: &|_| Some(String::new()), generation: 0 };
        let mut reading = sources.reading();
        for raw in &mut layout.raw {
            if let Err(ContentError::Missing(names)) = sources.raw(raw, &mut reading) {
                missing.push(names.join(" or "));
                raw.optional = true;
            }
        }
        for partition in &mut layout.partitions {
            let follow = volume::follows_links(&partition.format);
            partition.copy_files.retain(|content| {
                match sources.items(std::slice::from_ref(content), follow, &names, &mut reading) {
                    // A text may wait for what is not there.
                    Err(ContentError::Missing(_) | ContentError::Left { .. }) => {
                        missing.push(content.source.join(" or "));
                        false
                    }
                    _ => true,
                }
            });
            let mut is_gone = |source: &mut String| matches!(sources.has(source, &mut reading), Ok(false));
            if let Some(gone) = partition.copy_blocks.take_if(&mut is_gone) {
                missing.push(gone);
            }
        }
        Ok((Self::new(&layout, medium, ids, sources)?, missing))
    }

    /// The source that `path` is, by whatever name: to write there would destroy what is read.
    pub fn source_at(&self, path: &Path) -> Option<&Path> {
        self.source_among(&[FileId::of(&std::fs::metadata(path).ok()?)])
    }

    /// The source that is one of some files.
    pub fn source_among(&self, files: &[FileId]) -> Option<&Path> {
        files.iter().find_map(|file| self.opened.get(file)).map(PathBuf::as_path)
    }

    /// Adds what is the user's own. Where `shared`, it goes to the first partition that every machine can read (FAT). Otherwise it
    /// goes to the one in which users keep things: the last that keeps permissions (ext4). What has the same place there gives way.
    /// Returns whether there is such a partition.
    pub fn add(&mut self, shared: bool, own: Vec<Item>) -> bool {
        let mut parts = self.placed.partitions().iter().map(|part| volume::of(&part.partition.format));
        let is_posix = |volume: Option<&dyn Volume>| volume.is_some_and(Volume::is_posix);
        let is_plain = |volume: Option<&dyn Volume>| volume.is_some_and(|volume| !volume.is_posix());
        let found = if shared { parts.position(is_plain) } else { parts.rposition(is_posix) };
        let Some(items) = found.and_then(|number| self.items.get_mut(number)) else { return false };
        let key = |item: &Item| if shared { fold(&item.target) } else { item.target.clone() };
        let taken: BTreeSet<String> = own.iter().map(key).collect();
        items.retain(|item| !taken.contains(&key(item)));
        items.extend(own);
        items.sort_by(|one, other| one.target.cmp(&other.target));
        true
    }

    /// What file systems do not keep of what goes onto them.
    pub fn unkept(&self) -> Vec<Unkept> {
        self.volumes().flat_map(|(volume, new)| Unkept::of(&new.partition.label, volume, new.items)).collect()
    }

    /// The labels of partitions that an install would have to update, and whose file systems cannot be updated: FAT12 and FAT16.
    pub fn unrenewable(&self) -> Vec<&str> {
        let refuses = |(volume, new): &(&dyn Volume, NewVolume<'_>)| {
            new.partition.is_renewed() && !volume.is_updatable(new.size, new.sector)
        };
        self.volumes().filter(refuses).map(|(_, new)| new.partition.label.as_str()).collect()
    }

    /// Does everything of [`Image::build`](crate::Image::build) that has no effect: finds the programs of all file systems in
    /// `programs`, and checks their sizes and names.
    ///
    /// # Errors
    /// [`PartitionError`]: the first file system that cannot be made.
    pub fn check(&self, programs: &SearchPath) -> Result<(), PartitionError> {
        let mut volumes = self.volumes();
        volumes.try_for_each(|(volume, new)| {
            volume.check_make(&new, programs).map_err(|error| error.of(&new.partition.label))
        })
    }

    /// The file system of a partition that gets `items`; `None` for a partition without one.
    pub(crate) fn volume<'p>(
        &'p self,
        placed: &'p PlacedPartition,
        items: &'p [Item],
    ) -> Option<(&'static dyn Volume, NewVolume<'p>)> {
        let PlacedPartition { partition, range, .. } = placed;
        let (size, sector) = (range.end - range.start, self.placed.medium().sector);
        let new = NewVolume { partition, size, sector, ids: &self.ids, epoch: self.epoch, items };
        Some((volume::of(&partition.format)?, new))
    }

    /// The file systems of all partitions that have one.
    fn volumes(&self) -> impl Iterator<Item = (&'static dyn Volume, NewVolume<'_>)> {
        let parts = self.placed.partitions().iter().zip(&self.items);
        parts.filter_map(|(placed, items)| self.volume(placed, items))
    }

    /// Bytes of all contents.
    pub fn content_size(&self) -> u64 {
        let items = self.items.iter().flatten().map(Item::size);
        let files = self.raw.iter().chain(self.blocks.iter().flatten()).map(|file| file.size);
        items.chain(files).fold(0, u64::saturating_add)
    }
}
