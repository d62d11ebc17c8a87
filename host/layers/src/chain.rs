use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use skiff_text::Line;

use crate::ChainError;
use crate::Layer;
use crate::LayerDir;
use crate::LayerName;
use crate::LayerSource;
use crate::Location;
use crate::Package;
use crate::ReadError;
use crate::ResolveContext;
use crate::SearchPath;
use crate::dir::PackageTree;
use crate::search_path;

/// The ordered, dependency-complete list of packages of a system, and with it all its layers.
///
/// Can only be made by [`Chain::resolve`].
#[derive(Debug, Clone)]
pub struct Chain {
    requested: Vec<LayerName>,
    names: Vec<LayerName>,
    packages: Vec<Package>,
    layers: Vec<Layer>,
    late: Vec<(LayerName, LayerName)>,
}

/// A package with its dependency file read.
struct Node {
    package: Package,
    dependencies: Vec<(LayerName, Location)>,
}

impl Chain {
    /// Resolves a requested list of package names (separated by commas or blanks).
    ///
    /// A dependency that the list lacks goes directly before the first package that needs it; one that the
    /// list has stays where it is, even behind its dependent. The order is therefore the user's, completed,
    /// and not a topological one: SkiffOS does the same and existing chains rely on it.
    ///
    /// # Errors
    /// [`ChainError`]: an unknown package, a cycle, two packages of one exclusive group, an empty list.
    pub fn resolve(requested: &str, search: &SearchPath<'_>) -> Result<Self, ChainError> {
        let mut nodes = BTreeMap::new();
        let mut list = Vec::new();
        for word in requested.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty()) {
            let name = word.parse()?;
            load(&name, None, &mut nodes, search)?;
            list.push(name);
        }
        if list.is_empty() {
            return Err(ChainError::Empty);
        }
        let requested = list.clone();
        let list = complete(list, &mut nodes, search)?;
        requested.iter().try_for_each(|name| refuse_cycle(name, &nodes, &mut Vec::new(), &mut BTreeSet::new()))?;
        refuse_excluded(&list, &nodes)?;
        let late = late_dependencies(&list, &nodes);
        let packages: Vec<Package> =
            list.iter().filter_map(|name| nodes.get(name)).map(|node| node.package.clone()).collect();
        let layers = layers(&packages, search.context())?;
        refuse_twins(&layers)?;
        refuse_namesakes(&list)?;
        Ok(Self { requested, names: list, packages, layers, late })
    }

    /// Returns what was asked for, before dependencies were added.
    pub fn requested(&self) -> &[LayerName] {
        &self.requested
    }

    /// Returns the packages in resolved order.
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// Returns the names in resolved order, as whoever asked for a package spells it: the package itself may do so
    /// in other letters' case.
    pub fn names(&self) -> &[LayerName] {
        &self.names
    }

    /// Returns all layers in merge order, base layers and overrides included. Later wins.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Returns the layer of a package, whatever the case of the letters.
    pub fn layer(&self, package: &LayerName) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.name.eq_ignore_ascii_case(package.as_str()))
    }

    /// Returns pairs of a package and a dependency of it that the user listed behind it: the dependency
    /// then wins over its dependent, which is seldom meant.
    pub fn late_dependencies(&self) -> &[(LayerName, LayerName)] {
        &self.late
    }
}

/// Packages that a chain may have. Those of SkiffOS have thirty at most.
const MAX_PACKAGES: usize = 256;

/// Reads a package's dependencies, once.
fn load(
    name: &LayerName,
    wanted: Option<&Location>,
    nodes: &mut BTreeMap<LayerName, Node>,
    search: &SearchPath<'_>,
) -> Result<(), ChainError> {
    if nodes.contains_key(name) {
        return Ok(());
    }
    if name.is_reserved() {
        return Err(ChainError::Reserved { name: name.clone(), wanted: wanted.cloned() });
    }
    let Some(package) = search.find(name)? else {
        let similar = search.similar(name);
        return Err(ChainError::Unknown { name: name.clone(), wanted: wanted.cloned(), similar });
    };
    if let Some(variable) = &package.variable
        && !package.root.is_dir()
    {
        let (variable, path) = (variable.clone(), package.root);
        return Err(ChainError::MissingFolder { name: name.clone(), variable, path });
    }
    if nodes.len() >= MAX_PACKAGES {
        return Err(ChainError::TooLong { name: name.clone(), wanted: wanted.cloned() });
    }
    let dependencies = package.dependencies()?;
    nodes.insert(name.clone(), Node { package, dependencies });
    Ok(())
}

