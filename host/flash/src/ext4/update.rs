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
use crate::update::Step;
use crate::update::Update;
use crate::update::read_full;

/// The folder in which the system before the last update is kept.
const PREVIOUS: &str = crate::PREVIOUS;

/// Where the new one grows until its names are exchanged.
const NEXT: &str = ".skiff-next";

/// Plans the update of the file system in `window` of a disk that is the file or device `path`.
pub(crate) fn update(
    tools: &Tools,
    disk: &dyn Disk,
    path: &Path,
    window: &Range<u64>,
    items: &[Item],
    watch: &dyn Watch,
) -> Result<Update, Ext4Error> {
    let items: Vec<Item> = items.iter().filter(|item| !item.once).cloned().collect();
    let mut copy = Copy::of(tools, disk, path, window)?;
    if watch.is_cancelled() {
        return Err(Ext4Error::Cancelled);
    }
    let place = copy.place.clone();
    let place = &place;
    let roots: BTreeSet<&str> = items.iter().filter_map(|item| item.target.split('/').next()).collect();
    if let Some(bad) = roots.iter().find(|root| matches!(**root, PREVIOUS | NEXT | "lost+found" | "")) {
        return Err(Ext4Error::Name((*bad).to_owned()));
    }
    let present: BTreeMap<String, Entry> =
        tree::list(tools, place, "")?.into_iter().map(|entry| (entry.path.clone(), entry)).collect();
    let mut commands = discard(tools, place, &present)?;
    if let Some(previous) = present.get(PREVIOUS) {
        copy.forget(tools, window, previous)?;
    }
    let _ = writeln!(commands, "mkdir {NEXT}");
    commands += &script(tools, NEXT, &items)?;
    let replaced: BTreeSet<&str> = items.iter().map(|item| item.target.as_str()).collect();
    let mut made: BTreeSet<String> = items.iter().flat_map(|item| item.parents()).map(str::to_owned).collect();
    made.extend(items.iter().filter(|item| item.kind == ItemKind::Folder).map(|item| item.target.clone()));
    // What somebody has put into a folder that is replaced stays in it: the same file under the new name, too.
    for root in roots.iter().filter_map(|root| present.get(*root)).filter(|root| root.is_folder) {
        let entries = tree::walk(tools, place, &root.path)?;
        // debugfs gives a folder no more room when it links: what the folder will need is made before.
        let mut needed: BTreeMap<String, u64> = BTreeMap::new();
        for entry in &entries {
            let (folder, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
            *needed.entry(folder.to_owned()).or_default() += 12 + name.len() as u64;
        }
        let mut made_room = |commands: &mut String, folder: &str| -> Result<(), Ext4Error> {
            for _ in 0..needed.remove(folder).unwrap_or_default() / (copy.block / 2) {
                let _ = writeln!(commands, "expand_dir {}", quoted(&format!("{NEXT}/{folder}"))?);
            }
            Ok(())
        };
        if made.contains(&root.path) {
            made_room(&mut commands, &root.path)?;
        }
        for Entry { path, inode, is_folder } in entries {
            let target = quoted(&format!("{NEXT}/{path}"))?;
            if is_folder {
                if made.insert(path.clone()) {
                    let _ = writeln!(commands, "mkdir {target}");
                }
                made_room(&mut commands, &path)?;
            } else if !is_folder && !replaced.contains(path.as_str()) {
                let _ = writeln!(commands, "ln <{inode}> {target}");
            }
        }
    }
    let _ = writeln!(commands, "mkdir {PREVIOUS}");
    for root in &roots {
        exchange(&mut commands, root, present.get(*root), NEXT)?;
    }
    let _ = writeln!(commands, "rmdir {NEXT}");
    tools.change(place, &commands).map_err(super::full)?;
    copy.finish(tools, disk, window)
}

/// Plans the way back to the previous system. The present one becomes the previous one.
pub(crate) fn rollback(tools: &Tools, disk: &dyn Disk, path: &Path, window: &Range<u64>) -> Result<Update, Ext4Error> {
    let copy = Copy::of(tools, disk, path, window)?;
    let place = &copy.place;
    let present = tree::list(tools, place, "")?;
    if !present.iter().any(|entry| entry.path == PREVIOUS && entry.is_folder) {
        return Err(Ext4Error::NoPrevious);
    }
    let back = tree::list(tools, place, PREVIOUS)?;
    let mut commands = format!("ln {PREVIOUS} {NEXT}\nunlink {PREVIOUS}\nmkdir {PREVIOUS}\n");
    for entry in &back {
        let name = entry.path.rsplit('/').next().unwrap_or_default();
        let own = present.iter().find(|entry| entry.path == name);
        exchange(&mut commands, name, own, NEXT)?;
    }
    let _ = writeln!(commands, "rmdir {NEXT}");
    tools.change(place, &commands)?;
    copy.finish(tools, disk, window)
}

/// The commands that take the system before the last one away.
fn discard(tools: &Tools, place: &Place, present: &BTreeMap<String, Entry>) -> Result<String, Ext4Error> {
    let mut commands = String::new();
    for folder in [PREVIOUS, NEXT].iter().filter(|folder| present.contains_key(**folder)) {
        commands += &removal(&tree::walk(tools, place, folder)?)?;
        let _ = writeln!(commands, "rmdir {folder}");
    }
    Ok(commands)
}

/// The commands that give a name of the root folder to what has it in `from`, and keep what had it. Counts of links, and who is
/// whose parent, are left to e2fsck, which knows all forms that folders can have.
fn exchange(commands: &mut String, name: &str, old: Option<&Entry>, from: &str) -> Result<(), Ext4Error> {
    let own = quoted(name)?;
    if let Some(old) = old {
        let kept = quoted(&format!("{PREVIOUS}/{name}"))?;
        let _ = writeln!(commands, "ln <{}> {kept}\nunlink {own}", old.inode);
    }
    let new = quoted(&format!("{from}/{name}"))?;
    let _ = writeln!(commands, "ln {new} {own}\nunlink {new}");
    Ok(())
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
    root: Vec<u64>,
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
        repair(tools, &place)?;
        let file = File::options().read(true).write(true).open(&copy)?;
        let before = tools.scratch("before");
        sparse_copy(&file, &before, window.end - window.start)?;
        let before = File::open(before)?;
        let mut result = Self {
            free: Blocks::of(tools, &place)?.free,
            place,
            file,
            before,
            block: blocks.size,
            forgotten: Step::default(),
            recovery: Vec::new(),
            root: Vec::new(),
        };
        result.recovery = result.recover(tools, disk, window)?;
        result.root = numbers(&tools.ask(&result.place, "blocks <2>")?);
        Ok(result)
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
    fn recover(&self, tools: &Tools, disk: &dyn Disk, window: &Range<u64>) -> Result<Vec<Step>, Ext4Error> {
        let mut last: BTreeSet<u64> = numbers(&tools.ask(&self.place, "blocks <8>")?).into_iter().collect();
        // The superblock is 1024 bytes from the start (ext4's documentation of its layout).
        last.insert(1024 / self.block);
        let (mut first, mut second) = (Step::default(), Step::default());
        self.changed(disk, window, None, &mut |block, bytes| {
            let step = if last.contains(&block) { &mut second } else { &mut first };
            step.bytes(window.start + block * self.block, bytes.to_vec());
        })?;
        Ok(vec![first, second])
    }

    /// Calls `found` with each block of the copy that differs from the disk, or from `before` where that has been there.
    fn changed(
        &self,
        disk: &dyn Disk,
        window: &Range<u64>,
        before: Option<&File>,
        found: &mut dyn FnMut(u64, &[u8]),
    ) -> Result<(), Ext4Error> {
        let size = window.end - window.start;
        let known = before.map(|before| data(before, size)).transpose()?.unwrap_or_default();
        let step = self.block as usize;
        const RUN: u64 = 1 << 20;
        // What has become a hole is zero now.
        let mut all = data(&self.file, size)?;
        all.add_moved(&known, 0);
        for run in all.rounded(self.block, size).iter() {
            let mut at = run.start;
            while at < run.end {
                let length = RUN.min(run.end - at);
                let (mut new, mut old) = (vec![0; length as usize], vec![0; length as usize]);
                read_full(&self.file, at, &mut new)?;
                disk.read_at(window.start + at, &mut old)?;
                if let Some(before) = before {
                    for known in known.within(at..at + length).iter() {
                        let part =
                            old.get_mut((known.start - at) as usize..(known.end - at) as usize).unwrap_or_default();
                        read_full(before, known.start, part)?;
                    }
                }
                for (number, (new, old)) in (at / self.block..).zip(new.chunks(step).zip(old.chunks(step))) {
                    if new != old {
                        found(number, new);
                    }
                }
                at += length;
            }
        }
        Ok(())
    }

    /// Orders what the commands have changed.
    fn finish(self, tools: &Tools, disk: &dyn Disk, window: &Range<u64>) -> Result<Update, Ext4Error> {
        // Counts of links and the like were left to this.
        tools.check(&self.place, "-y")?;
        let root = numbers(&tools.ask(&self.place, "blocks <2>")?);
        let (mut fresh, mut structures, mut names) = (Ranges::default(), Ranges::default(), Ranges::default());
        self.changed(disk, window, Some(&self.before), &mut |block, _| {
            let range = block * self.block..(block + 1) * self.block;
            if root.contains(&block) {
                names.add(range);
            } else if self.free.contains(&range) {
                fresh.add(range);
            } else {
                structures.add(range);
            }
        })?;
        if names.total() > self.block || root != self.root {
            return Err(Ext4Error::RootFolder);
        }
        let mut update = Update::default();
        for step in self.recovery.into_iter().chain([self.forgotten]) {
            update.push(step);
        }
        for ranges in [fresh, structures, names] {
            let mut step = Step::default();
            for range in ranges.iter() {
                step.part(window.start, &self.file, range)?;
            }
            update.push(step);
        }
        Ok(update)
    }
}

/// Repairs a file system as far as nobody can see it: the journal, blocks that nobody uses, and what an update that was cut
/// off has left.
fn repair(tools: &Tools, place: &Place) -> Result<(), Ext4Error> {
    let Err(error) = tools.check(place, "-p") else { return Ok(()) };
    let (found, kept): (Vec<Entry>, Vec<Entry>) =
        tree::walk(tools, place, "")?.into_iter().partition(|entry| entry.path.starts_with("lost+found/"));
    tools.check(place, "-y")?;
    let (mut now_found, now): (Vec<Entry>, Vec<Entry>) =
        tree::walk(tools, place, "")?.into_iter().partition(|entry| entry.path.starts_with("lost+found/"));
    if now != kept {
        return Err(error);
    }
    now_found.retain(|entry| !found.contains(entry));
    tools.change(place, &removal(&now_found)?)
}

/// The commands that remove entries, given with each folder before what is in it.
fn removal(entries: &[Entry]) -> Result<String, Ext4Error> {
    let mut commands = String::new();
    for entry in entries.iter().rev() {
        let command = if entry.is_folder { "rmdir" } else { "rm" };
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

fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}
