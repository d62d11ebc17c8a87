//! Bringing a file system up to date, and going back.

use std::fs::File;
use std::ops::Range;

use super::FatError;
use super::chains::Chains;
use super::files::FatFiles;
use super::folder;
use super::folder::Entry;
use super::folder::Stamp;
use super::geometry::Geometry;
use super::geometry::ROOT_CLUSTER;
use super::geometry::Root;
use super::tree::Source;
use super::tree::Tree;
use super::view::View;
use crate::Disk;
use crate::Item;
use crate::Watch;
use crate::held::Held;
use crate::keep::Keep;
use crate::keep::fold;
use crate::marker::Marker;
use crate::update::Step;
use crate::update::Update;

/// Directories in directories, and files in all, that are kept.
const MAX_DEPTH: usize = 64;
const MAX_FILES: usize = 100_000;

/// Head of a file system as it is on the medium.
pub(crate) struct Before {
    pub(crate) geometry: Geometry,
    pub(crate) head: Vec<u8>,
}

impl Before {
    pub(crate) fn read(disk: &dyn Disk, window: &Range<u64>) -> Result<Self, FatError> {
        let length = window.end - window.start;
        let mut boot = vec![0; length.min(4096) as usize];
        disk.read_at(window.start, &mut boot)?;
        let geometry = Geometry::read(&boot, length)?;
        // 2^28 clusters of 4 bytes in two FATs would be 2 GiB; the largest medium that anybody boots from has far less.
        if geometry.data > 512 << 20 {
            return Err(FatError::Damaged("its tables are larger than any that skiff makes".into()));
        }
        let mut head = vec![0; geometry.data as usize];
        disk.read_at(window.start, &mut head)?;
        Ok(Self { geometry, head })
    }
}

/// Plans the update of the file system in `window` of a disk, which holds `held`, to `items`. `scratch` is an empty file that must
/// outlive the update; what will be written lies in it.
pub(crate) fn update(
    disk: &dyn Disk,
    window: &Range<u64>,
    items: &[Item],
    held: &Held,
    scratch: &File,
    watch: &dyn Watch,
) -> Result<Update, FatError> {
    let before = Before::read(disk, window)?;
    let old_root = movable(&before.geometry)?;
    let there = FatFiles::of(disk, window, &before);
    let mut carried = carried(&there, "", &Keep::new(items, &held.current, true))?;
    if let Some(undone) = held.undone() {
        // What users had put into a system before they went back from it has to stay.
        let found = self::carried(&there, crate::PREVIOUS, &Keep::new(items, undone, true))?;
        let is_new = |one: &Carried| carried.iter().all(|other| fold(&other.path) != fold(&one.path));
        let is_own = |one: &Carried| one.path.eq_ignore_ascii_case(Marker::FILE);
        let found: Vec<_> = found.into_iter().filter(|one| !one.is_folder() && is_new(one) && !is_own(one)).collect();
        carried.extend(found);
    }
    let mut tree = self::tree(items)?;
    for Carried { path, source, stamp } in &carried {
        tree.add(path, *source, *stamp)?;
    }
    let geometry = before.geometry;
    let size = window.end - window.start;
    scratch.set_len(size)?;
    let mut result = Update::default();
    result.push(claim(&before, window.start));
    let mut view = View::over(disk, window.start, size, before.head.clone(), scratch);
    let mut chains = Chains::new(&mut view, geometry);
    let old = chains.root_folder()?;
    // The system before the last one gives its room to the new one. Its name goes first, since its clusters are taken next.
    if let Some(entry) = old.iter().find(|entry| entry.is_previous()) {
        result.push(removal(&chains, old_root, entry, window.start)?);
    }
    let kept = chains.reach(old_root, true)?;
    chains.align_copies();
    chains.free_others(&kept);
    let stays = old.iter().filter(|entry| !entry.is_previous() && !entry.is_label());
    let previous = stays.flat_map(|entry| entry.bytes.clone()).collect::<Vec<_>>();
    let mut entries = begin(&mut chains, &old, &previous)?;
    let root_size = entries.len() as u64 + tree.root_size()?;
    let chain = chains.take(root_size)?;
    let root = chain.first().copied().ok_or(FatError::Full)?;
    entries.extend(tree.plant(&mut chains, Some(&there), watch)?);
    chains.fill(&chain, &entries)?;
    chains.count_free();
    set_root(&mut view, &geometry, root);
    ordered(result, view, &before, root, window, scratch)
}

