//! What a plugin may import, by the capabilities that it declares.

use std::collections::BTreeSet;

use skiff_layers::Capability;
use skiff_layers::CapabilityKind;
use wasmtime::component::Linker;

use super::HostCapability;
use super::TABLE;
use crate::interface::ALWAYS;
use crate::interface::Interface;
use crate::interface::wasi;
use crate::state::State;

/// The imports of plugins that declare the same kinds of capabilities.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Imports(BTreeSet<CapabilityKind>);

/// Whether a plugin may import an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Permission {
    /// It may.
    Granted,
    /// It may not, since its manifest lacks this.
    Undeclared(Box<str>),
    /// No plugin may.
    Unknown,
}

impl Imports {
    pub(crate) fn of(capabilities: &[Capability]) -> Self {
        Self(capabilities.iter().map(Capability::kind).collect())
    }

    /// Returns whether an interface, named without its version, may be imported.
    pub(crate) fn permission(&self, interface: &str) -> Permission {
        if wasi::NAMES.contains(&interface) || ALWAYS.iter().any(|always| always.name == interface) {
            return Permission::Granted;
        }
        let through: Vec<&HostCapability> = TABLE.iter().filter(|capability| capability.has(interface)).collect();
        if through.is_empty() {
            return Permission::Unknown;
        }
        if through.iter().any(|capability| self.0.contains(&capability.kind)) {
            return Permission::Granted;
        }
        let lacks: Vec<&str> = through.iter().map(|capability| capability.lacks).collect();
        Permission::Undeclared(lacks.join(" and ").into())
    }

    /// Links everything that may be imported.
    pub(crate) fn link(&self, linker: &mut Linker<State>) -> wasmtime::Result<()> {
        wasi::link(linker)?;
        let declared = TABLE.iter().filter(|capability| self.0.contains(&capability.kind));
        let mut linked = BTreeSet::new();
        for interface in ALWAYS.iter().chain(declared.flat_map(|capability| capability.interfaces)) {
            // Two capabilities can allow one interface.
            if linked.insert(interface.name) {
                (interface.link)(linker)?;
            }
        }
        Ok(())
    }
}

impl HostCapability {
    fn has(&self, interface: &str) -> bool {
        self.interfaces.iter().any(|known| known.name == interface)
    }
}

/// Returns the interfaces of `skiff:host` that plugins may import, each with the kinds of capabilities of
/// which a plugin must declare one. Without a kind, every plugin may import it.
pub fn interfaces() -> Vec<(&'static str, Vec<CapabilityKind>)> {
    let mut all: Vec<_> = ALWAYS.iter().map(|interface| (interface.name, Vec::new())).collect();
    for Interface { name, .. } in TABLE.iter().flat_map(|capability| capability.interfaces) {
        if !all.iter().any(|(known, _)| known == name) {
            let through = TABLE.iter().filter(|capability| capability.has(name));
            all.push((name, through.map(|capability| capability.kind).collect()));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(kinds: &[CapabilityKind]) -> Imports {
        Imports(kinds.iter().copied().collect())
    }

    #[test]
    fn an_interface_is_there_with_any_of_its_capabilities() {
        let storage = "skiff:host/storage";
        for kind in [CapabilityKind::Files, CapabilityKind::Fetch] {
            assert_eq!(imports(&[kind]).permission(storage), Permission::Granted, "{kind:?}");
        }
        let lacks = "no files (`read`, `write`) and no `fetch`".into();
        assert_eq!(imports(&[CapabilityKind::Tool]).permission(storage), Permission::Undeclared(lacks));
        assert_eq!(imports(&[]).permission("skiff:host/report"), Permission::Granted);
        assert_eq!(imports(&[]).permission("wasi:io/streams"), Permission::Granted);
        for unknown in ["wasi:cli/run", "wasi:sockets/tcp", "skiff:host/other", "skiff:host", ""] {
            assert_eq!(imports(&[CapabilityKind::Files]).permission(unknown), Permission::Unknown, "{unknown}");
        }
    }

    #[test]
    fn each_set_of_capabilities_can_be_linked() {
        let engine = crate::engine::compiling_engine().unwrap();
        let kinds: Vec<CapabilityKind> = TABLE.iter().map(|capability| capability.kind).collect();
        for set in 0..1_u32 << kinds.len() {
            let chosen = kinds.iter().enumerate().filter(|(at, _)| set & 1 << at != 0).map(|(_, kind)| *kind);
            Imports(chosen.collect()).link(&mut Linker::new(&engine)).unwrap();
        }
    }
}
