//! The files that `depmod` writes into the directory of a kernel's modules.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::Index;
use crate::IndexError;
use crate::ModuleInfo;
use crate::Modules;
use crate::alias::key_of;
use crate::device::DeviceNode;
use crate::index::MAX_INDEX;

impl Modules {
    /// Returns the files by name: the texts, which Busybox and people read, and the binary indexes, which libkmod reads.
    ///
    /// # Errors
    /// An index is larger than its format allows.
    pub fn files(&self) -> Result<BTreeMap<&'static str, Vec<u8>>, IndexError> {
        let needs = self.needs()?;
        let symbols = self.symbols();
        Ok(BTreeMap::from([
            ("modules.dep", needs.iter().flat_map(|line| [line, "\n"]).collect::<String>().into_bytes()),
            ("modules.dep.bin", self.needs_index(&needs)?),
            ("modules.alias", self.aliases().into_bytes()),
            ("modules.alias.bin", self.alias_index()?),
            ("modules.symbols", symbol_text(&symbols).into_bytes()),
            ("modules.symbols.bin", symbol_index(&symbols)?),
            ("modules.softdep", self.soft_needs().into_bytes()),
            ("modules.devname", self.device_nodes().into_bytes()),
            ("modules.builtin.bin", self.builtin_index()?),
            ("modules.builtin.alias.bin", self.builtin_alias_index()?),
        ]))
    }

    /// Returns the modules with the priorities that they have in an index.
    fn ranked(&self) -> impl Iterator<Item = (u32, &ModuleInfo)> {
        (0..).zip(&self.modules)
    }

    /// Returns the lines of `modules.dep`: a module and all that it needs, the one that is loaded first at the end.
    fn needs(&self) -> Result<Vec<String>, IndexError> {
        let mut room = MAX_INDEX;
        let mut lines = Vec::with_capacity(self.modules.len());
        for (module, needs) in self.modules.iter().zip(self.graph.all_needs()) {
            let mut line = format!("{}:", module.path);
            for needed in needs.into_iter().filter_map(|place| self.modules.get(place)) {
                let _ = write!(line, " {}", needed.path);
            }
            room = room.checked_sub(line.len()).ok_or(IndexError::TooLarge { most: MAX_INDEX })?;
            lines.push(line);
        }
        Ok(lines)
    }

    fn needs_index(&self, lines: &[String]) -> Result<Vec<u8>, IndexError> {
        let mut index = Index::default();
        for ((priority, module), line) in self.ranked().zip(lines) {
            index.insert(module.name.as_str(), line, priority)?;
        }
        index.to_bytes()
    }

    /// Which module serves which device.
    fn aliases(&self) -> String {
        let mut text = String::from("# Aliases extracted from modules themselves.\n");
        for module in &self.modules {
            for alias in &module.aliases {
                let _ = writeln!(text, "alias {alias} {}", module.name);
            }
        }
        text
    }

    fn alias_index(&self) -> Result<Vec<u8>, IndexError> {
        let mut index = Index::default();
        for (priority, module) in self.ranked() {
            for key in module.aliases.iter().filter_map(|alias| key_of(alias)) {
                index.insert(key, module.name.as_str(), priority)?;
            }
        }
        index.to_bytes()
    }

    /// Which module exports which symbol. Of two modules, the later one counts.
    fn symbols(&self) -> BTreeMap<&str, (u32, &str)> {
        let mut symbols = BTreeMap::new();
        for (priority, module) in self.ranked() {
            let owner = (priority, module.name.as_str());
            symbols.extend(module.symbols.iter().map(|symbol| (symbol.as_str(), owner)));
        }
        symbols
    }

    /// Which modules `modprobe` loads before and after others.
    fn soft_needs(&self) -> String {
        let mut text = String::from("# Soft dependencies extracted from modules themselves.\n");
        for module in &self.modules {
            for needs in &module.soft_needs {
                let _ = writeln!(text, "softdep {} {needs}", module.name);
            }
        }
        text
    }

    /// Which nodes systemd makes for modules that are not loaded. Without any, the file is empty.
    fn device_nodes(&self) -> String {
        let mut text = String::new();
        for module in &self.modules {
            if let Some(node) = DeviceNode::of(&module.aliases) {
                if text.is_empty() {
                    text.push_str("# Device nodes to trigger on-demand module loading.\n");
                }
                let _ = writeln!(text, "{} {node}", module.name);
            }
        }
        text
    }

    fn builtin_index(&self) -> Result<Vec<u8>, IndexError> {
        let mut index = Index::default();
        for name in &self.builtin {
            index.insert(name.as_str(), "", 0)?;
        }
        index.to_bytes()
    }

    fn builtin_alias_index(&self) -> Result<Vec<u8>, IndexError> {
        let mut index = Index::default();
        for (module, alias) in &self.builtin_aliases {
            if let Some(key) = key_of(alias) {
                index.insert(key, module, 0)?;
            }
        }
        index.to_bytes()
    }
}

/// The lines are sorted; `depmod` writes them in the order of a hash table.
fn symbol_text(symbols: &BTreeMap<&str, (u32, &str)>) -> String {
    let mut text = String::from("# Aliases for symbols, used by symbol_request().\n");
    for (symbol, (_, module)) in symbols {
        let _ = writeln!(text, "alias symbol:{symbol} {module}");
    }
    text
}

fn symbol_index(symbols: &BTreeMap<&str, (u32, &str)>) -> Result<Vec<u8>, IndexError> {
    let mut index = Index::default();
    for (symbol, (priority, module)) in symbols {
        index.insert(format!("symbol:{symbol}"), module, *priority)?;
    }
    index.to_bytes()
}

#[cfg(test)]
mod tests;
