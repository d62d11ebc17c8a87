//! Symbols that the external trees of a chain define.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::OnceLock;

use skiff_kconfig::Definitions;
use skiff_kconfig::Kind;
use skiff_layers::LayerDir;
use skiff_layers::ReadError;

use skiff_report::Cancel;

/// Answers whether an external tree of a chain defines a symbol. The trees are read when that is first asked.
#[derive(Debug)]
pub(crate) struct ExternalSymbols {
    trees: Vec<ExternalTree>,
    cancel: Cancel,
    names: OnceLock<Option<BTreeSet<String>>>,
}

/// An external tree, and the layer that it is read through.
#[derive(Debug)]
pub(crate) struct ExternalTree {
    pub(crate) folder: PathBuf,
    pub(crate) layer: LayerDir,
}

impl ExternalTree {
    /// Reads a file of the tree, which may be a link to another package of the layer's tree.
    fn read(&self, path: &Path, most: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let root = self.layer.path("");
        self.layer.bytes(path.strip_prefix(&root).unwrap_or(path), most)
    }

    /// Returns the variable that holds the path of the tree: its name stands in `external.desc`.
    fn variable(&self) -> Option<String> {
        let text = self.read(&self.folder.join("external.desc"), 1 << 16).ok()??;
        let text = String::from_utf8_lossy(&text);
        let name = text.lines().find_map(|line| line.strip_prefix("name:"))?;
        Some(format!("BR2_EXTERNAL_{}_PATH", name.trim()))
    }
}

impl ExternalSymbols {
    pub(crate) fn new(trees: Vec<ExternalTree>, cancel: &Cancel) -> Self {
        Self { trees, cancel: cancel.clone(), names: OnceLock::new() }
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
        let path = |tree: &ExternalTree| Some((tree.variable()?, tree.folder.to_string_lossy().into_owned()));
        let variables: BTreeMap<String, String> = self.trees.iter().filter_map(path).collect();
        let (trees, cancel) = (&self.trees, &self.cancel);
        let read = |path: &Path, most: u64| {
            cancel.check().map_err(|error| error.to_string())?;
            let tree = trees.iter().find(|tree| path.starts_with(&tree.folder));
            let tree = tree.ok_or("it lies outside of the external trees")?;
            tree.read(path, most).map_err(|error| error.to_string())
        };
        let mut names = BTreeSet::new();
        for tree in &self.trees {
            let definitions = Definitions::read_with(Kind::Buildroot, &tree.folder, &variables, &read).ok()?;
            names.extend(definitions.names().map(str::to_owned));
        }
        Some(names)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn symbols(folder: &Path) -> ExternalSymbols {
        let tree = ExternalTree { folder: folder.to_owned(), layer: LayerDir::open(folder).unwrap() };
        ExternalSymbols::new(vec![tree], &Cancel::default())
    }

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
        let symbols = symbols(folder.path());
        assert!(symbols.defines("IX_A") && symbols.defines("IX_B"));
        assert!(!symbols.defines("IX_C"));
        assert!(!ExternalSymbols::new(Vec::new(), &Cancel::default()).defines("IX_A"));
    }

    #[test]
    fn kconfig_decides_about_a_tree_that_is_not_understood() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Config.in"), "config IX_A\n\tbool \"a\nwhatever\n").unwrap();
        assert!(symbols(folder.path()).defines("IX_C"));
    }

    #[test]
    fn a_tree_is_not_left() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("tree");
        fs::create_dir(&folder).unwrap();
        fs::write(root.path().join("secret"), "config IX_B\n\tbool \"b\"\n").unwrap();
        for source in ["../secret", root.path().join("secret").to_str().unwrap(), "/proc/self/pagemap"] {
            fs::write(folder.join("Config.in"), format!("config IX_A\n\tbool \"a\"\nsource \"{source}\"\n")).unwrap();
            assert!(symbols(&folder).names.get_or_init(|| symbols(&folder).read()).is_none(), "{source}");
        }
    }
}
