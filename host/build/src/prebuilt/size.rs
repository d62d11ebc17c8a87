//! How large the parts of a system are.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;

use skiff_plan::Workspace;
use walkdir::WalkDir;

use super::PrebuiltError;
use super::details::Details;
use super::package::PackageLock;
use super::tree::Tree;
use crate::FileError;
use crate::Origin;
use crate::Sizes;

/// Adds up the files of a target. A file with several names counts once.
pub(crate) fn measure(tree: &Tree) -> Result<Vec<(Origin, u64)>, FileError> {
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
    Ok(sizes.into_iter().collect())
}

/// Reads the sizes of the last build, and the layer that each package is there for: the first of those that asked for it or for
/// a package that needs it.
pub(crate) fn read(workspace: &Workspace) -> Result<Sizes, PrebuiltError> {
    let Some(details) = Details::read(workspace)? else { return Ok(Sizes::default()) };
    let names = PackageLock::read(workspace)?.names();
    let layer = |requests: &BTreeSet<String>| requests.iter().find_map(|request| details.layers.get(request)).cloned();
    let layers = names.iter().filter_map(|(package, requests)| Some((package.clone(), layer(requests)?))).collect();
    Ok(Sizes { parts: details.sizes, layers: Some(layers) })
}
