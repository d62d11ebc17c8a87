//! The modules of a kernel while they are read.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::btree_map::Entry;

use crate::Lists;
use crate::ModuleInfo;
use crate::ModuleName;
use crate::Modules;
use crate::SetError;

/// Modules of a kernel: `depmod` refuses more. Debian's largest kernel has 4,200.
const MAX_MODULES: usize = 65_534;

/// Memory of the texts of all modules; those of Debian's largest kernel use 4 MB.
const MAX_TEXTS: usize = 128 << 20;

/// The directory whose modules replace those of the same name elsewhere.
const UPDATES: &str = "updates/";

/// Modules in any order, one for each name.
#[derive(Debug, Default)]
pub struct ModuleSet {
    modules: BTreeMap<ModuleName, ModuleInfo>,
    texts: usize,
}

impl ModuleSet {
    /// Adds a module. Of two with the same name, one in `updates` is kept, or else the first.
    ///
    /// # Errors
    /// There are more modules, or more text in them, than any kernel has.
    pub fn add(&mut self, module: ModuleInfo) -> Result<(), SetError> {
        if self.modules.len() == MAX_MODULES {
            return Err(SetError::TooMany { most: MAX_MODULES });
        }
        self.texts = self.texts.saturating_add(module.size());
        if self.texts > MAX_TEXTS {
            return Err(SetError::TooLarge { most: MAX_TEXTS });
        }
        match self.modules.entry(module.name.clone()) {
            Entry::Vacant(place) => {
                place.insert(module);
            }
            Entry::Occupied(mut place) => {
                if module.path.starts_with(UPDATES) && !place.get().path.starts_with(UPDATES) {
                    place.insert(module);
                }
            }
        }
        Ok(())
    }

    /// Puts the modules in the order of the kernel's list: of two modules that serve the same device, the earlier one is
    /// loaded first. Modules that the list lacks follow in the order of their paths.
    #[must_use]
    pub fn arrange(mut self, lists: &Lists<'_>) -> Modules {
        let mut modules = Vec::with_capacity(self.modules.len());
        for line in lists.order.lines() {
            if let Entry::Occupied(place) = self.modules.entry(ModuleName::of_file(line))
                && place.get().path == line
            {
                modules.push(place.remove());
            }
        }
        let mut others: Vec<ModuleInfo> = self.modules.into_values().collect();
        others.sort_by(|a, b| a.path.cmp(&b.path));
        modules.extend(others);
        let builtin: BTreeSet<ModuleName> = lists.builtin_names().collect();
        let aliases = lists.builtin_aliases().map(|(module, alias)| (module.to_owned(), alias.to_owned()));
        Modules::new(modules, builtin, aliases.collect())
    }
}
