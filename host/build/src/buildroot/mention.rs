//! Which packages look at a symbol: those whose makefiles have its name in them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use walkdir::WalkDir;

use crate::FileError;
use crate::atomic::read_optional;

/// Symbols, each with the packages that look at it: a package has the name of its makefile.
pub(crate) type Mentions = BTreeMap<String, BTreeSet<String>>;

/// The directories of Buildroot's tree with packages.
const FOLDERS: [&str; 4] = ["boot", "linux", "package", "toolchain"];

/// Finds who looks at some symbols, in Buildroot's tree and in external ones. Reads thousands of small files.
pub(crate) fn find(tree: &Path, external: &[PathBuf], symbols: &BTreeSet<&str>) -> Result<Mentions, FileError> {
    let mut mentions = Mentions::new();
    if symbols.is_empty() {
        return Ok(mentions);
    }
    let roots = FOLDERS.iter().map(|folder| tree.join(folder)).chain(external.iter().cloned());
    for root in roots.filter(|root| root.is_dir()) {
        for entry in WalkDir::new(&root).follow_links(false) {
            let entry = entry.map_err(FileError::walking(&root))?;
            let path = entry.path();
            let Some(package) = path.file_stem().filter(|_| path.extension().is_some_and(|e| e == "mk")) else {
                continue;
            };
            let text = read_optional(path)?.unwrap_or_default();
            for symbol in names(&String::from_utf8_lossy(&text)).filter(|name| symbols.contains(name)) {
                let package = package.to_string_lossy().into_owned();
                mentions.entry(symbol.to_owned()).or_default().insert(package);
            }
        }
    }
    Ok(mentions)
}

/// Returns all names of symbols in a text.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("BR2_"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_makefile_mentions_whole_names() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("package/vpu/vpu.mk");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "VPU_PLATFORM = $(BR2_PLATFORM)\nifeq ($(BR2_OTHER_ONE),y)\n").unwrap();
        let mentions = find(root.path(), &[], &BTreeSet::from(["BR2_PLATFORM", "BR2_OTHER"])).unwrap();
        assert_eq!(mentions, Mentions::from([("BR2_PLATFORM".into(), BTreeSet::from(["vpu".to_owned()]))]));
    }
}
