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

use crate::Disk;
use crate::Ext4Error;
use crate::FatError;
use crate::InstallError;
use crate::Item;
use crate::Watch;
use crate::ext4;
use crate::ext4::Ext4Files;
use crate::fat;
use crate::fat::FatFiles;
use crate::files::Files;
use crate::held::Held;
use crate::update::Update;

/// A partition of a medium that installs bring up to date.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its label.
    pub label: String,
    /// Its bytes on the medium.
    pub range: Range<u64>,
    /// Its number, as Linux counts.
    pub number: u32,
    format: Format,
    held: Held,
}

/// What is needed to work out the writes of a partition.
#[derive(Clone, Copy)]
pub struct Workshop<'w> {
    /// The medium.
    pub disk: &'w dyn Disk,
    /// The file or device that it is.
    pub path: &'w Path,
    /// Where programs are looked for.
    pub programs: &'w OsStr,
    /// A directory with room for everything that will be written.
    pub scratch: &'w Path,
    /// The time that what is made bears, in seconds since 1970.
    pub epoch: u32,
    /// Told how long it goes on.
    pub watch: &'w dyn Watch,
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
            format: partition.format.clone(),
            held: Held::default(),
        };
        if part.is_fat() {
            // Said before anything is worked out.
            let files = FatFiles::open(disk, &part.range).map_err(|error| part.fat(error))?;
            fat::movable(files.geometry()).map_err(|error| part.fat(error))?;
        }
        part.held = part.look(disk, path, Held::read)?.ok_or_else(|| InstallError::Foreign(part.label.clone()))?;
        Ok(part)
    }

    /// Whether it has FAT.
    pub(crate) fn is_fat(&self) -> bool {
        self.format == Format::Vfat
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

    /// Works out the writes of an install.
    pub(crate) fn update(&self, shop: Workshop<'_>, items: &[Item]) -> Result<Update, InstallError> {
        self.check(shop)?;
        let Workshop { disk, path, programs, scratch, epoch, watch } = shop;
        self.within(match self.format {
            Format::Vfat => {
                let scratch = tempfile::tempfile_in(scratch)?;
                let update = fat::update(disk, &self.range, items, &self.held, &scratch, watch);
                update.map_err(|error| self.fat(error))?
            }
            _ => {
                let tools = ext4::Tools::new(programs, epoch, scratch).map_err(|error| self.ext4(error))?;
                let update = ext4::update(&tools, disk, path, &self.range, items, &self.held, watch);
                update.map_err(|error| self.ext4(error))?
            }
        })
    }

    /// Works out the writes of the way back.
    pub(crate) fn rollback(&self, shop: Workshop<'_>) -> Result<Update, InstallError> {
        self.check(shop)?;
        let Workshop { disk, path, programs, scratch, epoch, .. } = shop;
        self.within(match self.format {
            Format::Vfat => {
                let scratch = tempfile::tempfile_in(scratch)?;
                fat::rollback(disk, &self.range, &scratch).map_err(|error| self.fat(error))?
            }
            _ => {
                let tools = ext4::Tools::new(programs, epoch, scratch).map_err(|error| self.ext4(error))?;
                let update = ext4::rollback(&tools, disk, path, &self.range, &self.held.current);
                update.map_err(|error| self.ext4(error))?
            }
        })
    }

    /// Whether the last change came to its end, also where nobody looks.
    pub(crate) fn is_tidy(&self, disk: &dyn Disk) -> Result<bool, InstallError> {
        match self.format {
            Format::Vfat => fat::is_tidy(disk, &self.range).map_err(|error| self.fat(error)),
            _ => ext4::is_tidy(disk, &self.range).map_err(|source| self.unreadable(source)),
        }
    }

    /// Works out what a change that was cut off has left to do, where nobody looks; none if it has left nothing.
    pub(crate) fn tidy(&self, shop: Workshop<'_>) -> Result<Option<Update>, InstallError> {
        self.check(shop)?;
        if self.is_tidy(shop.disk)? {
            return Ok(None);
        }
        let Workshop { disk, path, programs, scratch, epoch, .. } = shop;
        let update = match self.format {
            Format::Vfat => {
                let scratch = tempfile::tempfile_in(scratch)?;
                fat::tidy(disk, &self.range, &scratch).map_err(|error| self.fat(error))?
            }
            _ => {
                let tools = ext4::Tools::new(programs, epoch, scratch).map_err(|error| self.ext4(error))?;
                ext4::tidy(&tools, disk, path, &self.range).map_err(|error| self.ext4(error))?
            }
        };
        self.within(update).map(Some)
    }

    /// What was seen when the plan was made has to be there still.
    fn check(&self, shop: Workshop<'_>) -> Result<(), InstallError> {
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
        let found = match self.format {
            Format::Vfat => {
                let files = FatFiles::open(disk, &self.range).map_err(|error| self.fat(error))?;
                ask(&files)
            }
            _ => ask(&Ext4Files::open(path, &self.range).map_err(|source| self.unreadable(source))?),
        };
        found.map_err(|source| self.unreadable(source))
    }

    fn within(&self, update: Update) -> Result<Update, InstallError> {
        match update.stays_within(&self.range) {
            true => Ok(update),
            false => Err(InstallError::Outside(self.label.clone())),
        }
    }

    fn unreadable(&self, source: io::Error) -> InstallError {
        InstallError::Unreadable { label: self.label.clone(), source }
    }

    fn fat(&self, source: FatError) -> InstallError {
        InstallError::Fat { label: self.label.clone(), source }
    }

    fn ext4(&self, source: Ext4Error) -> InstallError {
        InstallError::Ext4 { label: self.label.clone(), source }
    }
}

