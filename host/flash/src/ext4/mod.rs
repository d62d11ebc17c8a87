//! ext4 file systems: made and changed by e2fsprogs, without mounting, without root, in a file or on a device.
//!
//! An update is worked out on a copy of the file system's own structures. What differs afterwards is written in an order in
//! which a cut leaves the old or the new: first blocks that were free, then bitmaps, inodes and the like, which only add to
//! what is there, and at last one sector: that of the root directory in which names begin to mean something else, or that of the inode
//! which says where the root directory is.

mod blocks;
mod copy;
mod files;
mod programs;
mod reserve;
mod root;
mod sparse;
mod tools;
mod tree;
mod update;
mod volume;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use skiff_layout::Ranges;
use uuid::Uuid;

use self::files::Ext4Files;
use self::reserve::Reserved;
use self::tools::Place;
use self::tools::Tools;
pub use self::tools::clear_leftovers;
use self::tools::quoted;
pub(crate) use self::volume::Ext4;
use crate::Item;
use crate::ItemKind;
use crate::Watch;
use crate::item;

/// What a mode says of a file and of a directory, as in `stat`.
const FILE: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// Bytes of an entry of a directory, besides its name.
const ENTRY_HEAD: usize = 12;

/// Bytes of a block of the file systems that skiff makes.
const BLOCK: u64 = 4096;

/// Why something cannot be done with an ext4 file system.
#[derive(Debug, thiserror::Error)]
pub enum Ext4Error {
    /// A program is missing.
    #[error("`{program}` is not installed")]
    NoTool {
        /// Its name.
        program: &'static str,
    },
    /// A program failed.
    #[error("{program}: {said}")]
    Failed {
        /// Its name.
        program: &'static str,
        /// What it said.
        said: String,
    },
    /// The file system is damaged beyond what can be repaired without asking.
    #[error("its file system is damaged: {said}")]
    Damaged {
        /// What e2fsck said.
        said: String,
    },
    /// Nothing to go back to.
    #[error("it holds no previous system")]
    NoPrevious,
    /// The names that an update changes are in several blocks.
    #[error("its root directory has too many entries to be changed in one step")]
    RootFolder,
    /// There is no room.
    #[error("its file system is full")]
    Full,
    /// A name that no file can have.
    #[error("`{0}` is not a supported file name on ext4")]
    Name(String),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The user wants to stop.
    #[error("cancelled")]
    Cancelled,
}

/// What a new file system is called and has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Naming<'n> {
    pub(crate) label: &'n str,
    pub(crate) uuid: Uuid,
    pub(crate) hash_seed: Uuid,
    pub(crate) features: &'n [String],
    /// Whether installs change it later.
    pub(crate) renewed: bool,
}

/// Checks what mke2fs and debugfs would refuse, or make a damaged file system of.
fn check(naming: Naming<'_>, items: &[Item]) -> Result<(), Ext4Error> {
    if let Some(bad) = naming.features.iter().find(|feature| !is_feature(feature)) {
        return Err(Ext4Error::Failed {
            program: "mke2fs",
            said: format!("the feature `{bad}` of ext4 is not supported"),
        });
    }
    check_names("", items)
}

/// Checks that debugfs can give items their names below a directory (empty for the root), and links their targets.
fn check_names(below: &str, items: &[Item]) -> Result<(), Ext4Error> {
    for item in items {
        quoted(&format!("{below}/{}", item.target))?;
        if let ItemKind::Link(to) = &item.kind {
            quoted(to)?;
        }
    }
    Ok(())
}

/// Makes a file system of `size` bytes in a file that is zero there, from `origin`; returns which of its bytes matter.
pub(crate) fn make(
    tools: &Tools,
    path: &Path,
    origin: u64,
    size: u64,
    naming: Naming<'_>,
    items: &[Item],
    watch: &dyn Watch,
) -> Result<Ranges, Ext4Error> {
    check(naming, items)?;
    let extended = format!(
        "offset={origin},hash_seed={},root_owner=0:0,nodiscard,lazy_itable_init=1,lazy_journal_init=1",
        naming.hash_seed
    );
    let uuid = naming.uuid.to_string();
    let mut arguments = vec!["-q", "-F", "-t", "ext4", "-b", "4096", "-L", naming.label, "-U", &uuid, "-E", &extended];
    let mut features = naming.features.to_vec();
    // A checksum over a bitmap lies in another block than the bitmap: between the two writes of an update neither is right.
    // Without it, a cut leaves at worst blocks that nobody uses, which the next check gives back.
    if naming.renewed {
        features.push("^metadata_csum".into());
    }
    let features = features.join(",");
    if !features.is_empty() {
        arguments.extend(["-O", &features]);
    }
    let blocks = (size / BLOCK).to_string();
    let place = Place::new(path, origin);
    let said = tools.run("mke2fs", &arguments, &place, &[OsStr::new(&blocks)])?;
    if said.code != Some(0) {
        return Err(Ext4Error::Failed { program: "mke2fs", said: said.last_lines() });
    }
    let mut items = items.to_vec();
    let large = Reserved::take(&mut items, tools)?;
    tools.change(&place, &script(tools, "", &items)?).map_err(full)?;
    watch.advance(items.iter().map(Item::size).sum());
    let large = large.place(tools, &place).map_err(full)?;
    let rest = [links("", &items)?, attributes(tools, "", &items, &BTreeSet::new())?].concat();
    tools.change(&place, &rest).map_err(full)?;
    let matter = blocks::Blocks::of(tools, &place)?.matter();
    large.fill(path, origin, watch)?;
    Ok(matter)
}

