use crate::Bytes;
use crate::Owner;
use crate::Table;

/// Why a layout cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A type that nobody knows.
    #[error("`{text}` is not a type of partition")]
    UnknownType {
        /// What was said.
        text: String,
    },
    /// An identity of a medium is not one.
    #[error("`{text}` is not the identity of a medium: a UUID for a GPT, 0x and eight digits for an MBR")]
    Id {
        /// What was said.
        text: String,
    },
    /// An identity of a partition is not one.
    #[error("`{text}` is not a UUID")]
    Uuid {
        /// What was said.
        text: String,
    },
    /// The medium's identity is of another table.
    #[error("id `{id}` is not valid for {table}")]
    IdOfOtherTable {
        /// The identity.
        id: String,
        /// The table.
        table: Table,
    },
    /// Something of raw contents is wrong.
    #[error("raw contents `{name}`: {problem}")]
    Raw {
        /// The contents.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A type that the table has no place for.
    #[error("type `{kind}` has no place in {table}")]
    TypeOfOtherTable {
        /// The type.
        kind: String,
        /// The table.
        table: Table,
    },
    /// A name that is empty, too long, used twice or not text that a table can hold.
    #[error("partition `{label}`: {problem}")]
    Label {
        /// The name.
        label: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Something of a partition contradicts itself.
    #[error("partition `{label}`: {problem}")]
    Partition {
        /// The partition.
        label: String,
        /// What is wrong.
        problem: String,
    },
    /// More partitions than the table holds.
    #[error("{count} partitions, and {table} has room for {limit}")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: u32,
        /// The table.
        table: Table,
    },
    /// More sources of contents than are looked for.
    #[error("{count} sources of contents, and a layout has at most {limit}")]
    Sources {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// More changes of texts than anybody waits for.
    #[error("{count} edits of texts, and a layout has at most {limit}")]
    Edits {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A medium on which the least sizes have no room.
    #[error("the medium has {has} bytes ({}), and the layout needs at least {needs} ({})", Bytes(*has), Bytes(*needs))]
    TooSmall {
        /// Its size in bytes.
        has: u64,
        /// What would be enough.
        needs: u64,
    },
    /// A medium of a form that nothing fits on.
    #[error("a medium of {size} bytes with sectors of {sector}: {problem}")]
    Medium {
        /// Its size in bytes.
        size: u64,
        /// Its sectors in bytes.
        sector: u32,
        /// What is wrong with it.
        problem: String,
    },
    /// Two want the same bytes.
    #[error("{one} and {other} overlap at byte {at}")]
    Overlap {
        /// The one that starts first.
        one: Owner,
        /// The other.
        other: Owner,
        /// The first byte that both want.
        at: u64,
    },
    /// Something lies, at least in part, behind the end.
    #[error("{owner} ends at byte {end}, and the medium at byte {size}")]
    PastEnd {
        /// What it is.
        owner: Owner,
        /// Where it would end.
        end: u64,
        /// The medium's size.
        size: u64,
    },
}
