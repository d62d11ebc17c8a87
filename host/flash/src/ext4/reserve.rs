//! Large files: their room is reserved by debugfs, and what they hold is copied there in large pieces. debugfs itself writes block
//! by block, which takes three times as long as everything else.

use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;

use regex::Regex;

use super::BLOCK;
use super::Ext4Error;
use super::tools::Place;
use super::tools::Tools;
use super::tools::quoted;
use crate::Item;
use crate::ItemKind;
use crate::Watch;
use crate::item;

/// Bytes from which on that is worth it.
const LARGE: u64 = 1 << 20;

/// Bytes copied at a time.
const CHUNK: u64 = 1 << 20;

/// Extents that an inode holds itself (ext4's documentation: `i_block` has 60 bytes, the header and each extent 12).
const IN_INODE: usize = 4;

/// A large file of this machine, and where it goes.
struct Large {
    target: String,
    path: PathBuf,
    size: u64,
    mode: u32,
}

/// A run of blocks.
struct Extent {
    /// The first block of the file.
    logical: u64,
    /// The first block of the file system.
    physical: u64,
    /// How many.
    count: u64,
}

/// The large ones among some items.
pub(crate) struct Reserved {
    files: Vec<Large>,
}

impl Reserved {
    /// Takes the contents of large files out of items; empty files stay in their places.
    pub(crate) fn take(items: &mut [Item], tools: &Tools) -> Result<Self, Ext4Error> {
        let empty = tools.scratch("empty");
        File::create(&empty)?;
        let mut files = Vec::new();
        let links = item::links(items);
        for (item, link) in items.iter_mut().zip(links) {
            let mode = item.mode().unwrap_or_default();
            if let ItemKind::File { path, size, .. } = &mut item.kind
                && link.is_none()
                && *size >= LARGE
                && !is_sparse(path, *size)?
            {
                let (path, size) = (std::mem::replace(path, empty.clone()), std::mem::take(size));
                files.push(Large { target: item.target.clone(), path, size, mode });
            }
        }
        Ok(Self { files })
    }

    /// Gives the empty files of a new file system their room.
    pub(crate) fn place(self, tools: &Tools, place: &Place) -> Result<Placed, Ext4Error> {
        let mut placed = Placed { files: Vec::new() };
        if self.files.is_empty() {
            return Ok(placed);
        }
        let mut commands = String::new();
        let mut questions = String::new();
        // Writing to a string does not fail.
        for Large { target, size, .. } in &self.files {
            let target = quoted(&format!("/{target}"))?;
            let last = size.div_ceil(BLOCK) - 1;
            let _ = writeln!(commands, "set_inode_field {target} size {size}\nfallocate {target} 0 {last}");
            let _ = writeln!(questions, "dump_extents {target}");
        }
        tools.change(place, &commands)?;
        let all = extents(&tools.ask_all(place, &questions)?, self.files.len());
        let mut commands = String::new();
        for (file, extents) in self.files.into_iter().zip(all) {
            let target = quoted(&format!("/{}", file.target))?;
            let Some(extents) = extents.filter(|extents| covers(extents, file.size)) else {
                // It is in more pieces than its inode can name: the slow way.
                let _ = writeln!(commands, "rm {target}");
                commands += &super::write(tools, &file.path, file.size, file.mode, &target)?;
                continue;
            };
            for (number, extent) in extents.iter().enumerate() {
                // ee_len, which was marked as not written yet, and above it the upper half of the place.
                let word = extent.count | extent.physical >> 32 << 16;
                let _ = writeln!(commands, "set_inode_field {target} block[{}] {word}", 4 + 3 * number);
            }
            placed.files.push((file, extents));
        }
        tools.change(place, &commands)?;
        Ok(placed)
    }
}

/// Large files that have their room.
pub(crate) struct Placed {
    files: Vec<(Large, Vec<Extent>)>,
}

impl Placed {
    /// Copies what they hold into the file system at `origin` of a file. It comes last: each program of e2fsprogs would wait
    /// until all of it is on the disk.
    pub(crate) fn fill(&self, out: &Path, origin: u64, watch: &dyn Watch) -> Result<(), Ext4Error> {
        let out = File::options().write(true).open(out)?;
        self.files.iter().try_for_each(|(file, extents)| copy(&file.path, file.size, extents, &out, origin, watch))
    }
}

/// The extents of files, as debugfs tells them one after the other; none for a file whose extents are not all in its inode.
fn extents(said: &str, count: usize) -> Vec<Option<Vec<Extent>>> {
    // Level/depth, number/count, first and last block of the file, those of the file system, how many.
    const ROW: &str = r"^\s*0/\s*0\s+\d+/\s*\d+\s+(\d+)\s+-\s+\d+\s+(\d+)\s+-\s+\d+\s+(\d+)\s+Uninit\s*$";
    let mut found = Vec::new();
    let Ok(row) = Regex::new(ROW) else { return (0..count).map(|_| None).collect() };
    for line in said.lines() {
        if line.starts_with("debugfs: ") {
            found.push(Some(Vec::new()));
        } else if !line.trim().is_empty()
            && !line.starts_with("Level Entries")
            && let Some(last) = found.last_mut()
        {
            let number = |row: &regex::Captures<'_>, group| row.get(group)?.as_str().parse().ok();
            let extent = row.captures(line).and_then(|row| {
                Some(Extent { logical: number(&row, 1)?, physical: number(&row, 2)?, count: number(&row, 3)? })
            });
            match (last.as_mut(), extent) {
                (Some(extents), Some(extent)) => extents.push(extent),
                _ => *last = None,
            }
        }
    }
    found.resize_with(count, || None);
    found
}

/// Whether a file has holes, which debugfs leaves out.
fn is_sparse(path: &Path, size: u64) -> io::Result<bool> {
    // `st_blocks` counts in 512 bytes whatever the file system does.
    Ok(std::fs::metadata(path)?.blocks() * 512 < size)
}

/// Whether extents are a whole file of so many bytes, and few enough.
fn covers(extents: &[Extent], size: u64) -> bool {
    let mut end = 0;
    for extent in extents {
        if extent.logical != end {
            return false;
        }
        end += extent.count;
    }
    end == size.div_ceil(BLOCK) && extents.len() <= IN_INODE
}

fn copy(
    path: &Path,
    size: u64,
    extents: &[Extent],
    out: &File,
    origin: u64,
    watch: &dyn Watch,
) -> Result<(), Ext4Error> {
    let from = item::open(path, size)?;
    let mut buffer = vec![0; CHUNK as usize];
    for Extent { logical, physical, count } in extents {
        let (mut at, end) = (logical * BLOCK, ((logical + count) * BLOCK).min(size));
        while at < end {
            if watch.is_cancelled() {
                return Err(Ext4Error::Cancelled);
            }
            let part = buffer.get_mut(..CHUNK.min(end - at) as usize).unwrap_or_default();
            from.read_exact_at(part, at)?;
            out.write_all_at(part, origin + physical * BLOCK + at - logical * BLOCK)?;
            at += part.len() as u64;
            watch.advance(part.len() as u64);
        }
    }
    Ok(())
}
