//! The partitions of a layout, and those of a medium that are them.

use skiff_layout::Found;
use skiff_layout::FoundPartition;
use skiff_layout::Layout;
use skiff_layout::Medium;
use skiff_layout::Partition;

use crate::Disk;
use crate::InstallError;
use crate::volume;
use crate::volume::Volume;

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
    let mut volumes = Vec::new();
    for partition in found.partitions {
        let mut head = vec![0; volume::HEAD.min(partition.range.end - partition.range.start) as usize];
        disk.read_at(partition.range.start, &mut head)?;
        volumes.extend(volume::detect(&head).map(|(volume, label)| (volume, label, partition)));
    }
    let mut matches = Vec::new();
    for partition in &layout.partitions {
        let is_it = |(volume, label, _): &&(&dyn Volume, String, FoundPartition)| {
            volume.is_for(&partition.format) && volume.is_same_label(label, partition.volume())
        };
        let mut all = volumes.iter().filter(is_it).map(|(_, _, found)| found);
        let found = all.next();
        if let (Some(one), Some(other)) = (found, all.next()) {
            return Err(InstallError::Ambiguous(one.number, other.number, partition.label.clone()));
        }
        matches.push((partition, found.cloned()));
    }
    Ok(matches)
}

/// The error where no partition of the medium is that of the layout.
pub(crate) fn missing(partition: &Partition) -> InstallError {
    let format = volume::of(&partition.format).map_or("a file system", Volume::name);
    InstallError::NotFormatted { label: partition.label.clone(), format }
}
