//! How large the parts of a system are.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;

use serde::Deserialize;
use serde::Serialize;
use skiff_plan::Workspace;
use walkdir::WalkDir;

use super::package::PackageLock;
use super::tree::Tree;
use crate::EngineName;
use crate::FileError;
use crate::LockFileError;
use crate::RecordError;
use crate::outputs::BuildRecord;

/// Where a file of a system comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A package of the distribution.
    Package(String),
    /// The root overlay of a layer.
    Overlay(String),
    /// skiff itself, or hooks of plugins.
    #[default]
    Skiff,
}

/// What a build notes in its record.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Details {
    /// The bytes of each part of the target.
    #[serde(default)]
    sizes: Vec<(Origin, u64)>,
}

/// Adds up the files of a target. A file with several names counts once.
pub(crate) fn measure(tree: &Tree) -> Result<Details, FileError> {
    let mut sizes: BTreeMap<Origin, u64> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for entry in WalkDir::new(tree.path()).min_depth(1).sort_by_file_name() {
        let entry = entry.map_err(FileError::walking(tree.path()))?;
        let metadata = entry.metadata().map_err(FileError::walking(tree.path()))?;
        if metadata.is_file() && seen.insert(metadata.ino()) {
            let path = entry.path().strip_prefix(tree.path()).unwrap_or(entry.path());
            *sizes.entry(tree.origin_of(path)).or_default() += metadata.len();
        }
    }
    Ok(Details { sizes: sizes.into_iter().collect() })
}

/// Returns how many bytes of the target each part of the last build has; nothing if this engine has not built it.
///
/// # Errors
/// [`RecordError`] when nobody can tell.
pub fn read_sizes(workspace: &Workspace) -> Result<Vec<(Origin, u64)>, RecordError> {
    let Some(record) = BuildRecord::read(workspace)?.filter(|record| record.engine == EngineName::Prebuilt) else {
        return Ok(Vec::new());
    };
    Ok(record.details::<Details>(workspace)?.sizes)
}

/// Returns which names of `metadata/prebuilt.yaml` each package is locked for.
///
/// # Errors
/// [`LockFileError`] when the lock cannot be read.
pub fn requests(workspace: &Workspace) -> Result<BTreeMap<String, BTreeSet<String>>, LockFileError> {
    Ok(PackageLock::read(workspace)?.names())
}
