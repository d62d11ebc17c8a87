use crate::ContentError;
use crate::PartitionError;
use skiff_layout::LayoutError;
use std::io;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The layout does not fit.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Contents are missing.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// Contents have no room.
    #[error("partition `{label}` has {has} bytes; its contents need {needs}")]
    TooMuch {
        /// The partition.
        label: String,
        /// Its size.
        has: u64,
        /// What it would need.
        needs: u64,
    },
    /// A file for a partition without a file system, or the other way round.
    #[error("partition `{label}`: {problem}")]
    Partition {
        /// The partition.
        label: String,
        /// What is wrong.
        problem: String,
    },
}

/// Why an image could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A partition could not be made.
    #[error(transparent)]
    Partition(#[from] PartitionError),
    /// The table could not be made.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The user wants to stop.
    #[error("cancelled")]
    Cancelled,
}
