//! Bringing a file system up to date, and going back.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rustix::fs::SeekFrom;
use skiff_layout::Ranges;

use super::Ext4Error;
use super::blocks::Blocks;
use super::root;
use super::root::SECTOR;
use super::script;
use super::tools::Place;
use super::tools::Tools;
use super::tools::numbers;
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
use crate::update::Step;
use crate::update::Update;
use crate::update::read_full;

/// The folder in which the system before the last update is kept.
const PREVIOUS: &str = crate::PREVIOUS;

const NEXT: &str = crate::NEXT;

/// Bytes from the start of a file system to its superblock (ext4's documentation of its layout).
const SUPERBLOCK: u64 = 1024;

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
    // What somebody has put into a folder that is replaced stays in it: the same file under the new name, too.
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
    let mut made: BTreeSet<String> = items.iter().flat_map(|item| item.parents()).map(str::to_owned).collect();
    made.extend(items.iter().filter(|item| item.kind == ItemKind::Folder).map(|item| item.target.clone()));
    // debugfs gives a folder no more room when it links: what the folder will need is made before.
    let mut needed: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in &kept {
        let (folder, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        *needed.entry(folder).or_default() += 12 + name.len() as u64;
    }
    // Whose a folder is, and who may look into it, stays as it was.
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
    let written = snapshot(tools, "written", &copy.file, window.end - window.start)?;
    let mut update = copy.update(tools, disk, window, &written)?;
    // The folder that held them is taken apart only when nobody looks for them there any more.
    let names: Vec<String> = by_name.keys().map(|name| quoted(&format!("{NEXT}/{name}"))).collect::<Result<_, _>>()?;
    let unlink: String = names.iter().map(|name| format!("unlink {name}\n")).collect();
    let gone = gone.unwrap_or_default();
    tools.change(place, &format!("ln <{gone}> {NEXT}\n{unlink}rmdir {NEXT}\n"))?;
    tools.check(place, "-y")?;
    let mut rest = Step::default();
    copy.changed(disk, window, &written, &Ranges::default(), &mut |block, bytes| {
        if block != SUPERBLOCK / copy.block {
            rest.bytes(window.start + block * copy.block, bytes.to_vec());
        }
    })?;
    update.push(rest);
    copy.end(tools, window, &mut update)?;
    Ok(update)
}

/// Whether the last change of the file system in `window` came to its end: its superblock says that it was left in order.
pub(crate) fn is_tidy(disk: &dyn Disk, window: &Range<u64>) -> io::Result<bool> {
    // s_state (ext4's documentation of its layout).
    let mut state = [0; 2];
    disk.read_at(window.start + SUPERBLOCK + 58, &mut state)?;
    Ok(u16::from_le_bytes(state) & 1 == 1)
}

/// Plans what a change that was cut off has left to do.
pub(crate) fn tidy(tools: &Tools, disk: &dyn Disk, path: &Path, window: &Range<u64>) -> Result<Update, Ext4Error> {
    let mut update = Update::default();
    Copy::of(tools, disk, path, window)?.recovery.into_iter().for_each(|step| update.push(step));
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
        commands += &removal(&tree::walk(tools, place, folder)?, spared)?;
        let _ = writeln!(commands, "rmdir {folder}");
    }
    Ok(commands)
}

/// The commands that keep what has a name of the root folder, and, where `is_new`, give the name to what has it among the new.
/// Counts of links, and who is whose parent, are left to e2fsck, which knows all forms that folders can have.
fn exchange(commands: &mut String, name: &str, old: Option<&Entry>, is_new: bool) -> Result<(), Ext4Error> {
    keep_old(commands, name, old)?;
    if is_new {
        let new = quoted(&format!("{NEXT}/{name}"))?;
        let _ = writeln!(commands, "ln {new} {}\nunlink {new}", quoted(name)?);
    }
    Ok(())
}

/// The commands that put what has a name of the root folder among the previous system.
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

