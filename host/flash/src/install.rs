//! Bringing the system on a formatted medium up to date.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use skiff_file::SearchPath;
use skiff_layout::Layout;
use skiff_layout::Medium;
use skiff_layout::TableError;

use crate::ContentError;
use crate::Disk;
use crate::FileId;
use crate::Item;
use crate::PartitionError;
use crate::RollbackPlan;
use crate::Sources;
use crate::Staged;
use crate::Unkept;
use crate::Watch;
use crate::Workshop;
use crate::edits::Names;
use crate::marker::Marker;
use crate::matching;
use crate::part::Part;
use crate::reading::Reading;
use crate::volume;

/// What an install changes: some partitions of a medium, and nothing else of it.
#[derive(Debug)]
pub struct InstallPlan {
    parts: Vec<Renewal>,
    generation: u64,
    /// Everything that was read for it, with one path of each.
    opened: BTreeMap<FileId, PathBuf>,
}

/// A partition, and what goes into it.
#[derive(Debug)]
pub struct Renewal {
    /// The partition.
    pub part: Part,
    /// What goes into it.
    pub items: Vec<Item>,
    /// The same, if it were the system that is there.
    unchanged: Vec<Item>,
}

/// Why a medium cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Its table cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// It is not what the layout says.
    #[error("the medium has no partition `{label}` with {format}: it was not formatted for this board")]
    NotFormatted {
        /// The partition.
        label: String,
        /// The file system.
        format: &'static str,
    },
    /// Nothing of the layout is renewed by an install.
    #[error("this layout has no partition that `install` updates")]
    Nothing,
    /// Contents are missing.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// A partition cannot be inspected or changed.
    #[error(transparent)]
    Partition(#[from] PartitionError),
    /// Something has the name that the previous system needs.
    #[error("partition `{0}` contains `{name}`, which is a reserved name, and skiff did not create it", name = crate::PREVIOUS)]
    Foreign(String),
    /// No partition holds a previous system.
    #[error("the medium holds no previous system")]
    NoPrevious,
    /// A number of installs after which none can follow.
    #[error("partition `{label}` says that it is of generation {generation}, after which none can follow")]
    LastGeneration {
        /// The partition.
        label: String,
        /// What its marker says.
        generation: u64,
    },
    /// There is no system of which every partition has its part.
    #[error("no generation is on all partitions of the medium: {0}")]
    NoCommon(String),
    /// Two partitions could be meant.
    #[error("partitions {0} and {1} of the medium are both called `{label}`", label = .2)]
    Ambiguous(u32, u32, String),
    /// The user wants to stop.
    #[error("cancelled; nothing was written")]
    Cancelled,
    /// Somebody else has installed to it.
    #[error("partition `{0}` has changed since the plan was made")]
    Changed(String),
    /// A change that would leave its partition: a fault of skiff, found before anything was written.
    #[error("the update of partition `{0}` would write outside of the partition")]
    Outside(String),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl InstallPlan {
    /// Finds the partitions of a layout on a medium, the file or device `path`, and what goes into them. Nothing is written.
    ///
    /// # Errors
    /// [`InstallError`]: the medium is not what the layout says, or contents are missing.
    pub fn new(
        layout: &Layout,
        medium: Medium,
        disk: &dyn Disk,
        path: &Path,
        sources: &Sources,
    ) -> Result<Self, InstallError> {
        let found = matching::find(layout, medium, disk)?;
        let mut parts = Vec::new();
        for (partition, found) in matching::renewed(&found) {
            let found = found.ok_or_else(|| matching::missing(partition))?;
            parts.push((partition, Part::of(partition, found, disk, path)?));
        }
        let newest = parts.iter().max_by_key(|(_, part)| part.held().newest());
        let (label, newest) = newest.map(|(_, part)| (part.label.clone(), part.held().newest())).unwrap_or_default();
        let generation = Marker::after(newest).ok_or(InstallError::LastGeneration { label, generation: newest })?;
        let partuuid = |label: &str| {
            let all = found.iter().filter_map(|(partition, found)| Some((partition, found.as_ref()?)));
            all.filter(|(partition, _)| partition.label == label).map(|(_, found)| found.partuuid.clone()).next()
        };
        let mut renewals = Vec::new();
        // What is there is compared with the same contents once more: each has a budget of its own.
        let (new, unchanged) = (RefCell::new(sources.reading()), RefCell::new(sources.reading()));
        for (partition, part) in parts {
            let follow = volume::follows_links(&partition.format);
            let items = |generation, reading: &RefCell<Reading>| {
                let names = Names { partuuid: &partuuid, generation };
                let mut items = sources.items(&partition.copy_files, follow, &names, &mut reading.borrow_mut())?;
                items.retain(|item| !item.once);
                Ok::<_, ContentError>(items)
            };
            let items_now = items(part.held().current.generation, &unchanged)?;
            let renewal = Renewal { items: items(generation, &new)?, unchanged: items_now, part };
            // Where this system has nothing, and the last had nothing either, there is nothing to do.
            if !renewal.items.is_empty() || !renewal.part.held().current.files.is_empty() {
                renewals.push(renewal);
            }
        }
        // The partition that firmware begins with is the first of every layout, and the last to change.
        renewals.reverse();
        let opened = new.into_inner().into_opened();
        if renewals.is_empty() { Err(InstallError::Nothing) } else { Ok(Self { parts: renewals, generation, opened }) }
    }

    /// The partitions, in the order in which they change.
    pub fn parts(&self) -> &[Renewal] {
        &self.parts
    }

    /// The source that is one of some files: to write there would change what is read.
    pub fn source_among(&self, files: &[FileId]) -> Option<&Path> {
        files.iter().find_map(|file| self.opened.get(file)).map(PathBuf::as_path)
    }

    /// What file systems do not keep of what goes onto them.
    pub fn unkept(&self) -> Vec<Unkept> {
        let unkept = |Renewal { part, items, .. }: &Renewal| Unkept::of(&part.label, part.volume(), items);
        self.parts.iter().flat_map(unkept).collect()
    }

    /// How many systems were installed to the medium, this one included.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether the medium holds this very system already, whole. All of it is read.
    ///
    /// # Errors
    /// [`InstallError`]: something cannot be read.
    pub fn is_there(&self, disk: &dyn Disk, path: &Path, watch: &dyn Watch) -> Result<bool, InstallError> {
        let boots = self.parts.last().map(|renewal| renewal.part.held().current.generation).unwrap_or_default();
        if !self.parts.iter().all(|renewal| renewal.part.held().has(boots)) {
            return Ok(false);
        }
        watch.begin("Comparing", self.parts.iter().flat_map(|renewal| &renewal.items).map(Item::size).sum());
        for Renewal { part, unchanged, .. } in &self.parts {
            let current = &part.held().current;
            let wanted = Marker::of(0, unchanged);
            let has_old = (&current.files, &current.attributes) != (&wanted.files, &wanted.attributes);
            if has_old || !part.holds(disk, path, unchanged, watch)? {
                return if watch.is_cancelled() { Err(InstallError::Cancelled) } else { Ok(false) };
            }
        }
        Ok(true)
    }

    /// Whether a change was cut off when everything that counts was done. An install, or the way back, does the
    /// rest; where neither is wanted, [`Self::stage_rest`] does.
    ///
    /// # Errors
    /// [`InstallError`]: something cannot be read.
    pub fn has_rest(&self, disk: &dyn Disk) -> Result<bool, InstallError> {
        let finished = self.parts.iter().map(|renewal| renewal.part.is_finished(disk));
        Ok(finished.collect::<Result<Vec<_>, _>>()?.contains(&false))
    }

    /// Does everything of [`Self::stage_rest`] that has no effect: finds the programs in `programs`.
    ///
    /// # Errors
    /// [`InstallError`]: a program is missing, or something cannot be read.
    pub fn check_rest(&self, disk: &dyn Disk, programs: &SearchPath) -> Result<(), InstallError> {
        for Renewal { part, .. } in &self.parts {
            if !part.is_finished(disk)? {
                part.check_change(&[], programs)?;
            }
        }
        Ok(())
    }

    /// Works out what changes that were cut off have left to do.
    ///
    /// # Errors
    /// As [`Self::stage`].
    pub fn stage_rest(&self, shop: Workshop<'_>) -> Result<Staged, InstallError> {
        let rests = self.parts.iter().filter_map(|renewal| renewal.part.finish(shop).transpose());
        Ok(Staged::new(rests.collect::<Result<_, _>>()?))
    }

    /// What has to be done first, if an install was cut off between two partitions: those that have the new system already go
    /// back to the one that boots, so that it is never without its parts. Plan anew afterwards.
    pub fn mending(&self) -> Option<RollbackPlan> {
        RollbackPlan::mending(&self.parts.iter().map(|renewal| renewal.part.clone()).collect::<Vec<_>>())
    }

    /// Does everything of [`Self::stage`] that has no effect: finds the programs in `programs`, and checks names.
    ///
    /// # Errors
    /// [`InstallError`]: a program is missing, or a file system cannot hold a name.
    pub fn check(&self, programs: &SearchPath) -> Result<(), InstallError> {
        self.parts.iter().try_for_each(|Renewal { part, items, .. }| part.check_change(items, programs))
    }

    /// Works out every write, without writing to the medium.
    ///
    /// # Errors
    /// [`InstallError`]: there is no room, a file system is damaged, or the medium has changed.
    pub fn stage(&self, shop: Workshop<'_>) -> Result<Staged, InstallError> {
        let total = self.parts.iter().flat_map(|renewal| &renewal.items).map(Item::size).sum();
        shop.watch.begin("Preparing", total);
        let mut updates = Vec::new();
        for Renewal { part, items, .. } in &self.parts {
            let marker = Marker::of(self.generation, items);
            let items: Vec<Item> = items.iter().cloned().chain([marker.item()]).collect();
            updates.push(part.update(shop, &items)?);
        }
        Ok(Staged::new(updates))
    }
}
