//! Whether a component imports what its manifest declares, and no more.

use skiff_layers::Capability;

use super::Imports;
use super::Permission;
use super::TABLE;
use crate::Inspection;

impl Inspection {
    /// Returns the capabilities that the component cannot use, since it imports nothing for them, and why.
    pub fn unused<'c>(&self, declared: &'c [Capability]) -> Vec<(&'c Capability, &'static str)> {
        let imports = |name: &&str| self.imports.iter().any(|import| interface(import) == *name);
        let unused = |capability: &'c Capability| {
            let known = TABLE.iter().find(|known| known.kind == capability.kind())?;
            let idle = known.idle.as_ref().filter(|idle| !idle.without.iter().any(imports))?;
            Some((capability, idle.said))
        };
        declared.iter().filter_map(unused).collect()
    }

    /// Returns the imports for which nothing is declared.
    pub fn undeclared(&self, declared: &[Capability]) -> Vec<&str> {
        let allowed = Imports::of(declared);
        let lacks = |import: &&str| matches!(allowed.permission(interface(import)), Permission::Undeclared(_));
        self.imports.iter().map(String::as_str).filter(lacks).collect()
    }
}

/// Returns an import without its version.
fn interface(import: &str) -> &str {
    import.split('@').next().unwrap_or(import)
}
