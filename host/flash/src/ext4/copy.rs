use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use skiff_layout::Ranges;

use super::Ext4Error;
use super::blocks::Blocks;
use super::root;
use super::root::SECTOR;
use super::sparse;
use super::tools::Place;
use super::tools::Tools;
use super::tools::numbers;
use super::tree;
use super::tree::Entry;
use crate::Disk;
use crate::update::Step;
use crate::update::Update;
use crate::update::read_full;

const PREVIOUS: &str = crate::PREVIOUS;

/// Bytes from the start of a file system to its superblock (ext4's documentation of its layout).
const SUPERBLOCK: u64 = 1024;

/// A copy of a file system's structures to work on. Of what files hold, it has only what is written to it.
pub(crate) struct Copy {
    pub(crate) place: Place,
    pub(crate) file: File,
    /// The same before anything was changed, journal replayed.
    before: File,
    free: Ranges,
    pub(crate) block: u64,
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
    pub(crate) fn of(tools: &Tools, disk: &dyn Disk, path: &Path, window: &Range<u64>) -> Result<Self, Ext4Error> {
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
        repair(tools, &place, is_finished(disk, window)?)?;
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
    pub(crate) fn forget(&mut self, tools: &Tools, window: &Range<u64>, previous: &Entry) -> Result<(), Ext4Error> {
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
        let mut known = sparse::data(&self.file, size)?;
        known.add_moved(&sparse::data(before, size)?, 0);
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

    /// Orders what was changed, to be written from `written`: the names in the root directory come last.
    pub(crate) fn update(
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

    /// The copy as it is now, whatever is done to it later.
    pub(crate) fn snapshot(&self, tools: &Tools, window: &Range<u64>) -> Result<File, Ext4Error> {
        snapshot(tools, "written", &self.file, window.end - window.start)
    }

    /// What was changed since `written`, where nobody looks any more.
    pub(crate) fn rest(&self, disk: &dyn Disk, window: &Range<u64>, written: &File) -> Result<Step, Ext4Error> {
        let mut rest = Step::default();
        self.changed(disk, window, written, &Ranges::default(), &mut |block, bytes| {
            if block != SUPERBLOCK / self.block {
                rest.bytes(window.start + block * self.block, bytes.to_vec());
            }
        })?;
        Ok(rest)
    }

    /// What replaying the journal, and ending a change that was cut off, come to.
    pub(crate) fn into_recovery(self) -> Vec<Step> {
        self.recovery
    }

    /// Ends an update: the superblock says that it is in order.
    pub(crate) fn end(&self, tools: &Tools, window: &Range<u64>, update: &mut Update) -> Result<(), Ext4Error> {
        tools.change(&self.place, "set_super_value state 1\n")?;
        update.push(self.superblock(window)?);
        Ok(())
    }

    /// Sees to it that a single sector exchanges the names.
    pub(crate) fn settle_root(&mut self, tools: &Tools) -> Result<(), Ext4Error> {
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
fn repair(tools: &Tools, place: &Place, is_finished: bool) -> Result<(), Ext4Error> {
    let Err(error) = tools.check(place, "-p") else { return Ok(()) };
    if is_finished {
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
    tools.change(place, &tree::removal(&now_found, &[])?)
}

/// A file as it is now, whatever is done to it later.
fn snapshot(tools: &Tools, name: &str, file: &File, size: u64) -> Result<File, Ext4Error> {
    let path = tools.scratch(name);
    sparse::copy(file, &path, size)?;
    Ok(File::open(path)?)
}

/// Whether the last change of the file system in `window` was written completely: its superblock says that it was left in order.
pub(crate) fn is_finished(disk: &dyn Disk, window: &Range<u64>) -> io::Result<bool> {
    // s_state (ext4's documentation of its layout).
    let mut state = [0; 2];
    disk.read_at(window.start + SUPERBLOCK + 58, &mut state)?;
    Ok(u16::from_le_bytes(state) & 1 == 1)
}
