//! Directories of libraries that only `ld.so.cache` would list. The target has no such file.

use std::collections::BTreeSet;

use crate::Error;
use crate::TreePath;
use crate::gap::Gap;
use crate::tree::Tree;

/// Bytes of a file of `ld.so.conf.d`, and lines of all of them.
const MAX_FILE: u64 = 64 << 10;
const MAX_LINES: usize = 2000;

/// Returns the directories in `ld.so.conf.d` that have libraries and that the loader does not search by itself.
pub(crate) fn gaps(tree: Tree<'_>) -> Result<Vec<Gap>, Error> {
    let folder = TreePath::parse("etc/ld.so.conf.d").unwrap_or_default();
    let mut lines: BTreeSet<(TreePath, TreePath)> = BTreeSet::new();
    for name in tree.list(&folder)?.into_iter().filter(|name| name.ends_with(".conf")) {
        let path = folder.join(&name);
        let text = tree.text(&path, MAX_FILE)?.unwrap_or_default();
        let paths = text.lines().map(str::trim).filter(|line| line.starts_with('/')).filter_map(TreePath::parse);
        lines.extend(paths.map(|listed| (listed, path.clone())));
        if lines.len() > MAX_LINES {
            return Err(Error::TooMany { what: "lines of ld.so.conf.d", limit: MAX_LINES });
        }
    }
    let mut gaps = Vec::new();
    for (folder, listed) in lines {
        let real = tree.resolve(&folder)?;
        if !is_built_in(&real) && tree.list(&real)?.iter().any(|name| name.contains(".so")) {
            gaps.push(Gap::Libraries { folder, listed });
        }
    }
    Ok(gaps)
}

/// Returns whether Debian's loader searches a directory: `/lib`, `/usr/lib` and those of the architecture below them.
fn is_built_in(folder: &TreePath) -> bool {
    let path = folder.as_str();
    let below = path.strip_prefix("usr/").unwrap_or(path);
    match below.split_once('/') {
        None => matches!(below, "lib" | "lib64"),
        Some(("lib", triplet)) => !triplet.contains('/') && triplet.contains("-linux-gnu"),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Memory;

    #[test]
    fn only_directories_with_libraries_that_the_loader_does_not_search_are_gaps() {
        let root = Memory::default()
            .link("lib", "usr/lib")
            .file("etc/ld.so.conf.d/a.conf", "# x\n/lib/arm-linux-gnueabi\n/usr/local/lib\n/opt/x/lib\n/opt/empty\n")
            .file("usr/lib/arm-linux-gnueabi/liba.so.1", "")
            .file("opt/x/lib/libx.so", "")
            .file("opt/empty/text", "");
        let shown: Vec<String> = gaps(Tree::new(&root)).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), 1);
        assert!(shown[0].contains("/opt/x/lib"), "{shown:?}");
    }
}