/// Inserts missing dependencies pass by pass until a pass changes nothing.
fn complete(
    mut list: Vec<LayerName>,
    nodes: &mut BTreeMap<LayerName, Node>,
    search: &SearchPath<'_>,
) -> Result<Vec<LayerName>, ChainError> {
    loop {
        let present: BTreeSet<LayerName> = list.iter().cloned().collect();
        let mut seen = BTreeSet::new();
        let mut next = Vec::new();
        let mut grew = false;
        for name in list {
            if !seen.insert(name.clone()) {
                continue;
            }
            let wanted = nodes.get(&name).map(|node| node.dependencies.clone()).unwrap_or_default();
            for (dependency, at) in wanted {
                if !present.contains(&dependency) {
                    load(&dependency, Some(&at), nodes, search)?;
                    next.push(dependency);
                    grew = true;
                }
            }
            next.push(name);
        }
        list = next;
        if !grew {
            return Ok(list);
        }
    }
}

fn refuse_cycle(
    name: &LayerName,
    nodes: &BTreeMap<LayerName, Node>,
    path: &mut Vec<LayerName>,
    done: &mut BTreeSet<LayerName>,
) -> Result<(), ChainError> {
    let Some(node) = nodes.get(name) else { return Ok(()) };
    if done.contains(name) {
        return Ok(());
    }
    path.push(name.clone());
    for (dependency, at) in &node.dependencies {
        if let Some(start) = path.iter().position(|earlier| earlier == dependency) {
            let mut cycle: Vec<LayerName> = path.iter().skip(start).cloned().collect();
            cycle.push(dependency.clone());
            return Err(ChainError::Cycle { cycle, at: at.clone() });
        }
        refuse_cycle(dependency, nodes, path, done)?;
    }
    path.pop();
    done.insert(name.clone());
    Ok(())
}

fn refuse_excluded(list: &[LayerName], nodes: &BTreeMap<LayerName, Node>) -> Result<(), ChainError> {
    let mut groups: BTreeMap<Line<80>, &LayerName> = BTreeMap::new();
    for name in list {
        let Some(node) = nodes.get(name) else { continue };
        if let Some(group) = node.package.unique_group()?
            && let Some(first) = groups.insert(group.clone(), name)
        {
            return Err(ChainError::Excluded { first: first.clone(), second: name.clone(), group: group.to_string() });
        }
    }
    Ok(())
}

fn late_dependencies(list: &[LayerName], nodes: &BTreeMap<LayerName, Node>) -> Vec<(LayerName, LayerName)> {
    let mut earlier = BTreeSet::new();
    let mut late = Vec::new();
    for name in list {
        let dependencies = nodes.get(name).into_iter().flat_map(|node| &node.dependencies);
        late.extend(dependencies.filter(|(d, _)| !earlier.contains(d)).map(|(d, _)| (name.clone(), d.clone())));
        earlier.insert(name.clone());
    }
    late
}

/// Returns the layers that every chain has: the base layers and the user's overrides.
///
/// # Errors
/// [`ChainError::Read`] when one of their directories cannot be opened.
pub fn implicit_layers(context: &ResolveContext) -> Result<Vec<Layer>, ChainError> {
    layers(&[], context)
}

fn layers(packages: &[Package], context: &ResolveContext) -> Result<Vec<Layer>, ChainError> {
    let open = |path: &Path| {
        let path = path.to_owned();
        PackageTree::open(&path).map_err(|source| ChainError::Read(ReadError::Io { path, source }))
    };
    let (base, own) = (open(&context.base)?, open(&context.overrides)?);
    let single = |name: String, source, dir: LayerDir| Layer { name, source, root: dir.path(""), dir };
    let mut layers = vec![single("base/pre".into(), LayerSource::BasePre, base.layer("pre"))];
    layers.extend(packages.iter().enumerate().map(|(at, package)| Layer::package(package, at)));
    layers.push(single("overrides".into(), LayerSource::Overrides, own.layer("")));
    let name = format!("overrides/workspaces/{}", context.workspace);
    let inner = Path::new("workspaces").join(&context.workspace);
    layers.push(single(name, LayerSource::WorkspaceOverrides, own.layer(inner)));
    layers.push(single("base/post".into(), LayerSource::BasePost, base.layer("post")));
    Ok(layers)
}

