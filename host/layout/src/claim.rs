//! Who owns which bytes.

use std::fmt;
use std::ops::Range;

use crate::LayoutError;
use crate::Table;

/// Somebody who owns bytes of a medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The partition table.
    Table(Table),
    /// The copy of a GPT at the end of the medium.
    BackupTable,
    /// A partition.
    Partition(String),
    /// Contents outside of partitions.
    Raw(String),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(table) => write!(f, "{table}"),
            Self::BackupTable => f.write_str("the backup of the GPT"),
            Self::Partition(label) => write!(f, "partition `{label}`"),
            Self::Raw(name) => write!(f, "raw contents `{name}`"),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gpt => "the GPT",
            Self::Mbr => "the MBR",
            Self::None => "a medium without a table",
        })
    }
}

/// A medium whose bytes have at most one owner each.
#[derive(Debug)]
pub(crate) struct Claims {
    size: u64,
    claims: Vec<(Range<u64>, Owner)>,
}

impl Claims {
    pub(crate) fn new(size: u64) -> Self {
        Self { size, claims: Vec::new() }
    }

    /// Gives a range to an owner, unless it has one.
    pub(crate) fn add(&mut self, range: Range<u64>, owner: Owner) -> Result<(), LayoutError> {
        if range.is_empty() {
            return Ok(());
        }
        if range.end > self.size {
            return Err(LayoutError::PastEnd { owner, end: range.end, size: self.size });
        }
        if let Some((taken, other)) =
            self.claims.iter().find(|(taken, _)| taken.start < range.end && range.start < taken.end)
        {
            let at = taken.start.max(range.start);
            let (one, other) = if taken.start <= range.start { (other.clone(), owner) } else { (owner, other.clone()) };
            return Err(LayoutError::Overlap { one, other, at });
        }
        self.claims.push((range, owner));
        Ok(())
    }

    /// Whether anybody owns a part of a range.
    pub(crate) fn is_taken(&self, range: &Range<u64>) -> bool {
        self.claims.iter().any(|(taken, _)| taken.start < range.end && range.start < taken.end)
    }
}
