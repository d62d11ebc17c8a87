//! Bringing the system on a formatted medium up to date.

use std::ffi::OsStr;
use std::io;
use std::ops::Range;
use std::path::Path;

use skiff_layout::Format;
use skiff_layout::Found;
use skiff_layout::FoundPartition;
use skiff_layout::Layout;
use skiff_layout::Medium;
use skiff_layout::Partition;
use skiff_layout::TableError;

use crate::ContentError;
use crate::Disk;
use crate::Ext4Error;
use crate::FatError;
use crate::Item;
use crate::Sources;
use crate::Update;
use crate::Watch;
use crate::ext4;
use crate::fat;

/// What an install changes: some partitions of a medium, and nothing else of it.
#[derive(Debug)]
pub struct InstallPlan {
    parts: Vec<Part>,
    epoch: u32,
}

/// A partition that is brought up to date.
#[derive(Debug)]
pub struct Part {
    /// Its label.
    pub label: String,
    /// Its bytes on the medium.
    pub range: Range<u64>,
    /// Its number, as Linux counts.
    pub number: u32,
    format: Format,
    /// What goes into it; nothing on the way back.
    pub items: Vec<Item>,
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
    #[error("nothing of this layout is renewed by an install")]
    Nothing,
    /// Contents are missing.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// A partition resists.
    #[error("partition `{label}`: {source}")]
    Fat {
        /// The partition.
        label: String,
        /// Why.
        source: FatError,
    },
    /// A partition resists.
    #[error("partition `{label}`: {source}")]
    Ext4 {
        /// The partition.
        label: String,
        /// Why.
        source: Ext4Error,
    },
    /// No partition holds a previous system.
    #[error("the medium holds no previous system")]
    NoPrevious,
    /// A change that would leave its partition: a fault of skiff, found before anything was written.
    #[error("the change of partition `{0}` would leave it")]
    Outside(String),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl InstallPlan {
    /// Finds the partitions of a layout on a medium, and what goes into them. Nothing is written.
    ///
    /// # Errors
    /// [`InstallError`]: the medium is not what the layout says, or contents are missing.
    pub fn new(layout: &Layout, medium: Medium, disk: &dyn Disk, sources: &Sources) -> Result<Self, InstallError> {
        let found = find(layout, medium, disk)?;
        let partuuid = |label: &str| {
            let all = found.iter().filter_map(|(partition, found)| Some((partition, found.as_ref()?)));
            all.filter(|(partition, _)| partition.label == label).map(|(_, found)| found.partuuid.clone()).next()
        };
        let mut parts = Vec::new();
        for (partition, found) in &found {
            // What is only put there once is no reason to open a partition: what users keep is behind this line.
            if partition.keep || partition.copy_files.iter().all(|content| content.once) {
                continue;
            }
            if found.is_none() {
                return Err(missing(partition));
            }
            let follow = partition.format == Format::Vfat;
            let items = sources.items(&partition.copy_files, follow, &partuuid)?;
            if items.iter().all(|item| item.once) {
                continue;
            }
            parts.push(part(partition, found.as_ref(), items)?);
        }
        Self::of_parts(parts, sources.epoch)
    }

    /// Finds the partitions of a layout that may hold a previous system.
    ///
    /// # Errors
    /// [`InstallError`]: the medium is not what the layout says.
    pub fn back(layout: &Layout, medium: Medium, disk: &dyn Disk, epoch: u32) -> Result<Self, InstallError> {
        let mut parts = Vec::new();
        let found = find(layout, medium, disk)?;
        if let Some((partition, _)) = found.first().filter(|_| found.iter().all(|(_, found)| found.is_none())) {
            return Err(missing(partition));
        }
        for (partition, found) in &found {
            if !partition.keep && partition.copy_files.iter().any(|content| !content.once) && found.is_some() {
                parts.push(part(partition, found.as_ref(), Vec::new())?);
            }
        }
        Self::of_parts(parts, epoch)
    }

    /// The partition that firmware begins with is the first of every layout, and the last to change.
    fn of_parts(mut parts: Vec<Part>, epoch: u32) -> Result<Self, InstallError> {
        parts.reverse();
        if parts.is_empty() { Err(InstallError::Nothing) } else { Ok(Self { parts, epoch }) }
    }

    /// The partitions, in the order in which they change.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Works out every write, without writing to the medium, which is the file or device `path`. `scratch` is a folder with room
    /// for everything that will be written.
    ///
    /// # Errors
    /// [`InstallError`]: there is no room, or a file system is damaged.
    pub fn stage(
        &self,
        disk: &dyn Disk,
        path: &Path,
        programs: &OsStr,
        scratch: &Path,
        watch: &dyn Watch,
    ) -> Result<Staged, InstallError> {
        let total = self.parts.iter().flat_map(|part| &part.items).map(Item::size).sum();
        watch.begin("Preparing", total);
        self.each(|part| {
            let staged = match &part.format {
                Format::Vfat => {
                    let scratch = tempfile::tempfile_in(scratch)?;
                    fat::update(disk, &part.range, &part.items, &scratch, watch).map_err(|error| part.fat(error))?
                }
                _ => {
                    let tools = ext4::Tools::new(programs, self.epoch, scratch).map_err(|error| part.ext4(error))?;
                    let update = ext4::update(&tools, disk, path, &part.range, &part.items, watch);
                    update.map_err(|error| part.ext4(error))?
                }
            };
            Ok(Some(staged))
        })
    }

    /// Works out every write of the way back.
    ///
    /// # Errors
    /// [`InstallError::NoPrevious`] if no partition holds a previous system, and others.
    pub fn stage_back(
        &self,
        disk: &dyn Disk,
        path: &Path,
        programs: &OsStr,
        scratch: &Path,
    ) -> Result<Staged, InstallError> {
        let staged = self.each(|part| match &part.format {
            Format::Vfat => match fat::rollback(disk, &part.range, &tempfile::tempfile_in(scratch)?) {
                Err(FatError::NoPrevious) => Ok(None),
                other => other.map(Some).map_err(|error| part.fat(error)),
            },
            _ => {
                let tools = ext4::Tools::new(programs, self.epoch, scratch).map_err(|error| part.ext4(error))?;
                match ext4::rollback(&tools, disk, path, &part.range) {
                    Err(Ext4Error::NoPrevious) => Ok(None),
                    other => other.map(Some).map_err(|error| part.ext4(error)),
                }
            }
        })?;
        if staged.updates.is_empty() { Err(InstallError::NoPrevious) } else { Ok(staged) }
    }

    fn each(&self, stage: impl Fn(&Part) -> Result<Option<Update>, InstallError>) -> Result<Staged, InstallError> {
        let mut updates = Vec::new();
        for part in &self.parts {
            let Some(update) = stage(part)? else { continue };
            if !update.stays_within(&part.range) {
                return Err(InstallError::Outside(part.label.clone()));
            }
            updates.push(update);
        }
        Ok(Staged { updates })
    }
}

impl Part {
    fn fat(&self, source: FatError) -> InstallError {
        InstallError::Fat { label: self.label.clone(), source }
    }