/// Grants, state and messages know a layer by its name.
fn refuse_twins(layers: &[Layer]) -> Result<(), ChainError> {
    let mut known: BTreeMap<String, &Layer> = BTreeMap::new();
    for layer in layers {
        if let Some(first) = known.insert(layer.name.to_ascii_lowercase(), layer) {
            let (first, second) = (first.root.clone(), layer.root.clone());
            return Err(ChainError::Twice { name: layer.name.clone(), first, second });
        }
    }
    Ok(())
}

/// Scripts know a package by the end of a variable's name, which is less than its own name.
fn refuse_namesakes(names: &[LayerName]) -> Result<(), ChainError> {
    let mut known: BTreeMap<String, &LayerName> = BTreeMap::new();
    for name in names {
        if let Some(first) = known.insert(name.variable_suffix(), name) {
            let variable = search_path::variable(&name.variable_suffix());
            return Err(ChainError::Namesakes { first: first.clone(), second: name.clone(), variable });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Writes packages with their dependency files and resolves a chain of them.
    fn resolve(packages: &[(&str, &str)], requested: &str) -> Result<String, ChainError> {
        let root = tempfile::tempdir().unwrap();
        for (name, dependencies) in packages {
            let metadata = root.path().join("configs").join(name).join("metadata");
            fs::create_dir_all(&metadata).unwrap();
            fs::write(metadata.join("dependencies"), dependencies).unwrap();
        }
        let context = ResolveContext {
            configs: root.path().join("configs"),
            base: root.path().join("configs/base"),
            overrides: root.path().join("overrides"),
            workspace: "default".into(),
            extra: Vec::new(),
            preset: BTreeMap::new(),
        };
        let chain = Chain::resolve(requested, &SearchPath::open(&context).unwrap())?;
        Ok(chain.names().iter().map(LayerName::as_str).collect::<Vec<_>>().join(","))
    }

    const DIAMOND: [(&str, &str); 4] =
        [("dep/a", "dep/b,dep/c"), ("dep/b", "dep/d"), ("dep/c", "dep/d,dep/b"), ("dep/d", "")];

    #[test]
    fn a_missing_dependency_goes_before_its_dependent() {
        assert_eq!(resolve(&DIAMOND, "dep/a").unwrap(), "dep/d,dep/b,dep/c,dep/a");
    }

    #[test]
    fn a_listed_dependency_is_never_moved() {
        assert_eq!(resolve(&DIAMOND, "dep/a,dep/c,dep/b").unwrap(), "dep/a,dep/d,dep/c,dep/b");
    }

    #[test]
    fn the_first_of_repeated_names_counts() {
        assert_eq!(resolve(&DIAMOND, " dep/d ,, DEP/B dep/d,").unwrap(), "dep/d,DEP/B");
    }

    #[test]
    fn a_cycle_is_an_error_that_prints_it() {
        let error = resolve(&[("c/a", "c/b"), ("c/b", "c/a")], "c/a").unwrap_err();
        assert_eq!(error.to_string(), "the dependencies of `c/a` form a cycle: c/a -> c/b -> c/a");
        let error = resolve(&[("s/s", "s/s")], "s/s").unwrap_err();
        assert_eq!(error.to_string(), "the dependencies of `s/s` form a cycle: s/s -> s/s");
    }

    #[test]
    fn an_unknown_package_names_who_wanted_it_and_what_is_similar() {
        let error = resolve(&[("apps/docker", ""), ("x/y", "\napps/doker")], "x/y").unwrap_err();
        let ChainError::Unknown { name, wanted: Some(at), similar } = error else { panic!("{error}") };
        assert_eq!((name.as_str(), at.line, similar[0].as_str()), ("apps/doker", Some(2), "apps/docker"));
    }
}