fn is_feature(text: &str) -> bool {
    FEATURES.contains(&text.strip_prefix('^').unwrap_or(text))
}

/// Features whose file systems come out of mke2fs, debugfs and our copying without a fault (ext4(5)). Others keep records that
/// debugfs does not: quotas, for one.
const FEATURES: [&str; 20] = [
    "64bit",
    "bigalloc",
    "dir_index",
    "dir_nlink",
    "ext_attr",
    "extent",
    "extra_isize",
    "filetype",
    "flex_bg",
    "has_journal",
    "huge_file",
    "large_dir",
    "large_file",
    "meta_bg",
    "metadata_csum",
    "metadata_csum_seed",
    "resize_inode",
    "sparse_super",
    "sparse_super2",
    "uninit_bg",
];

/// debugfs says that there is no room in words.
fn full(error: Ext4Error) -> Ext4Error {
    match error {
        Ext4Error::Failed { said, .. } if said.contains("Could not allocate") => Ext4Error::Full,
        other => other,
    }
}

/// The commands that put items below a directory (empty for the root), but for hard links and attributes. Whose files they are is
/// always root's.
fn script(tools: &Tools, below: &str, items: &[Item]) -> Result<String, Ext4Error> {
    let mut script = String::new();
    let mut folders = BTreeSet::new();
    let at = |target: &str| quoted(&format!("{below}/{target}"));
    // Writing to a string does not fail.
    for (item, link) in items.iter().zip(item::links(items)) {
        let own = matches!(item.kind, ItemKind::Folder).then_some(item.target.as_str());
        for folder in item.parents().chain(own) {
            if folders.insert(folder.to_owned()) {
                let _ = writeln!(script, "mkdir {}", at(folder)?);
            }
        }
        let target = at(&item.target)?;
        let mode = item.mode().unwrap_or_default();
        match &item.kind {
            ItemKind::Folder => {}
            ItemKind::File { .. } if link.is_some() => {}
            ItemKind::File { path, size, .. } => {
                script += &write(tools, path, *size, mode, &target)?;
            }
            ItemKind::Text { bytes, .. } => {
                let source = tools.keep(bytes, mode & 0o077 == 0)?;
                let _ = writeln!(script, "write {} {target}\nsif {target} mode 0{:o}", quoted(&source)?, FILE | mode);
            }
            ItemKind::Link(to) => {
                let _ = writeln!(script, "symlink {target} {}", quoted(to)?);
            }
        }
    }
    Ok(script)
}

/// The commands that write a file of this machine to `target`, a quoted path.
fn write(tools: &Tools, path: &Path, size: u64, mode: u32, target: &str) -> Result<String, Ext4Error> {
    let source = tools.hold(item::open(path, size)?)?;
    Ok(format!("write {} {target}\nsif {target} mode 0{:o}\n", quoted(&source)?, FILE | mode))
}

/// The commands that give files their other names, when everything else is there.
fn links(below: &str, items: &[Item]) -> Result<String, Ext4Error> {
    let mut script = String::new();
    let mut counts: BTreeMap<usize, u32> = BTreeMap::new();
    let mut needed: BTreeMap<&str, usize> = BTreeMap::new();
    let links = item::links(items);
    for (item, first) in items.iter().zip(&links) {
        let Some(first) = first else { continue };
        let (folder, name) = item.target.rsplit_once('/').unwrap_or(("", &item.target));
        *needed.entry(folder).or_default() += ENTRY_HEAD + name.len();
        *counts.entry(*first).or_insert(1) += 1;
    }
    // debugfs gives a directory no more room when it links.
    for (folder, bytes) in needed {
        let folder = match (below, folder) {
            ("", _) => quoted(&format!("/{folder}"))?,
            (below, "") => quoted(below)?,
            (below, folder) => quoted(&format!("{below}/{folder}"))?,
        };
        for _ in 0..=bytes / (BLOCK as usize / 2) {
            let _ = writeln!(script, "expand_dir {folder}");
        }
    }
    for (item, first) in items.iter().zip(&links) {
        let Some(first) = first.and_then(|first| items.get(first)) else { continue };
        let (first, target) =
            (quoted(&format!("{below}/{}", first.target))?, quoted(&format!("{below}/{}", item.target))?);
        let _ = writeln!(script, "ln {first} {target}");
    }
    // Nor does it count names.
    for (first, count) in counts {
        if let Some(item) = items.get(first) {
            let _ = writeln!(script, "sif {} links_count {count}", quoted(&format!("{below}/{}", item.target))?);
        }
    }
    Ok(script)
}

/// The commands that give items what their tree says of them beside their contents. They come last: what is put into a directory
/// changes its time. Directories among `owned` keep the modes that they have.
fn attributes(tools: &Tools, below: &str, items: &[Item], owned: &BTreeSet<&str>) -> Result<String, Ext4Error> {
    let mut script = String::new();
    for item in items {
        let target = quoted(&format!("{below}/{}", item.target))?;
        let kept = &item.attributes;
        if let (ItemKind::Folder, Some(mode)) = (&item.kind, kept.mode)
            && !owned.contains(item.target.as_str())
        {
            let _ = writeln!(script, "sif {target} mode 0{:o}", FOLDER | mode);
        }
        if let Some(capability) = &kept.capability {
            let value = quoted(&tools.keep(capability, false)?)?;
            let _ = writeln!(script, "ea_set -f {value} {target} security.capability");
        }
        if let Some(time) = kept.time {
            let _ = writeln!(script, "sif {target} mtime @{time}");
        }
    }
    Ok(script)
}

#[cfg(test)]
mod tests;