/// The tree of the items of an update. Fails where FAT cannot hold one of them.
pub(crate) fn tree(items: &[Item]) -> Result<Tree<'_>, FatError> {
    let tree = Tree::of(items)?;
    tree.root_size()?;
    Ok(tree)
}

/// The first cluster of the root directory. That of FAT12 and FAT16 has one place, and cannot be exchanged in one step.
pub(crate) fn movable(geometry: &Geometry) -> Result<u32, FatError> {
    geometry.root_cluster().ok_or(FatError::NotFat32(geometry.width.name()))
}

/// Plans the way back to the previous system. The present one becomes the previous one.
pub(crate) fn rollback(disk: &dyn Disk, window: &Range<u64>, scratch: &File) -> Result<Update, FatError> {
    let before = Before::read(disk, window)?;
    let geometry = before.geometry;
    let old_root = movable(&geometry)?;
    let size = window.end - window.start;
    scratch.set_len(size)?;
    let mut view = View::over(disk, window.start, size, before.head.clone(), scratch);
    let mut chains = Chains::new(&mut view, geometry);
    let old = chains.root_folder()?;
    let previous = old.iter().find(|entry| entry.is_previous()).ok_or(FatError::NoPrevious)?.cluster();
    let kept = chains.reach(old_root, false)?;
    chains.align_copies();
    chains.free_others(&kept);
    let back: Vec<Entry> = chains.folder(previous)?.into_iter().filter(|entry| !entry.is_dots()).collect();
    if back.is_empty() {
        return Err(FatError::NoPrevious);
    }
    let label = old.iter().filter(|entry| entry.is_label());
    let present = old.iter().filter(|entry| !entry.is_previous() && !entry.is_label());
    let present: Vec<u8> = present.flat_map(|entry| entry.bytes.clone()).collect();
    let chain = chains.take((folder::ENTRY * 2 + present.len()) as u64)?;
    let own = chain.first().copied().ok_or(FatError::Full)?;
    chains.fill(&chain, &[folder::dots(own, 0), present].concat())?;
    let mut bytes: Vec<u8> = label.flat_map(|entry| entry.bytes.clone()).collect();
    bytes.extend(folder::previous_entry(own));
    bytes.extend(back.into_iter().flat_map(|entry| entry.bytes));
    let root = chains.store(&bytes)?;
    chains.count_free();
    set_root(&mut view, &geometry, root);
    let mut result = Update::default();
    result.push(claim(&before, window.start));
    ordered(result, view, &before, root, window, scratch)
}

/// Whether the last change of the file system in `window` was written completely: the copy of its boot sector is written last.
pub(crate) fn is_finished(disk: &dyn Disk, window: &Range<u64>) -> Result<bool, FatError> {
    let Before { geometry, head } = Before::read(disk, window)?;
    // What cannot be changed in steps was never changed in steps.
    if geometry.root_cluster().is_none() {
        return Ok(true);
    }
    let root = |sector: u64| head.get(sector as usize + ROOT_CLUSTER..sector as usize + ROOT_CLUSTER + 4);
    Ok(geometry.backup.is_none_or(|backup| root(backup) == root(0)))
}

