//! How large the parts of a system are.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;

use serde::Deserialize;
use serde::Serialize;
use skiff_plan::Workspace;
use walkdir::WalkDir;

use super::PrebuiltError;
use super::package::PackageLock;
use super::tree::Tree;
use crate::EngineName;
use crate::FileError;
use crate::Gap;
use crate::Origin;
use crate::Sizes;
use crate::outputs::BuildRecord;

/// What a build notes in its record.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Details {
    /// The bytes of each part of the target.
    #[serde(default)]
    sizes: Vec<(Origin, u64)>,
    /// What maintainer scripts would have done and nothing did.
    #[serde(default)]
    pub(crate) undone: Vec<String>,
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
    Ok(Details { sizes: sizes.into_iter().collect(), undone: Vec::new() })
}

/// Returns what the last build did not carry out of the packages' maintainer scripts.
pub(crate) fn undone(workspace: &Workspace) -> Vec<Gap> {
    // A record that cannot be read is an error where it is used.
    let record = BuildRecord::read(workspace).ok().flatten().filter(|record| record.engine == EngineName::Prebuilt);
    let details = record.and_then(|record| record.details::<Details>(workspace).ok()).unwrap_or_default();
    let gap = |what: String| Gap { group: "maintainer scripts", what, layer: "packages".to_owned(), place: None };
    details.undone.into_iter().map(gap).collect()
}

/// Reads the sizes of the last build, and which names of `metadata/prebuilt.yaml` each package is locked for.
pub(crate) fn read(workspace: &Workspace) -> Result<Sizes, PrebuiltError> {
    let record = BuildRecord::read(workspace)?.filter(|record| record.engine == EngineName::Prebuilt);
    let Some(record) = record else { return Ok(Sizes::default()) };
    let parts = record.details::<Details>(workspace)?.sizes;
    Ok(Sizes { parts, requests: Some(PackageLock::read(workspace)?.names()) })
}