/// A copy of a file system's structures to work on. Of what files hold, it has only what is written to it.
struct Copy {
    place: Place,
    file: File,
    /// The same before anything was changed, journal replayed.
    before: File,
    free: Ranges,
    block: u64,
    /// The first change: the name of a system whose room is taken next.
    forgotten: Step,
    /// What replaying the journal changes.
    recovery: Vec<Step>,
    /// What says that a change has begun, and has not come to its end.
    claim: Step,
    root: Vec<u64>,
    /// The sector that says where it is, if it has moved.
    moved: Option<Range<u64>>,
}

impl Copy {
    fn of(tools: &Tools, disk: &dyn Disk, path: &Path, window: &Range<u64>) -> Result<Self, Ext4Error> {
        let original = Place::new(path, window.start);
        let blocks = Blocks::of(tools, &original)?;
        if blocks.all.end > window.end - window.start {
            return Err(Ext4Error::Damaged { said: "it is larger than its partition".into() });
        }
        let copy = tools.scratch("copy");
        let origin = window.start.to_string();
        let said = tools.run("e2image", &["-r", "-o", &origin], &original, &[copy.as_os_str()])?;
        if said.code != Some(0) {
            return Err(Ext4Error::Failed { program: "e2image", said: said.last_lines() });
        }
        let place = Place::new(&copy, 0);
        let file = File::options().read(true).write(true).open(&copy)?;
        let size = window.end - window.start;
        let pristine = snapshot(tools, "pristine", &file, size)?;
        repair(tools, &place, is_tidy(disk, window)?)?;
        let before = snapshot(tools, "before", &file, size)?;
        let mut result = Self {
            free: Blocks::of(tools, &place)?.free,
            place,
            file,
            before,
            block: blocks.size,
            forgotten: Step::default(),
            recovery: Vec::new(),
            claim: Step::default(),
            root: Vec::new(),
            moved: None,
        };
        result.recovery = result.recover(tools, disk, window, &pristine)?;
        result.root = root::blocks(tools, &result.place)?;
        tools.change(&result.place, "set_super_value state 0\n")?;
        result.claim = result.superblock(window)?;
        Ok(result)
    }

    /// Writes the block with the superblock as it is now.
    fn superblock(&self, window: &Range<u64>) -> Result<Step, Ext4Error> {
        let at = SUPERBLOCK / self.block * self.block;
        let mut bytes = vec![0; self.block as usize];
        read_full(&self.file, at, &mut bytes)?;
        let mut step = Step::default();
        step.bytes(window.start + at, bytes);
        Ok(step)
    }

    /// Takes the name of a system away whose inodes and blocks the next one may take: who looks for it must not find others'.
    fn forget(&mut self, tools: &Tools, window: &Range<u64>, previous: &Entry) -> Result<(), Ext4Error> {
        tools.change(&self.place, &format!("unlink {PREVIOUS}\n"))?;
        for block in &self.root {
            let mut bytes = vec![0; self.block as usize];
            let mut before = bytes.clone();
            read_full(&self.file, block * self.block, &mut bytes)?;
            read_full(&self.before, block * self.block, &mut before)?;
            if bytes != before {
                self.forgotten.bytes(window.start + block * self.block, bytes);
            }
        }
        // It is still there to be taken apart.
        tools.change(&self.place, &format!("ln <{}> {PREVIOUS}\n", previous.inode))
    }

    /// What the check has changed: first everything but the journal and the superblock, which say that there is something to
    /// do until the rest is done.
    fn recover(
        &self,
        tools: &Tools,
        disk: &dyn Disk,
        window: &Range<u64>,
        pristine: &File,
    ) -> Result<Vec<Step>, Ext4Error> {
        let mut last: BTreeSet<u64> = numbers(&tools.ask(&self.place, "blocks <8>")?).into_iter().collect();
        last.insert(SUPERBLOCK / self.block);
        let (mut first, mut second) = (Step::default(), Step::default());
        self.changed(disk, window, pristine, &Ranges::default(), &mut |block, bytes| {
            // What nobody uses is as it is on the disk, and the update relies on that.
            if self.free.contains(&(block * self.block..(block + 1) * self.block)) {
                return;
            }
            let step = if last.contains(&block) { &mut second } else { &mut first };
            step.bytes(window.start + block * self.block, bytes.to_vec());
        })?;
        Ok(vec![first, second])
    }

