//! Symbols that the external trees of a chain define.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use skiff_kconfig::Definitions;
use skiff_kconfig::Kind;

/// Answers whether an external tree of a chain defines a symbol. The trees are read when that is first asked.
pub(crate) struct ExternalSymbols {
    trees: Vec<PathBuf>,
    names: OnceCell<Option<BTreeSet<String>>>,
}

impl ExternalSymbols {
    pub(crate) fn new(trees: Vec<PathBuf>) -> Self {
        Self { trees, names: OnceCell::new() }
    }

    /// Returns whether a tree defines a symbol. Where a tree cannot be read here, Buildroot's Kconfig is left to decide.
    pub(crate) fn defines(&self, symbol: &str) -> bool {
        match self.names.get_or_init(|| self.read()) {
            Some(names) => names.contains(symbol),
            None => true,
        }
    }

    fn read(&self) -> Option<BTreeSet<String>> {
        // Buildroot gives a tree's path to all of them.
        let paths = self.trees.iter().filter_map(|tree| Some((variable(tree)?, tree.to_string_lossy().into_owned())));
        let variables: BTreeMap<String, String> = paths.collect();
        let mut names = BTreeSet::new();
        for tree in &self.trees {
            let definitions = Definitions::read(Kind::Buildroot, tree, &variables).ok()?;
            names.extend(definitions.names().map(str::to_owned));
        }
        Some(names)
    }
}

/// Returns the variable that holds the path of a tree: its name stands in `external.desc`.
fn variable(tree: &Path) -> Option<String> {
    const MAX_SIZE: u64 = 1 << 16;
    let file = tree.join("external.desc");
    if !fs::metadata(&file).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= MAX_SIZE) {
        return None;
    }
    let text = fs::read_to_string(file).ok()?;
    let name = text.lines().find_map(|line| line.strip_prefix("name:"))?;
    Some(format!("BR2_EXTERNAL_{}_PATH", name.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_of_all_files_of_a_tree_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("external.desc", "desc: Ours\nname: OURS\n");
        write("Config.in", "config IX_A\n\tbool \"a\"\nsource \"$BR2_EXTERNAL_OURS_PATH/package/p/Config.in\"\n");
        write("package/p/Config.in", "config IX_B\n\tstring \"b\"\n");
        let symbols = ExternalSymbols::new(vec![folder.path().to_owned()]);
        assert!(symbols.defines("IX_A") && symbols.defines("IX_B"));
        assert!(!symbols.defines("IX_C"));
        assert!(!ExternalSymbols::new(Vec::new()).defines("IX_A"));
    }

    #[test]
    fn kconfig_decides_about_a_tree_that_is_not_understood() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Config.in"), "config IX_A\n\tbool \"a\nwhatever\n").unwrap();
        assert!(ExternalSymbols::new(vec![folder.path().to_owned()]).defines("IX_C"));
    }
}
