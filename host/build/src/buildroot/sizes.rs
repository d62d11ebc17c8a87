//! How much each package takes in the target, from what Buildroot records: `build/packages-file-list.txt`.

use std::collections::BTreeMap;
use std::path::Path;

use skiff_plan::Workspace;

use super::BuildrootError;
use crate::FileError;
use crate::Origin;
use crate::Sizes;
use crate::atomic::read_optional;

/// Reads the sizes of the last build.
pub(crate) fn read(workspace: &Workspace) -> Result<Sizes, BuildrootError> {
    let sizes = read_installed(&workspace.folder())?;
    let parts = sizes.into_iter().map(|(package, bytes)| (Origin::Package(package), bytes)).collect();
    Ok(Sizes { parts, layers: None })
}

/// Returns the bytes of the files that each package has installed. A file that several packages have written counts
/// for the last one; `overlays and hooks` are files that no package has. Empty before the first build.
fn read_installed(workspace: &Path) -> Result<BTreeMap<String, u64>, FileError> {
    let path = workspace.join("build/packages-file-list.txt");
    let Some(list) = read_optional(&path)? else { return Ok(BTreeMap::new()) };
    let list = String::from_utf8_lossy(&list);
    // A line is `package,./path`.
    let owners: BTreeMap<&str, &str> = list
        .lines()
        .filter_map(|line| line.split_once(','))
        .map(|(package, path)| (path.trim_start_matches("./"), package))
        .collect();
    let mut sizes = BTreeMap::new();
    if owners.is_empty() {
        return Ok(sizes);
    }
    let target = workspace.join("target");
    for entry in walkdir::WalkDir::new(&target).min_depth(1) {
        let entry = entry.map_err(FileError::walking(&target))?;
        let metadata = entry.metadata().map_err(FileError::walking(&target))?;
        if !metadata.is_file() {
            continue;
        }
        let path = entry.path().strip_prefix(&target).unwrap_or(entry.path()).to_string_lossy();
        let owner = owners.get(path.as_ref()).copied().unwrap_or("overlays and hooks");
        *sizes.entry(owner.to_owned()).or_insert(0) += metadata.len();
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_belong_to_the_last_package_that_wrote_them() {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("build/packages-file-list.txt", "a,./bin/x\nb,./bin/x\na,./bin/y\n"),
            ("target/bin/x", "12345"),
            ("target/bin/y", "1"),
            ("target/etc/own", "12"),
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let sizes = read_installed(root.path()).unwrap();
        let expected = [("a".to_owned(), 1), ("b".to_owned(), 5), ("overlays and hooks".to_owned(), 2)];
        assert_eq!(sizes.into_iter().collect::<Vec<_>>(), expected);
    }
}
