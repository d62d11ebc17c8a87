//! Bringing a file system up to date, and going back.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use super::Ext4Error;
use super::copy::Copy;
use super::script;
use super::tools::Place;
use super::tools::Tools;
use super::tools::quoted;
use super::tree;
use super::tree::Entry;
use crate::Disk;
use crate::Item;
use crate::ItemKind;
use crate::Watch;
use crate::held::Held;
use crate::keep::Keep;
use crate::keep::parents;
use crate::marker::Marker;
use crate::update::Update;

/// The directory in which the system before the last update is kept.
const PREVIOUS: &str = crate::PREVIOUS;

const NEXT: &str = crate::NEXT;

/// Plans the update of the file system in `window` of a disk that is the file or device `path`, which holds `held`, to `items`.
pub(crate) fn update(
    tools: &Tools,
    disk: &dyn Disk,
    path: &Path,
    window: &Range<u64>,
    items: &[Item],
    held: &Held,
    watch: &dyn Watch,
) -> Result<Update, Ext4Error> {
    let mut copy = Copy::of(tools, disk, path, window)?;
    if watch.is_cancelled() {
        return Err(Ext4Error::Cancelled);
    }
    let place = copy.place.clone();
    let place = &place;
    let old = &held.current;
    let mut undone = undone(tools, place, items, held)?;
    let targets = items.iter().map(|item| &item.target).chain(&old.files).chain(undone.iter().map(|entry| &entry.path));
    let roots: BTreeSet<String> = targets.map(|path| first_name(path).to_owned()).collect();
    if let Some(bad) = roots.iter().find(|root| matches!(root.as_str(), PREVIOUS | NEXT | "lost+found" | "")) {
        return Err(Ext4Error::Name(bad.clone()));
    }
    let present: BTreeMap<String, Entry> =
        tree::list(tools, place, "")?.into_iter().map(|entry| (entry.path.clone(), entry)).collect();
    // What somebody has put into a directory that is replaced stays in it: the same file under the new name, too.
    let mut there: BTreeMap<String, Entry> = present.clone();
    for root in roots.iter().filter_map(|root| present.get(root)).filter(|root| root.is_folder) {
        there.extend(tree::walk(tools, place, &root.path)?.into_iter().map(|entry| (entry.path.clone(), entry)));
    }
    undone.retain(|entry| !there.contains_key(&entry.path));
    let keep = Keep::new(items, old, false);
    let is_below = |path: &str| roots.contains(first_name(path)) && path.contains('/');
    let stays = there.values().filter(|entry| is_below(&entry.path) && keep.keeps(&entry.path, entry.is_folder));
    let kept: Vec<&Entry> = stays.chain(&undone).collect();

    let mut commands = discard(tools, place, &present, &undone)?;
    if let Some(previous) = present.get(PREVIOUS) {
        copy.forget(tools, window, previous)?;
    }
    let _ = writeln!(commands, "mkdir {NEXT}");
    commands += &script(tools, NEXT, items)?;
    commands += &super::links(NEXT, items)?;
    let mut made: BTreeSet<String> = items.iter().flat_map(|item| item.parents()).map(str::to_owned).collect();
    made.extend(items.iter().filter(|item| item.kind == ItemKind::Folder).map(|item| item.target.clone()));
    // debugfs gives a directory no more room when it links: what the directory will need is made before.
    let mut needed: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in &kept {
        let (folder, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        *needed.entry(folder).or_default() += 12 + name.len() as u64;
    }
    // Whose a directory is, and who may look into it, stays as it was.
    let mut owned: BTreeSet<&str> = BTreeSet::new();
    for Entry { path, inode, is_folder, .. } in &kept {
        for folder in parents(path).chain(is_folder.then_some(path.as_str())) {
            let target = quoted(&format!("{NEXT}/{folder}"))?;
            if made.insert(folder.to_owned()) {
                let _ = writeln!(commands, "mkdir {target}");
            }
            if let Some(Entry { mode, owner: (user, group), .. }) = there.get(folder).filter(|_| owned.insert(folder)) {
                let _ = writeln!(commands, "set_inode_field {target} mode 0{mode:o}");
                let _ = writeln!(commands, "set_inode_field {target} uid {user}");
                let _ = writeln!(commands, "set_inode_field {target} gid {group}");
            }
            for _ in 0..needed.remove(folder).unwrap_or_default() / (copy.block / 2) {
                let _ = writeln!(commands, "expand_dir {target}");
            }
        }
        if !is_folder {
            let _ = writeln!(commands, "ln <{inode}> {}", quoted(&format!("{NEXT}/{path}"))?);
        }
    }
    commands += &super::attributes(tools, NEXT, items, &owned)?;
    let _ = writeln!(commands, "mkdir {PREVIOUS}");
    for name in &roots {
        let is_file = || {
            items.iter().map(|item| &item.target).chain(kept.iter().map(|entry| &entry.path)).any(|path| path == name)
        };
        exchange(&mut commands, name, present.get(name), made.contains(name) || is_file())?;
    }
    let _ = writeln!(commands, "rmdir {NEXT}");
    tools.change(place, &commands).map_err(super::full)?;
    // Counts of links and the like were left to this.
    tools.check(place, "-y")?;
    copy.settle_root(tools)?;
    let written = copy.file.try_clone()?;
    let mut update = copy.update(tools, disk, window, &written)?;
    copy.end(tools, window, &mut update)?;
    Ok(update)
}

/// What users had put into a system before they went back from it: it is among what is kept of that, and has to stay.
fn undone(tools: &Tools, place: &Place, items: &[Item], held: &Held) -> Result<Vec<Entry>, Ext4Error> {
    let Some(marker) = held.undone() else { return Ok(Vec::new()) };
    let keep = Keep::new(items, marker, false);
    let mut found = Vec::new();
    for entry in tree::walk(tools, place, PREVIOUS)? {
        let path = entry.path.split_once('/').map(|(_, path)| path.to_owned()).unwrap_or_default();
        if !entry.is_folder && path != Marker::FILE && keep.keeps(&path, false) {
            found.push(Entry { path, ..entry });
        }
    }
    Ok(found)
}

/// Plans the way back to the previous system. The present one becomes the previous one.
pub(crate) fn rollback(
    tools: &Tools,
    disk: &dyn Disk,
    path: &Path,
    window: &Range<u64>,
    current: &Marker,
) -> Result<Update, Ext4Error> {
    let mut copy = Copy::of(tools, disk, path, window)?;
    let place = copy.place.clone();
    let place = &place;
    let present = tree::list(tools, place, "")?;
    if !present.iter().any(|entry| entry.path == PREVIOUS && entry.is_folder) {
        return Err(Ext4Error::NoPrevious);
    }
    let back = tree::list(tools, place, PREVIOUS)?;
    let gone = present.iter().find(|entry| entry.path == PREVIOUS).map(|entry| entry.inode);
    let by_name: BTreeMap<&str, u64> =
        back.iter().map(|entry| (entry.path.rsplit('/').next().unwrap_or_default(), entry.inode)).collect();
    // What only the present system has goes, too.
    let roots = current.files.iter().map(|path| first_name(path)).chain([Marker::FILE]).chain(by_name.keys().copied());
    let mut commands = format!("unlink {PREVIOUS}\nmkdir {PREVIOUS}\n");
    for name in roots.collect::<BTreeSet<_>>() {
        keep_old(&mut commands, name, present.iter().find(|entry| entry.path == name))?;
        if let Some(inode) = by_name.get(name) {
            let _ = writeln!(commands, "ln <{inode}> {}", quoted(name)?);
        }
    }
    tools.change(place, &commands)?;
    copy.settle_root(tools)?;
    let written = copy.snapshot(tools, window)?;
    let mut update = copy.update(tools, disk, window, &written)?;
    // The directory that held them is taken apart only when nobody looks for them there any more.
    let names: Vec<String> = by_name.keys().map(|name| quoted(&format!("{NEXT}/{name}"))).collect::<Result<_, _>>()?;
    let unlink: String = names.iter().map(|name| format!("unlink {name}\n")).collect();
    let gone = gone.unwrap_or_default();
    tools.change(place, &format!("ln <{gone}> {NEXT}\n{unlink}rmdir {NEXT}\n"))?;
    tools.check(place, "-y")?;
    update.push(copy.rest(disk, window, &written)?);
    copy.end(tools, window, &mut update)?;
    Ok(update)
}

/// Plans what a change that was cut off has left to do.
pub(crate) fn finish(tools: &Tools, disk: &dyn Disk, path: &Path, window: &Range<u64>) -> Result<Update, Ext4Error> {
    let mut update = Update::default();
    Copy::of(tools, disk, path, window)?.into_recovery().into_iter().for_each(|step| update.push(step));
    Ok(update)
}

/// The commands that take the system before the last one away, but for the names only of what is spared.
fn discard(
    tools: &Tools,
    place: &Place,
    present: &BTreeMap<String, Entry>,
    spared: &[Entry],
) -> Result<String, Ext4Error> {
    let mut commands = String::new();
    for folder in [PREVIOUS, NEXT].iter().filter(|folder| present.contains_key(**folder)) {
        commands += &tree::removal(&tree::walk(tools, place, folder)?, spared)?;
        let _ = writeln!(commands, "rmdir {folder}");
    }
    Ok(commands)
}

/// The commands that keep what has a name of the root directory, and, where `is_new`, give the name to what has it among the new.
/// Counts of links, and who is whose parent, are left to e2fsck, which knows all forms that directories can have.
fn exchange(commands: &mut String, name: &str, old: Option<&Entry>, is_new: bool) -> Result<(), Ext4Error> {
    keep_old(commands, name, old)?;
    if is_new {
        let new = quoted(&format!("{NEXT}/{name}"))?;
        let _ = writeln!(commands, "ln {new} {}\nunlink {new}", quoted(name)?);
    }
    Ok(())
}

/// The commands that put what has a name of the root directory among the previous system.
fn keep_old(commands: &mut String, name: &str, old: Option<&Entry>) -> Result<(), Ext4Error> {
    if let Some(old) = old {
        let kept = quoted(&format!("{PREVIOUS}/{name}"))?;
        let _ = writeln!(commands, "ln <{}> {kept}\nunlink {}", old.inode, quoted(name)?);
    }
    Ok(())
}

/// The first name of a path.
fn first_name(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}
