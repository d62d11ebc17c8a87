use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::Catalog;
use crate::CatalogError;
use crate::LayerDir;
use crate::LayerName;
use crate::Package;
use crate::ResolveContext;
use crate::dir::PackageTree;

/// The directories in which packages are looked for, in order: extra ones, then the in-tree packages. To find one package
/// takes no list of all of them.
#[derive(Debug)]
pub struct SearchPath<'c> {
    context: &'c ResolveContext,
    roots: Vec<(PathBuf, PackageTree)>,
    unreadable: Vec<PathBuf>,
    /// What was listed before.
    listed: Mutex<BTreeMap<PathBuf, Arc<Vec<String>>>>,
}

impl<'c> SearchPath<'c> {
    /// Opens the directories. An extra one that is missing or unreadable is left out and reported by [`Self::unreadable`].
    ///
    /// # Errors
    /// [`CatalogError::Unreadable`] when the in-tree packages cannot be opened.
    pub fn open(context: &'c ResolveContext) -> Result<Self, CatalogError> {
        let mut path = Self { context, roots: Vec::new(), unreadable: Vec::new(), listed: Mutex::default() };
        for root in &context.extra {
            match PackageTree::open(root).and_then(|tree| path.directories(root).map(|_| tree)) {
                Ok(tree) => path.roots.push((root.clone(), tree)),
                Err(_) => path.unreadable.push(root.clone()),
            }
        }
        let own = &context.configs;
        let unreadable = |source| CatalogError::Unreadable { path: own.clone(), source };
        path.roots.push((own.clone(), PackageTree::open(own).map_err(unreadable)?));
        Ok(path)
    }

    /// Returns what packages are resolved with.
    pub(crate) fn context(&self) -> &'c ResolveContext {
        self.context
    }

    /// Returns the extra directories that could not be listed.
    pub fn unreadable(&self) -> &[PathBuf] {
        &self.unreadable
    }

    /// Finds a package, whatever the case of its name. A directory that `SKIFF_CONFIG_PATH_<NS>_<NAME>` gives comes first.
    ///
    /// # Errors
    /// [`CatalogError::Unreadable`] when a directory cannot be listed or opened.
    pub fn find(&self, name: &LayerName) -> Result<Option<Package>, CatalogError> {
        let mut found: Option<Package> = None;
        for (root, tree) in &self.roots {
            for package in self.named(root, tree, name)? {
                match &mut found {
                    None => found = Some(package),
                    Some(first) => first.hides.push(package.root),
                }
            }
        }
        let suffix = name.variable_suffix();
        let Some(root) = self.context.preset.get(&suffix) else { return Ok(found) };
        let hides = found.as_ref().map(|hidden| std::iter::once(hidden.root.clone()).chain(hidden.hides.clone()));
        let hides = hides.into_iter().flatten().collect();
        let name = found.map_or_else(|| name.clone(), |hidden| hidden.name);
        Ok(Some(Package {
            name,
            root: root.clone(),
            dir: open_preset(root)?,
            variable: Some(variable(&suffix)),
            hides,
        }))
    }

    /// Returns the packages of a name in one directory: their names differ in the case of letters.
    fn named(&self, root: &Path, tree: &PackageTree, name: &LayerName) -> Result<Vec<Package>, CatalogError> {
        let mut found = Vec::new();
        let list = |path: &Path| {
            self.directories(path).map_err(|source| CatalogError::Unreadable { path: path.to_owned(), source })
        };
        let Some((wanted_namespace, wanted)) = name.as_str().split_once('/') else { return Ok(found) };
        let namespaces = list(root)?;
        for namespace in namespaces.iter().filter(|known| known.eq_ignore_ascii_case(wanted_namespace)) {
            let path = root.join(namespace);
            if path == self.context.base {
                continue;
            }
            for package in list(&path)?.iter().filter(|known| known.eq_ignore_ascii_case(wanted)) {
                let Ok(name) = format!("{namespace}/{package}").parse() else { continue };
                let dir = tree.layer(Path::new(namespace).join(package));
                found.push(Package { name, root: path.join(package), dir, variable: None, hides: Vec::new() });
            }
        }
        Ok(found)
    }

    /// Returns the packages whose names are most like `name`.
    pub(crate) fn similar(&self, name: &LayerName) -> Vec<LayerName> {
        // Of a search path that cannot be listed nothing is proposed.
        Catalog::scan(self.context).map(|catalog| catalog.similar(name)).unwrap_or_default()
    }

    /// Lists the real directories in a directory, in name order, those with a leading dot left out.
    fn directories(&self, path: &Path) -> io::Result<Arc<Vec<String>>> {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = listed.get(path) {
            return Ok(Arc::clone(known));
        }
        let names = Arc::new(directories(path)?);
        listed.insert(path.to_owned(), Arc::clone(&names));
        Ok(names)
    }
}

/// A package whose directory a variable names is a tree of its own.
pub(crate) fn open_preset(root: &Path) -> Result<LayerDir, CatalogError> {
    LayerDir::open(root).map_err(|source| CatalogError::Unreadable { path: root.to_owned(), source })
}

/// Returns the name of the variable that gives the directory of a package.
pub(crate) fn variable(suffix: &str) -> String {
    format!("SKIFF_CONFIG_PATH_{suffix}")
}

/// Lists the real directories in a directory, in name order, those with a leading dot left out.
pub(crate) fn directories(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir()
            && let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looking up one package and listing all of them come to the same.
    #[test]
    fn a_package_is_found_where_the_catalog_has_it() {
        let root = tempfile::tempdir().unwrap();
        for package in ["own/a/x", "own/B/y", "own/base/pre", "one/A/x", "one/b/y", "one/b/Y", "two/.c/z", "preset"] {
            fs::create_dir_all(root.path().join(package)).unwrap();
        }
        std::os::unix::fs::symlink("x", root.path().join("one/A/link")).unwrap();
        let context = ResolveContext {
            configs: root.path().join("own"),
            base: root.path().join("own/base"),
            overrides: root.path().join("overrides"),
            workspace: "default".into(),
            extra: vec![root.path().join("one"), root.path().join("missing"), root.path().join("two")],
            preset: BTreeMap::from([("A_X".into(), root.path().join("preset"))]),
        };
        let (path, catalog) = (SearchPath::open(&context).unwrap(), Catalog::scan(&context).unwrap());
        assert_eq!(path.unreadable(), catalog.unreadable());
        for name in ["a/x", "A/X", "b/y", "B/Y", "a/link", "base/pre", ".c/z", "no/where"] {
            let Ok(name) = name.parse::<LayerName>() else { continue };
            let shown =
                |package: Option<&Package>| package.map(|p| (p.name.to_string(), p.root.clone(), p.hides.clone()));
            let listed = catalog.packages().find(|package| package.name == name);
            assert_eq!(shown(path.find(&name).unwrap().as_ref()), shown(listed), "{name}");
        }
    }
}