/// A partition of the layout, with the one of the medium that is it.
pub(crate) type Match<'l> = (&'l Partition, Option<FoundPartition>);

/// Those that an install renews. The others are not opened: what users keep is behind this line.
pub(crate) fn renewed<'m, 'l>(
    found: &'m [Match<'l>],
) -> impl Iterator<Item = (&'l Partition, Option<&'m FoundPartition>)> {
    let renewed = found.iter().filter(|(partition, _)| partition.is_renewed());
    renewed.map(|(partition, found)| (*partition, found.as_ref()))
}

/// The partitions of the layout, each with the one of the medium that has its file system and label.
pub(crate) fn find<'l>(layout: &'l Layout, medium: Medium, disk: &dyn Disk) -> Result<Vec<Match<'l>>, InstallError> {
    let found = Found::read(medium, |offset, buffer| disk.read_at(offset, buffer))?;
    let mut labels = Vec::new();
    for partition in found.partitions {
        labels.push((label(disk, &partition.range)?, partition));
    }
    let mut matches = Vec::new();
    for partition in &layout.partitions {
        let is_it = |(label, _): &&(Label, FoundPartition)| match (&partition.format, label) {
            // FAT knows no small letters, and Linux compares what is there.
            (Format::Vfat, Label::Fat(label)) => label.eq_ignore_ascii_case(partition.volume()),
            (Format::Ext4 { .. }, Label::Ext4(label)) => label == partition.volume(),
            _ => false,
        };
        let mut all = labels.iter().filter(is_it).map(|(_, found)| found);
        let found = all.next();
        if let (Some(one), Some(other)) = (found, all.next()) {
            return Err(InstallError::Ambiguous(one.number, other.number, partition.label.clone()));
        }
        matches.push((partition, found.cloned()));
    }
    Ok(matches)
}

pub(crate) fn missing(partition: &Partition) -> InstallError {
    let format = match partition.format {
        Format::Vfat => "FAT",
        Format::Ext4 { .. } => "ext4",
        Format::Empty => "a file system",
    };
    InstallError::NotFormatted { label: partition.label.clone(), format }
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
    // ext4: a superblock at 1024 with its magic at 56 and the label at 120. FAT32: the label at 71, its type at 82; FAT12 and
    // FAT16: at 43 and 54.
    Ok(if start.get(1080..1082) == Some(&[0x53, 0xef]) {
        Label::Ext4(text(1144, 16))
    } else if start.get(82..87) == Some(b"FAT32") {
        Label::Fat(text(71, 11))
    } else if matches!(start.get(54..59), Some(b"FAT12" | b"FAT16")) {
        Label::Fat(text(43, 11))
    } else {
        Label::Other
    })
}
