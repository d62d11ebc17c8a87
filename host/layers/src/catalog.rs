use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use skiff_text::Line;

use crate::CatalogError;
use crate::LayerDir;
use crate::LayerName;
use crate::Location;
use crate::ReadError;
use crate::ResolveContext;
use crate::dir::PackageTree;
use crate::metadata;
use crate::search_path::directories;
use crate::search_path::open_preset;
use crate::search_path::variable;

/// All packages on the search path.
#[derive(Debug, Clone)]
pub struct Catalog {
    packages: BTreeMap<LayerName, Package>,
    /// Package roots that could not be listed and were left out.
    unreadable: Vec<PathBuf>,
}

/// A package: a directory that can become a layer.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name.
    pub name: LayerName,
    /// Its directory.
    pub root: PathBuf,
    /// The same, held open.
    pub(crate) dir: LayerDir,
    /// The environment variable that gave the directory, if one did.
    pub(crate) variable: Option<String>,
    /// Directories of the same name further down the search path, which this one hides.
    pub hides: Vec<PathBuf>,
}

impl Package {
    /// Reads the one-line description.
    ///
    /// # Errors
    /// [`ReadError::Io`] when the file is there and cannot be read.
    pub fn description(&self) -> Result<Option<Line<200>>, ReadError> {
        metadata::description(&self.dir)
    }

    /// Returns whether the package hides itself from listings.
    pub fn unlisted(&self) -> bool {
        self.dir.metadata("metadata/unlisted").is_ok_and(|found| found.is_some())
    }

    /// Reads the packages that this one needs, each with the line that says so.
    ///
    /// # Errors
    /// [`ReadError`] when the file cannot be read or names something that is no package name.
    pub fn dependencies(&self) -> Result<Vec<(LayerName, Location)>, ReadError> {
        metadata::dependencies(&self.dir)
    }

    /// Reads the group of which a chain may hold only one package.
    ///
    /// # Errors
    /// [`ReadError::Io`] when the file is there and cannot be read.
    pub fn unique_group(&self) -> Result<Option<Line<80>>, ReadError> {
        metadata::word(&self.dir, "uniquegroup")
    }
}

impl Catalog {
    /// Lists the packages of all roots of the search path.
    ///
    /// A missing or unreadable extra root is left out and reported by [`Self::unreadable`].
    ///
    /// # Errors
    /// [`CatalogError::Unreadable`] when the in-tree packages cannot be listed.
    pub fn scan(context: &ResolveContext) -> Result<Self, CatalogError> {
        let mut catalog = Self { packages: BTreeMap::new(), unreadable: Vec::new() };
        for root in &context.extra {
            if catalog.add_root(root, context).is_err() {
                catalog.unreadable.push(root.clone());
            }
        }
        catalog
            .add_root(&context.configs, context)
            .map_err(|source| CatalogError::Unreadable { path: context.configs.clone(), source })?;
        catalog.add_presets(context)?;
        Ok(catalog)
    }

    /// Real directories two levels down are packages; symlinks and names that no package may have are not.
    fn add_root(&mut self, root: &Path, context: &ResolveContext) -> io::Result<()> {
        let tree = PackageTree::open(root)?;
        // A root is in the catalog as a whole or not at all.
        let mut found = Vec::new();
        for namespace in directories(root)? {
            let namespace_root = root.join(&namespace);
            // Base layers are in every chain already.
            if namespace_root == context.base {
                continue;
            }
            for name in directories(&namespace_root)? {
                let Ok(layer) = format!("{namespace}/{name}").parse::<LayerName>() else { continue };
                if !layer.is_reserved() {
                    found.push((layer, namespace_root.join(&name), tree.layer(Path::new(&namespace).join(&name))));
                }
            }
        }
        found.into_iter().for_each(|(layer, root, dir)| self.add(layer, root, dir));
        Ok(())
    }

    fn add(&mut self, name: LayerName, root: PathBuf, dir: LayerDir) {
        match self.packages.get_mut(&name) {
            Some(package) => package.hides.push(root),
            None => {
                let package = Package { name: name.clone(), root, dir, variable: None, hides: Vec::new() };
                self.packages.insert(name, package);
            }
        }
    }

    fn add_presets(&mut self, context: &ResolveContext) -> Result<(), CatalogError> {
        for package in self.packages.values_mut() {
            let suffix = package.name.variable_suffix();
            if let Some(root) = context.preset.get(&suffix) {
                package.dir = open_preset(root)?;
                let hidden = std::mem::replace(&mut package.root, root.clone());
                package.hides.insert(0, hidden);
                package.variable = Some(variable(&suffix));
            }
        }
        Ok(())
    }

    /// Returns all packages in name order.
    pub fn packages(&self) -> impl Iterator<Item = &Package> {
        self.packages.values()
    }

    /// Returns the extra roots that could not be listed.
    pub fn unreadable(&self) -> &[PathBuf] {
        &self.unreadable
    }

    /// Returns the packages whose names are most like `name`, best first, at most three.
    pub(crate) fn similar(&self, name: &LayerName) -> Vec<LayerName> {
        let wanted = name.folded();
        let mut ranked: Vec<_> = self
            .packages
            .keys()
            .map(|known| (strsim::jaro_winkler(&wanted, &known.folded()), known))
            .filter(|(score, _)| *score > 0.8)
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranked.into_iter().take(3).map(|(_, known)| known.clone()).collect()
    }
}