/// Plans what a change that was cut off has left to do.
pub(crate) fn finish(disk: &dyn Disk, window: &Range<u64>, scratch: &File) -> Result<Update, FatError> {
    let before = Before::read(disk, window)?;
    let size = window.end - window.start;
    scratch.set_len(size)?;
    let mut view = View::over(disk, window.start, size, before.head.clone(), scratch);
    let root = movable(&before.geometry)?;
    set_root(&mut view, &before.geometry, root);
    Chains::new(&mut view, before.geometry).align_copies();
    ordered(Update::default(), view, &before, root, window, scratch)
}

/// The step that says that a change has begun, and has not come to its end: a copy of the boot sector without a root directory.
fn claim(before: &Before, origin: u64) -> Step {
    let mut step = Step::default();
    let Some(at) = before.geometry.backup else { return step };
    let sector = before.head.get(at as usize..(at + before.geometry.sector) as usize);
    let mut sector = sector.map(<[u8]>::to_vec).unwrap_or_default();
    if let Some(root) = sector.get_mut(ROOT_CLUSTER..ROOT_CLUSTER + 4) {
        root.fill(0);
    }
    step.bytes(origin + at, sector);
    step
}

/// The step that takes the entry of the previous system away.
fn removal(chains: &Chains<'_, '_>, root: u32, entry: &Entry, origin: u64) -> Result<Step, FatError> {
    let (cluster, at) = chains.place_of(root, entry)?;
    let place = chains.place(cluster)? + at;
    let mut step = Step::default();
    // Media write whole sectors; a shorter write would be read, changed and written by the system.
    step.bytes(origin + place, vec![0xe5]);
    Ok(step)
}

/// Puts the previous system into a directory of its own. Returns what the new root directory begins with: the label, and that
/// directory.
fn begin(chains: &mut Chains<'_, '_>, old: &[Entry], previous: &[u8]) -> Result<Vec<u8>, FatError> {
    let chain = chains.take((folder::ENTRY * 2 + previous.len()) as u64)?;
    let own = chain.first().copied().ok_or(FatError::Full)?;
    chains.fill(&chain, &[folder::dots(own, 0), previous.to_vec()].concat())?;
    let mut bytes: Vec<u8> =
        old.iter().filter(|entry| entry.is_label()).flat_map(|entry| entry.bytes.clone()).collect();
    bytes.extend(folder::previous_entry(own));
    Ok(bytes)
}

fn set_root(view: &mut View<'_>, geometry: &Geometry, root: u32) {
    for sector in [Some(0), geometry.backup].into_iter().flatten() {
        let at = sector as usize + ROOT_CLUSTER;
        if let Some(place) = view.head.get_mut(at..at + 4) {
            place.copy_from_slice(&root.to_le_bytes());
        }
    }
}

/// Orders the writes: first what nobody looks at yet, then the boot sector, then what is no longer needed, at last the copy of
/// the boot sector.
fn ordered(
    mut result: Update,
    mut view: View<'_>,
    before: &Before,
    root: u32,
    window: &Range<u64>,
    scratch: &File,
) -> Result<Update, FatError> {
    view.settle()?;
    let geometry = Geometry { root: Root::Chain(root), ..before.geometry };
    let mut first = Step::default();
    for range in view.written.iter() {
        first.part(window.start, scratch, range)?;
    }
    let staged = view.head.clone();
    let slice = |head: &[u8], range: Range<u64>| {
        head.get(range.start as usize..range.end as usize).unwrap_or_default().to_vec()
    };
    let boot = |range: &Range<u64>| range.start < geometry.sector;
    let backup = |range: &Range<u64>| geometry.backup.is_some_and(|at| (range.start..range.end).contains(&at));
    for range in sectors(view.changed_head(&before.head, geometry.sector), &geometry) {
        if !boot(&range) && !backup(&range) {
            first.bytes(window.start + range.start, slice(&staged, range));
        }
    }
    result.push(first);
    let old_root = movable(&before.geometry)?;
    if root != old_root {
        let mut flip = Step::default();
        flip.bytes(window.start, slice(&staged, 0..geometry.sector));
        result.push(flip);
    }
    // From here on the new tree is the one that everybody sees.
    view.fresh = skiff_layout::Ranges::default();
    let mut chains = Chains::new(&mut view, geometry);
    if root != old_root {
        let gone = chains.chain(old_root)?;
        chains.free(&gone);
    }
    let entries = chains.folder(root)?;
    let previous = entries.iter().find(|entry| entry.is_previous()).map(Entry::cluster);
    let kept = chains.reach(root, false)?;
    chains.free_others(&kept);
    chains.count_free();
    chains.adopt(root, 0)?;
    if let Some(previous) = previous {
        // The previous directory itself is a child of the root directory, its directories are its own.
        chains.adopt(previous, previous)?;
    }
    view.settle()?;
    let mut clean = Step::default();
    for range in view.fresh.iter() {
        clean.part(window.start, scratch, range)?;
    }
    for range in self::sectors(view.changed_head(&staged, geometry.sector), &geometry) {
        clean.bytes(window.start + range.start, slice(&view.head, range));
    }
    result.push(clean);
    // The copy says that all of this is done.
    let mut copy = Step::default();
    if let Some(at) = geometry.backup {
        copy.bytes(window.start + at, slice(&staged, at..at + geometry.sector));
    }
    result.push(copy);
    Ok(result)
}

