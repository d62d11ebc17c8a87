use std::io;

use crate::Ext4Error;
use crate::FatError;

/// Why a file system cannot be made, inspected or changed.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// An error of FAT.
    #[error(transparent)]
    Fat(#[from] FatError),
    /// An error of ext4.
    #[error(transparent)]
    Ext4(#[from] Ext4Error),
    /// Its files cannot be read.
    #[error("its file system cannot be read: {0}")]
    Unreadable(#[source] io::Error),
}

/// Why a partition cannot be made, inspected or changed.
#[derive(Debug, thiserror::Error)]
#[error("partition `{label}`: {source}")]
pub struct PartitionError {
    /// The partition.
    pub label: String,
    /// The error of its file system.
    pub source: VolumeError,
}

impl VolumeError {
    /// Whether the user wanted to stop.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Fat(FatError::Cancelled) | Self::Ext4(Ext4Error::Cancelled))
    }

    /// The same, of the partition `label`.
    pub(crate) fn of(self, label: &str) -> PartitionError {
        PartitionError { label: label.to_owned(), source: self }
    }
}
