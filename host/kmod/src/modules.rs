//! All modules of a kernel, in order.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::path::Path;

use crate::ModuleInfo;
use crate::ModuleName;
use crate::NoModule;
use crate::graph::Graph;

/// The modules of a kernel, the preferred ones first. A [`ModuleSet`](crate::ModuleSet) makes them.
#[derive(Debug)]
pub struct Modules {
    pub(crate) modules: Vec<ModuleInfo>,
    places: BTreeMap<ModuleName, usize>,
    pub(crate) graph: Graph,
    /// The modules in the kernel itself.
    pub(crate) builtin: BTreeSet<ModuleName>,
    /// Their names with aliases.
    pub(crate) builtin_aliases: Vec<(String, String)>,
}

impl Modules {
    pub(crate) fn new(
        modules: Vec<ModuleInfo>,
        builtin: BTreeSet<ModuleName>,
        builtin_aliases: Vec<(String, String)>,
    ) -> Self {
        let places: BTreeMap<ModuleName, usize> =
            modules.iter().enumerate().map(|(place, module)| (module.name.clone(), place)).collect();
        let graph = Graph::new(needs(&modules, &places));
        Self { modules, places, graph, builtin, builtin_aliases }
    }

    /// Returns the files of the wanted modules, relative to the directory of the kernel's modules, each after all that it
    /// needs. Modules in the kernel itself are left out. A name may have `-` for `_`.
    ///
    /// # Errors
    /// A wanted module does not exist.
    pub fn with_needs<'w>(&self, wanted: impl IntoIterator<Item = &'w String>) -> Result<Vec<&Path>, NoModule> {
        let mut places = Vec::new();
        for name in wanted.into_iter().map(|name| ModuleName::new(name)) {
            match self.places.get(&name) {
                Some(place) => places.push(*place),
                None if self.builtin.contains(&name) => {}
                None => return Err(NoModule { name: name.to_string() }),
            }
        }
        let order = self.graph.load_order(places);
        Ok(order
            .into_iter()
            .filter_map(|place| self.modules.get(place))
            .map(|module| Path::new(&module.path))
            .collect())
    }
}

/// Returns the places of the modules that each module needs directly, in the order of `depmod`: by the first symbol that it
/// imports of each.
fn needs(modules: &[ModuleInfo], places: &BTreeMap<ModuleName, usize>) -> Vec<Vec<usize>> {
    let mut owners = HashMap::new();
    for (place, module) in modules.iter().enumerate() {
        owners.extend(module.symbols.iter().map(|symbol| (symbol.as_str(), place)));
    }
    let needs = |(own, module): (usize, &ModuleInfo)| {
        let named: Vec<usize> = module.needs.iter().filter_map(|name| places.get(name).copied()).collect();
        let mut rest: BTreeSet<usize> = named.iter().copied().filter(|place| *place != own).collect();
        let imported = module.imports.lines().filter_map(|symbol| owners.get(symbol).copied());
        imported.chain(named).filter(|place| rest.remove(place)).collect()
    };
    modules.iter().enumerate().map(needs).collect()
}
