//! Which blocks of a file system hold something.

use std::ops::Range;

use skiff_layout::Ranges;

use super::Ext4Error;
use super::tools::Place;
use super::tools::Tools;

/// The blocks of a file system, as dumpe2fs tells them. All ranges are bytes from its start.
pub(crate) struct Blocks {
    /// Bytes of a block.
    pub(crate) size: u64,
    /// The whole.
    pub(crate) all: Range<u64>,
    /// Those that hold nothing.
    pub(crate) free: Ranges,
    /// Parts of inode tables that nobody has used or zeroed; Linux does that after the first mount.
    unused_inodes: Ranges,
}

impl Blocks {
    pub(crate) fn of(tools: &Tools, place: &Place) -> Result<Self, Ext4Error> {
        let said = tools.run("dumpe2fs", &[], place, &[])?;
        if said.code != Some(0) {
            return Err(Ext4Error::Damaged { said: said.last_lines() });
        }
        Self::parse(&said.stdout).ok_or_else(|| Ext4Error::Damaged { said: "dumpe2fs cannot list its blocks".into() })
    }

    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let number = |name: &str| field(name)?.parse::<u64>().ok();
        let (size, count) = (number("Block size:")?, number("Block count:")?);
        let inode_size = number("Inode size:")?;
        if !size.is_power_of_two() {
            return None;
        }
        // What a damaged file system says of its sizes reaches the end of every type.
        let bytes = |blocks: Range<u64>| Some(blocks.start.checked_mul(size)?..blocks.end.checked_mul(size)?);
        let (mut free, mut unused_inodes) = (Ranges::default(), Ranges::default());
        let (mut table, mut zeroed) = (None, true);
        for line in text.lines() {
            let line = line.trim();
            if line.starts_with("Group ") && line.contains(": (Blocks ") {
                zeroed = line.contains("ITABLE_ZEROED");
            } else if let Some(rest) = line.strip_prefix("Inode table at ") {
                table = range(rest.split_whitespace().next()?);
            } else if let Some((_, rest)) = line.split_once(" directories, ").filter(|_| !zeroed) {
                let unused: u64 = rest.split_whitespace().next()?.parse().ok()?;
                let end = bytes(table.clone()?)?.end;
                let unused = unused.checked_mul(inode_size)?.min(end);
                let start = (end - unused).checked_next_multiple_of(size)?;
                unused_inodes.add(start..end);
            // The first line of this name, before all groups, is a number: how many there are.
            } else if let Some(rest) = line.strip_prefix("Free blocks:").filter(|_| table.is_some()) {
                for run in rest.split(',').map(str::trim).filter(|run| !run.is_empty()) {
                    free.add(bytes(range(run)?)?);
                }
            }
        }
        Some(Self { size, all: bytes(0..count)?, free, unused_inodes })
    }

    /// Everything that has to be on a medium for the file system to be what it is.
    pub(crate) fn matter(&self) -> Ranges {
        let mut skipped = self.free.clone();
        skipped.add_moved(&self.unused_inodes, 0);
        skipped.gaps(self.all.clone())
    }
}

/// Reads `5` or `5-9`, both ends included.
fn range(text: &str) -> Option<Range<u64>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_the_edge_of_their_type_are_damage() {
        let said = |size: u64, count: u64, last: u64| {
            format!(
                "Block count:              {count}\nBlock size:               {size}\nInode size:\t          256\n\n\
                 Group 0: (Blocks 0-{last}) csum 0x1 [ITABLE_ZEROED]\n  Inode table at 5-9 (+5)\n  Free blocks: 10-{last}\n"
            )
        };
        let good = Blocks::parse(&said(4096, 100, 99)).unwrap();
        assert_eq!((good.all, good.free.total()), (0..409_600, 90 * 4096));
        for (size, count, last) in [
            (4096, u64::MAX, 99),
            (4096, 100, u64::MAX),
            (4096, 100, u64::MAX - 1),
            (0, 100, 99),
            (u64::MAX, 2, 1),
            (1 << 63, 3, 2),
        ] {
            assert!(Blocks::parse(&said(size, count, last)).is_none(), "{size} {count} {last}");
        }
        assert!(Blocks::parse("Block count: 18446744073709551616\nBlock size: 4096\nInode size: 256\n").is_none());
    }
}