    /// Calls `found` with each block of the copy that differs from `before`, and of those that have been taken since, with each
    /// that differs from the disk. What the copy does not hold looks like zeros, and is never taken for something written: where a
    /// file has holes is for its file system to say, and some say nothing.
    fn changed(
        &self,
        disk: &dyn Disk,
        window: &Range<u64>,
        before: &File,
        taken: &Ranges,
        found: &mut dyn FnMut(u64, &[u8]),
    ) -> Result<(), Ext4Error> {
        let size = window.end - window.start;
        let mut known = data(&self.file, size)?;
        known.add_moved(&data(before, size)?, 0);
        let known = known.rounded(self.block, size);
        for run in known.iter().flat_map(|run| taken.gaps(run).iter().collect::<Vec<_>>()) {
            self.compare(run, &|at, buffer| read_full(before, at, buffer), found)?;
        }
        for run in taken.iter() {
            self.compare(run, &|at, buffer| disk.read_at(window.start + at, buffer), found)?;
        }
        Ok(())
    }

    /// Calls `found` with each block of a run, of whole blocks, that differs from what `old` reads.
    fn compare(
        &self,
        run: Range<u64>,
        old: &dyn Fn(u64, &mut [u8]) -> io::Result<()>,
        found: &mut dyn FnMut(u64, &[u8]),
    ) -> Result<(), Ext4Error> {
        const RUN: u64 = 1 << 20;
        let step = self.block as usize;
        let mut at = run.start;
        while at < run.end {
            let length = RUN.min(run.end - at);
            let (mut new, mut there) = (vec![0; length as usize], vec![0; length as usize]);
            read_full(&self.file, at, &mut new)?;
            old(at, &mut there)?;
            for (number, (new, old)) in (at / self.block..).zip(new.chunks(step).zip(there.chunks(step))) {
                if new != old {
                    found(number, new);
                }
            }
            at += length;
        }
        Ok(())
    }

    /// Orders what was changed, to be written from `written`: the names in the root folder come last.
    fn update(
        &mut self,
        tools: &Tools,
        disk: &dyn Disk,
        window: &Range<u64>,
        written: &File,
    ) -> Result<Update, Ext4Error> {
        let free = Blocks::of(tools, &self.place)?.free;
        let mut taken = Ranges::default();
        for run in self.free.iter() {
            taken.add_moved(&free.gaps(run), 0);
        }
        let (mut fresh, mut structures, mut names) = (Ranges::default(), Ranges::default(), Ranges::default());
        self.changed(disk, window, &self.before, &taken, &mut |block, _| {
            let range = block * self.block..(block + 1) * self.block;
            if block == SUPERBLOCK / self.block {
                // Its time comes last.
            } else if self.root.contains(&block) {
                names.add(range);
            } else if self.free.contains(&range) {
                fresh.add(range);
            } else {
                structures.add(range);
            }
        })?;
        let names = match &self.moved {
            None => self.sectors(&names)?,
            // Where it was, it stays as it was.
            Some(inode) => {
                let mut others = structures.gaps(0..window.end - window.start);
                others.add(inode.clone());
                structures = others.gaps(0..window.end - window.start);
                let mut names = Ranges::default();
                names.add(inode.clone());
                names
            }
        };
        let mut update = Update::default();
        let begin = [std::mem::take(&mut self.claim), std::mem::take(&mut self.forgotten)];
        let first = std::mem::take(&mut self.recovery).into_iter().chain(begin);
        first.for_each(|step| update.push(step));
        for ranges in [fresh, structures, names] {
            let mut step = Step::default();
            for range in ranges.iter() {
                step.part(window.start, written, range)?;
            }
            update.push(step);
        }
        Ok(update)
    }

    /// Ends an update: the superblock says that it is in order.
    fn end(&self, tools: &Tools, window: &Range<u64>, update: &mut Update) -> Result<(), Ext4Error> {
        tools.change(&self.place, "set_super_value state 1\n")?;
        update.push(self.superblock(window)?);
        Ok(())
    }

