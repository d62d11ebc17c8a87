//! Images: what a layout comes to, as a file.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::num::NonZero;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use sha2::Digest as _;
use sha2::Sha256;
use skiff_layout::Bmap;
use skiff_layout::Format;
use skiff_layout::Ids;
use skiff_layout::Layout;
use skiff_layout::Medium;
use skiff_layout::Placed;
use skiff_layout::PlacedPartition;
use skiff_layout::Ranges;

use crate::BuildError;
use crate::ContentError;
use crate::Ext4Error;
use crate::FatError;
use crate::FileId;
use crate::Item;
use crate::PlanError;
use crate::SourceFile;
use crate::Sources;
use crate::Unkept;
use crate::Watch;
use crate::edits::Names;
use crate::ext4;
use crate::fat;
use crate::item;
use crate::keep::fold;
use crate::marker::Marker;
use skiff_text::Shown as _;

/// What is made zero at both ends of a medium, so that nobody finds the table or file system that was there before.
const EDGE: u64 = 1 << 20;

/// Bytes copied at a time.
const CHUNK: u64 = 1 << 20;

/// Bytes of the largest range of a map: several are digested at once.
const PIECE: u64 = 16 << 20;

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
            let follow = partition.format == Format::Vfat;
            let mut own = sources.items(&partition.copy_files, follow, &names, &mut reading)?;
            let marker = Marker::of(0, &own);
            if partition.is_renewed() && !marker.files.is_empty() {
                own.push(marker.item());
            }
            if partition.format == Format::Empty && !own.is_empty() {
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
            if partition.copy_blocks.is_some() && partition.format != Format::Empty {
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
            let follow = partition.format == Format::Vfat;
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

    /// Adds what is the user's own: to the first partition with FAT, where `shared`, or to the one in which users keep things,
    /// the last with ext4. What has the same place there gives way. Returns whether there is such a partition.
    pub fn add(&mut self, shared: bool, own: Vec<Item>) -> bool {
        let mut parts = self.placed.partitions().iter();
        let found = match shared {
            true => parts.position(|part| part.partition.format == Format::Vfat),
            false => parts.rposition(|part| matches!(part.partition.format, Format::Ext4 { .. })),
        };
        let Some(items) = found.and_then(|number| self.items.get_mut(number)) else { return false };
        let key = |item: &Item| if shared { fold(&item.target) } else { item.target.clone() };
        let taken: std::collections::BTreeSet<String> = own.iter().map(key).collect();
        items.retain(|item| !taken.contains(&key(item)));
        items.extend(own);
        items.sort_by(|one, other| one.target.cmp(&other.target));
        true
    }

    /// What FAT does not keep of what goes onto it.
    pub fn unkept(&self) -> Vec<Unkept> {
        let parts = self.placed.partitions().iter().zip(&self.items);
        let fat = parts.filter(|(placed, _)| placed.partition.format == Format::Vfat);
        fat.flat_map(|(placed, items)| Unkept::of(&placed.partition.label, items)).collect()
    }

    /// The partitions with FAT12 or FAT16 that an install would have to bring up to date, and cannot: their labels.
    pub fn unrenewable(&self) -> Vec<&str> {
        let sector = self.placed.medium().sector;
        let is_narrow = |placed: &&PlacedPartition| {
            placed.partition.format == Format::Vfat
                && placed.partition.is_renewed()
                && !skiff_layout::fits_fat32(placed.range.end - placed.range.start, sector)
        };
        self.placed.partitions().iter().filter(is_narrow).map(|placed| placed.partition.label.as_str()).collect()
    }

    /// Bytes of all contents.
    pub fn content_size(&self) -> u64 {
        let items = self.items.iter().flatten().map(Item::size);
        let files = self.raw.iter().chain(self.blocks.iter().flatten()).map(|file| file.size);
        items.chain(files).fold(0, u64::saturating_add)
    }
}

/// An image in a file, and which of its bytes matter.
#[derive(Debug)]
pub struct Image {
    /// The file. What does not matter is a hole in it.
    pub file: File,
    /// Its size in bytes.
    pub size: u64,
    /// What has to be on the medium, zeros included, in blocks of bmap.
    pub mapped: Ranges,
}

/// Where the programs that make file systems are, and where they work.
#[derive(Debug, Clone, Copy)]
pub struct Toolbox<'t> {
    /// Where e2fsprogs are looked for, as in `PATH`.
    pub programs: &'t OsStr,
    /// A directory for what they are given, removed when they are done.
    pub scratch: &'t Path,
}