/// Splits ranges into sectors that stand alone where it matters: the boot sector and its copy.
fn sectors(ranges: Vec<Range<u64>>, geometry: &Geometry) -> Vec<Range<u64>> {
    // The reserved sectors, few, are split; the FATs stay in runs.
    let Geometry { sector, fat: reserved, .. } = *geometry;
    ranges
        .into_iter()
        .flat_map(|range| {
            let split = range.end.min(reserved).max(range.start);
            let single = (range.start..split).step_by(sector as usize).map(move |at| at..at + sector);
            single.chain((split < range.end).then_some(split..range.end))
        })
        .collect()
}

/// A file or directory of the old tree that the new one keeps, with its attributes and dates.
struct Carried {
    /// Where it will be.
    path: String,
    /// Where its contents are; none for a directory.
    source: Option<Source<'static>>,
    stamp: Stamp,
}

impl Carried {
    fn is_folder(&self) -> bool {
        self.source.is_none()
    }
}

/// Lists what of the old tree, or of that in a directory of it, stays.
fn carried(old: &FatFiles<'_>, base: &str, keep: &Keep) -> Result<Vec<Carried>, FatError> {
    let mut found: Vec<Carried> = Vec::new();
    let first = if base.is_empty() { 0 } else { old.find(base)?.map_or(0, |entry| entry.cluster()) };
    let mut pending = vec![(String::new(), first, 0)];
    while let Some((folder, first, depth)) = pending.pop() {
        if depth > MAX_DEPTH || found.len() > MAX_FILES {
            return Err(FatError::Damaged("it has more files, or deeper directories, than skiff copies".into()));
        }
        for entry in old.entries(first)? {
            let name = entry.name();
            if folder.is_empty() && (entry.is_previous() || name.eq_ignore_ascii_case(crate::PREVIOUS)) {
                continue;
            }
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            // A name that is no text would take the place of another that is none.
            if name.contains([char::REPLACEMENT_CHARACTER, '/']) || matches!(name.as_str(), "" | "." | "..") {
                return Err(FatError::Name { name: path, why: "is not a text".into() });
            }
            if entry.is_folder() {
                if entry.cluster() == 0 {
                    return Err(FatError::Damaged(format!("the directory `{path}` is nowhere")));
                }
                pending.push((path.clone(), entry.cluster(), depth + 1));
            }
            if keep.keeps(&path, entry.is_folder()) {
                let size = entry.size();
                let source = (!entry.is_folder()).then_some(Source::There { first: entry.cluster(), size });
                found.push(Carried { path, source, stamp: entry.stamp() });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}