    /// Sees to it that a single sector exchanges the names.
    fn settle_root(&mut self, tools: &Tools) -> Result<(), Ext4Error> {
        let mut all = Ranges::default();
        for block in &self.root {
            all.add(block * self.block..(block + 1) * self.block);
        }
        if root::blocks(tools, &self.place)? != self.root || self.sectors(&all)?.total() > SECTOR {
            self.moved = Some(root::relocate(tools, &self.place, &self.file, &self.free)?);
        }
        Ok(())
    }

    /// The sectors of ranges that were changed.
    fn sectors(&self, ranges: &Ranges) -> Result<Ranges, Ext4Error> {
        let mut changed = Ranges::default();
        for range in ranges.iter() {
            let mut new = vec![0; (range.end - range.start) as usize];
            let mut old = new.clone();
            read_full(&self.file, range.start, &mut new)?;
            read_full(&self.before, range.start, &mut old)?;
            for (number, (new, old)) in (0u64..).zip(new.chunks(SECTOR as usize).zip(old.chunks(SECTOR as usize))) {
                if new != old {
                    let at = range.start + number * SECTOR;
                    changed.add(at..at + SECTOR);
                }
            }
        }
        Ok(changed)
    }
}

/// Repairs a file system as far as nobody can see it: the journal, blocks that nobody uses. Where a change of ours was cut off,
/// what it has left goes, too; of anything else that is wrong, its owner has to know first.
fn repair(tools: &Tools, place: &Place, is_tidy: bool) -> Result<(), Ext4Error> {
    let Err(error) = tools.check(place, "-p") else { return Ok(()) };
    if is_tidy {
        return Err(error);
    }
    let (found, kept): (Vec<Entry>, Vec<Entry>) =
        tree::walk(tools, place, "")?.into_iter().partition(|entry| entry.path.starts_with("lost+found/"));
    tools.check(place, "-y")?;
    let (mut now_found, now): (Vec<Entry>, Vec<Entry>) =
        tree::walk(tools, place, "")?.into_iter().partition(|entry| entry.path.starts_with("lost+found/"));
    if now != kept {
        return Err(error);
    }
    now_found.retain(|entry| !found.contains(entry));
    tools.change(place, &removal(&now_found, &[])?)
}

/// The commands that remove entries, given with each folder before what is in it. Of what is spared they take the name only.
fn removal(entries: &[Entry], spared: &[Entry]) -> Result<String, Ext4Error> {
    let mut commands = String::new();
    for entry in entries.iter().rev() {
        let command = match entry.is_folder {
            true => "rmdir",
            false if spared.iter().any(|other| other.inode == entry.inode) => "unlink",
            false => "rm",
        };
        let _ = writeln!(commands, "{command} {}", quoted(&format!("/{}", entry.path))?);
    }
    Ok(commands)
}

/// Where a file holds data.
fn data(file: &File, size: u64) -> Result<Ranges, Ext4Error> {
    let mut found = Ranges::default();
    let mut at = 0;
    while at < size {
        let start = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(start) => start,
            Err(rustix::io::Errno::NXIO) => break,
            Err(error) => return Err(io::Error::from(error).into()),
        };
        let end = rustix::fs::seek(file, SeekFrom::Hole(start)).map_err(io::Error::from)?;
        found.add(start..end.min(size));
        at = end;
    }
    Ok(found)
}

/// A file as it is now, whatever is done to it later.
fn snapshot(tools: &Tools, name: &str, file: &File, size: u64) -> Result<File, Ext4Error> {
    let path = tools.scratch(name);
    sparse_copy(file, &path, size)?;
    Ok(File::open(path)?)
}

/// Copies a file, without what is not there.
fn sparse_copy(from: &File, to: &Path, size: u64) -> Result<(), Ext4Error> {
    let to = File::create(to)?;
    to.set_len(size)?;
    let mut buffer = vec![0; 1 << 20];
    for run in data(from, size)?.iter() {
        let mut at = run.start;
        while at < run.end {
            let length = (buffer.len() as u64).min(run.end - at) as usize;
            let part = buffer.get_mut(..length).unwrap_or_default();
            read_full(from, at, part)?;
            to.write_all_at(part, at)?;
            at += length as u64;
        }
    }
    Ok(())
}