    fn ext4(&self, source: Ext4Error) -> InstallError {
        InstallError::Ext4 { label: self.label.clone(), source }
    }
}

/// Every write of an install, worked out.
#[derive(Debug)]
pub struct Staged {
    updates: Vec<Update>,
}

impl Staged {
    /// Bytes that are written.
    pub fn total(&self) -> u64 {
        self.updates.iter().map(Update::total).sum()
    }

    /// Writes it. A cut at any point leaves a medium that boots the old system or the new one.
    ///
    /// # Errors
    /// Those of the medium.
    pub fn commit(&self, disk: &dyn Disk, watch: &dyn Watch) -> io::Result<()> {
        watch.begin("Writing", self.total());
        self.updates.iter().try_for_each(|update| update.commit(disk, watch))
    }
}

/// The partitions of the layout, each with the one of the medium that has its file system and label.
fn find<'l>(
    layout: &'l Layout,
    medium: Medium,
    disk: &dyn Disk,
) -> Result<Vec<(&'l Partition, Option<FoundPartition>)>, InstallError> {
    let found = Found::read(medium, |offset, buffer| disk.read_at(offset, buffer))?;
    let mut labels = Vec::new();
    for partition in found.partitions {
        labels.push((label(disk, &partition.range)?, partition));
    }
    let matching = |partition: &Partition| {
        let is_it = |(label, _): &&(Label, FoundPartition)| match (&partition.format, label) {
            // FAT knows no small letters, and Linux compares what is there.
            (Format::Vfat, Label::Fat(label)) => label.eq_ignore_ascii_case(&partition.label),
            (Format::Ext4 { .. }, Label::Ext4(label)) => *label == partition.label,
            _ => false,
        };
        labels.iter().find(is_it).map(|(_, found)| found.clone())
    };
    Ok(layout.partitions.iter().map(|partition| (partition, matching(partition))).collect())
}

fn missing(partition: &Partition) -> InstallError {
    let format = match partition.format {
        Format::Vfat => "FAT32",
        Format::Ext4 { .. } => "ext4",
        Format::Empty => "a file system",
    };
    InstallError::NotFormatted { label: partition.label.clone(), format }
}

fn part(partition: &Partition, found: Option<&FoundPartition>, items: Vec<Item>) -> Result<Part, InstallError> {
    let found = found.ok_or_else(|| missing(partition))?;
    Ok(Part {
        label: partition.label.clone(),
        range: found.range.clone(),
        number: found.number,
        format: partition.format.clone(),
        items,
    })
}

/// The label of a file system, by its kind.
enum Label {
    Fat(String),
    Ext4(String),
    Other,
}

fn label(disk: &dyn Disk, range: &Range<u64>) -> io::Result<Label> {
    let mut start = vec![0; 2048.min(usize::try_from(range.end - range.start).unwrap_or(2048))];
    disk.read_at(range.start, &mut start)?;
    let text = |at: usize, length: usize| {
        let bytes = start.get(at..at + length).unwrap_or_default();
        let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(bytes).trim_end().to_owned()
    };
    // ext4: a superblock at 1024 with its magic at 56 and the label at 120. FAT32: the label at 71, its type at 82.
    Ok(if start.get(1080..1082) == Some(&[0x53, 0xef]) {
        Label::Ext4(text(1144, 16))
    } else if start.get(82..87) == Some(b"FAT32") {
        Label::Fat(text(71, 11))
    } else {
        Label::Other
    })
}
