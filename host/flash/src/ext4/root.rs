//! The root directory, in which names begin to mean something else. Where that changes more than one sector, it moves to other
//! blocks as it is: the inode that says where it is has one sector.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use regex::Regex;
use skiff_layout::Ranges;

use super::Ext4Error;
use super::blocks::Blocks;
use super::tools::Place;
use super::tools::Tools;
use super::tools::numbers;
use crate::update::read_full;

/// Bytes that a medium writes whole.
pub(crate) const SECTOR: u64 = 512;

/// An extent header with one entry in an inode (ext4's documentation: magic 0xf30a, entries, room for four, depth 0).
const HEADER: [u32; 2] = [0x0001_f30a, 4];

/// Blocks of a root directory that are compared in memory: 16 MiB of those that skiff makes.
const MAX_BLOCKS: usize = 4096;

/// The blocks of the root directory.
pub(crate) fn blocks(tools: &Tools, place: &Place) -> Result<Vec<u64>, Ext4Error> {
    let blocks = numbers(&tools.ask(place, "blocks <2>")?);
    if blocks.len() > MAX_BLOCKS { Err(Ext4Error::RootFolder) } else { Ok(blocks) }
}

/// Moves the root directory to blocks of `free`; returns the sector with its inode, in bytes from the start.
pub(crate) fn relocate(tools: &Tools, place: &Place, file: &File, free: &Ranges) -> Result<Range<u64>, Ext4Error> {
    let old = blocks(tools, place)?;
    let Blocks { size, free: now_free, .. } = Blocks::of(tools, place)?;
    // Its extents are all in the inode: anything else is left as it is.
    let tree = tools.ask(place, "dump_extents <2>").map_err(|_| Ext4Error::RootFolder)?;
    let flat = Regex::new(r"^\s*0/\s*0\s").map_err(|_| Ext4Error::RootFolder)?;
    let mut rows = tree.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("Level Entries"));
    let needs = old.len() as u64 * size;
    let rooms = now_free.iter().flat_map(|range| free.within(range).iter().collect::<Vec<_>>());
    let room = rooms.into_iter().find(|range| range.end - range.start >= needs);
    let (Some(room), true) = (room, rows.all(|row| flat.is_match(row)) && !old.is_empty()) else {
        return Err(Ext4Error::RootFolder);
    };
    let mut bytes = vec![0; size as usize];
    for (number, block) in (0u64..).zip(&old) {
        read_full(file, block * size, &mut bytes)?;
        file.write_all_at(&bytes, room.start + number * size)?;
    }
    let (first, count) = (room.start / size, old.len() as u64);
    let [header, room_for] = HEADER;
    let freed: String = old.iter().map(|block| format!("freeb {block}\n")).collect();
    tools.change(
        place,
        &format!(
            "setb {first} {count}\n\
             set_inode_field <2> block[0] {header}\n\
             set_inode_field <2> block[1] {room_for}\n\
             set_inode_field <2> block[3] 0\n\
             set_inode_field <2> block[4] {}\n\
             set_inode_field <2> block[5] {}\n{freed}",
            count | first >> 32 << 16,
            first & 0xffff_ffff,
        ),
    )?;
    inode_sector(&tools.ask(place, "imap <2>")?, size).ok_or(Ext4Error::RootFolder)
}

/// Where debugfs says that an inode is: `located at block 1060, offset 0x0100`.
fn inode_sector(said: &str, size: u64) -> Option<Range<u64>> {
    let (_, rest) = said.split_once("located at block ")?;
    let (block, offset) = rest.trim().split_once(", offset 0x")?;
    let at = block.parse::<u64>().ok()?.checked_mul(size)?.checked_add(u64::from_str_radix(offset, 16).ok()?)?;
    let start = at / SECTOR * SECTOR;
    Some(start..start.checked_add(SECTOR)?)
}