impl Image {
    /// Makes the image of a plan in `file`, the empty file `path`.
    ///
    /// # Errors
    /// [`BuildError`]; the file then holds nothing of use.
    pub fn build(
        plan: &Plan,
        file: File,
        path: &Path,
        toolbox: Toolbox<'_>,
        watch: &dyn Watch,
    ) -> Result<Self, BuildError> {
        let size = plan.placed.medium().size;
        let at = |source| BuildError::Io { path: path.shown().to_string(), source };
        file.set_len(size).map_err(at)?;
        let mut mapped = Ranges::default();
        watch.begin("Making the image", plan.content_size());
        // Each is made by a thread of its own: they have nothing in common but the file.
        let made = std::thread::scope(|scope| {
            let threads: Vec<_> = plan
                .placed
                .partitions()
                .iter()
                .zip(plan.items.iter().zip(&plan.blocks))
                .map(|(placed, (items, blocks))| {
                    let file = &file;
                    scope.spawn(move || partition(plan, placed, items, blocks.as_ref(), file, path, toolbox, watch))
                })
                .collect();
            let failed =
                || BuildError::Io { path: path.shown().to_string(), source: io::Error::other("a thread failed") };
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(failed()))).collect::<Vec<_>>()
        });
        for (made, placed) in made.into_iter().zip(plan.placed.partitions()) {
            mapped.add_moved(&made?, placed.range.start);
        }
        for (placed, source) in plan.placed.raw().iter().zip(&plan.raw) {
            copy_file(source, placed.raw.skip, &file, &placed.range, watch)?;
            mapped.add(placed.range.clone());
        }
        for patch in plan.placed.table(&plan.ids)? {
            file.write_all_at(&patch.bytes, patch.offset).map_err(at)?;
            mapped.add(patch.offset..patch.offset + patch.bytes.len() as u64);
        }
        mapped.add(0..EDGE.min(size));
        mapped.add(size.saturating_sub(EDGE)..size);
        match watch.is_cancelled() {
            true => Err(BuildError::Cancelled),
            false => Ok(Self { file, size, mapped: Bmap::blocks(&mapped, size) }),
        }
    }

    /// The map of what matters, with the digests of what is there.
    ///
    /// # Errors
    /// Those of reading.
    pub fn map(&self) -> io::Result<Bmap> {
        let pieces: Vec<Range<u64>> = self.mapped.iter().flat_map(|range| split(range, PIECE)).collect();
        let next = AtomicUsize::new(0);
        let digests = || {
            let mut found = Vec::new();
            let mut buffer = vec![0; CHUNK as usize];
            // Whoever is free takes the next.
            while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                found.push((piece.clone(), Some(self.digest(piece, &mut buffer)?)));
            }
            Ok::<_, io::Error>(found)
        };
        let count = std::thread::available_parallelism().map_or(1, NonZero::get).min(pieces.len()).max(1);
        let found = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..count).map(|_| scope.spawn(digests)).collect();
            let failed = || io::Error::other("a thread failed");
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(failed()))).collect::<Vec<_>>()
        });
        let mut ranges = Vec::new();
        for found in found {
            ranges.extend(found?);
        }
        ranges.sort_by_key(|(range, _)| range.start);
        Ok(Bmap::new(self.size, ranges))
    }

    fn digest(&self, range: &Range<u64>, buffer: &mut [u8]) -> io::Result<[u8; 32]> {
        let mut digest = Sha256::new();
        // A block that is not whole at the end counts as far as it goes, as for bmaptool.
        for chunk in split(range.clone(), buffer.len() as u64) {
            let part = buffer.get_mut(..(chunk.end - chunk.start) as usize).unwrap_or_default();
            self.file.read_exact_at(part, chunk.start)?;
            digest.update(&*part);
        }
        Ok(digest.finalize().into())
    }
}

/// Cuts a range into pieces of up to `size` bytes.
fn split(range: Range<u64>, size: u64) -> impl Iterator<Item = Range<u64>> {
    let end = range.end;
    range.step_by(size as usize).map(move |start| start..end.min(start + size))
}

#[expect(clippy::too_many_arguments, reason = "what a thread needs, each a different thing")]
fn partition(
    plan: &Plan,
    placed: &PlacedPartition,
    items: &[Item],
    blocks: Option<&SourceFile>,
    file: &File,
    path: &Path,
    toolbox: Toolbox<'_>,
    watch: &dyn Watch,
) -> Result<Ranges, BuildError> {
    let PlacedPartition { partition, range, .. } = placed;
    let size = range.end - range.start;
    let label = partition.label.clone();
    match &partition.format {
        Format::Empty => {
            let mut mapped = Ranges::default();
            mapped.add(0..EDGE.min(size));
            if let Some(source) = blocks {
                let range = range.start..range.start + source.size;
                copy_file(source, 0, file, &range, watch)?;
                mapped.add(0..source.size);
            }
            Ok(mapped)
        }
        Format::Vfat => {
            let naming = fat::Naming {
                label: partition.volume(),
                serial: plan.ids.serial(&label),
                sector: plan.placed.medium().sector,
            };
            fat::make(file, range.start, size, naming, items, watch).map_err(|source| match source {
                FatError::Cancelled => BuildError::Cancelled,
                source => BuildError::Fat { label, source },
            })
        }
        Format::Ext4 { features } => {
            let make = || {
                let tools = ext4::Tools::new(toolbox.programs, plan.epoch, toolbox.scratch)?;
                let naming = ext4::Naming {
                    label: partition.volume(),
                    uuid: plan.ids.file_system(&label),
                    hash_seed: plan.ids.hash_seed(&label),
                    features,
                    renewed: partition.is_renewed(),
                };
                ext4::make(&tools, path, range.start, size, naming, items, watch)
            };
            make().map_err(|source| match source {
                Ext4Error::Cancelled => BuildError::Cancelled,
                source => BuildError::Ext4 { label: label.clone(), source },
            })
        }
    }
}

/// Copies a file to `range` of another, its first `skip` bytes left out.
fn copy_file(
    source: &SourceFile,
    skip: u64,
    to: &File,
    range: &Range<u64>,
    watch: &dyn Watch,
) -> Result<(), BuildError> {
    let failed = |error| BuildError::Io { path: source.path.shown().to_string(), source: error };
    let from = item::open(&source.path, source.size).map_err(failed)?;
    let mut buffer = vec![0; CHUNK as usize];
    let mut at = range.start;
    while at < range.end {
        if watch.is_cancelled() {
            return Err(BuildError::Cancelled);
        }
        let part = buffer.get_mut(..CHUNK.min(range.end - at) as usize).unwrap_or_default();
        from.read_exact_at(part, skip + at - range.start).map_err(failed)?;
        to.write_all_at(part, at).map_err(failed)?;
        at += part.len() as u64;
        watch.advance(part.len() as u64);
    }
    Ok(())
}
