//! One module: what its file says about it.

use std::path::Path;

use object::Object as _;
use object::ObjectSection as _;
use object::ObjectSymbol as _;
use skiff_text::shown;

use crate::ModuleError;
use crate::ModuleName;
use crate::alias::MAX_KEY;
use crate::alias::is_plain;
use crate::alias::is_word;

/// Bytes of `.modinfo` and of `__ksymtab_strings`; the largest of Debian's kernels have 110 KB.
const MAX_SECTION: usize = 8 << 20;

/// Symbols that a module exports; the largest of Debian's kernels export 1,000.
const MAX_SYMBOLS: usize = 1 << 16;

/// Characters of a refused value that an error shows.
const SHOWN: usize = 60;

/// Characters of a symbol: those of a key without `symbol:`.
const MAX_SYMBOL: usize = MAX_KEY - "symbol:".len();

/// A module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleInfo {
    /// Its name.
    pub(crate) name: ModuleName,
    /// Its file, relative to the directory of the kernel's modules.
    pub(crate) path: String,
    /// The modules that it needs directly, in the order that its file names them.
    pub(crate) needs: Vec<ModuleName>,
    /// The devices and names that it serves, as patterns.
    pub(crate) aliases: Vec<String>,
    /// Modules that `modprobe` loads before and after it if they exist: `pre: crc32 post: hmac`.
    pub(crate) soft_needs: Vec<String>,
    /// The symbols that it exports to other modules.
    pub(crate) symbols: Vec<String>,
    /// The symbols that it imports, one a line, if it needs several modules: `depmod` orders these by the first symbol of
    /// each.
    pub(crate) imports: String,
}

impl ModuleInfo {
    /// Reads an uncompressed module of any architecture. `path` is relative to the directory of the kernel's modules.
    ///
    /// # Errors
    /// The file is not a readable ELF file, or has values that no index can hold.
    pub fn read(path: &Path, bytes: &[u8]) -> Result<Self, ModuleError> {
        let path = path.to_str().filter(|path| is_word(path.as_bytes())).ok_or(ModuleError::Path)?;
        let file = object::File::parse(bytes)?;
        let mut module = Self {
            name: ModuleName::of_file(path),
            path: path.to_owned(),
            needs: Vec::new(),
            aliases: Vec::new(),
            soft_needs: Vec::new(),
            symbols: exported(&file)?,
            imports: String::new(),
        };
        for entry in strings(&file, ".modinfo")? {
            module.take(entry)?;
        }
        if module.needs.len() > 1 {
            module.imports = imported(&file)?;
        }
        Ok(module)
    }

    /// Takes one `key=value` of `.modinfo`.
    fn take(&mut self, entry: &[u8]) -> Result<(), ModuleError> {
        let Some(at) = entry.iter().position(|byte| *byte == b'=') else { return Ok(()) };
        let (key, value) = (entry.get(..at).unwrap_or_default(), entry.get(at + 1..).unwrap_or_default());
        match key {
            b"depends" => {
                let names = text("depends", value)?;
                self.needs.extend(names.split(',').filter(|name| !name.is_empty()).map(ModuleName::new));
            }
            b"alias" => self.aliases.push(text("alias", value)?.to_owned()),
            b"softdep" => self.soft_needs.push(text("softdep", value)?.to_owned()),
            _ => {}
        }
        Ok(())
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &ModuleName {
        &self.name
    }

    /// Returns the memory that it uses, approximately.
    pub(crate) fn size(&self) -> usize {
        let names = self.needs.iter().map(ModuleName::as_str);
        let texts = [&self.aliases, &self.soft_needs, &self.symbols].into_iter().flatten().map(String::as_str);
        let each = size_of::<String>();
        names.chain(texts).map(|text| text.len() + each).sum::<usize>()
            + size_of::<Self>()
            + self.path.len()
            + self.imports.len()
    }
}

/// Returns the symbols that a module exports. With versions, `__crc_NAME` is the version of `NAME`. Without, only
/// `__ksymtab_strings` is the same in all kernels.
fn exported(file: &object::File<'_>) -> Result<Vec<String>, ModuleError> {
    let mut symbols = Vec::new();
    for symbol in file.symbols().filter(|symbol| symbol.kind() != object::SymbolKind::Section) {
        if let Some(name) = symbol.name_bytes()?.strip_prefix(b"__crc_") {
            add(&mut symbols, name)?;
        }
    }
    if symbols.is_empty() {
        strings(file, "__ksymtab_strings")?.try_for_each(|name| add(&mut symbols, name))?;
    }
    Ok(symbols)
}

/// Returns the symbols that a module imports, one a line, in the order of its symbol table.
fn imported(file: &object::File<'_>) -> Result<String, ModuleError> {
    let mut names = String::new();
    for symbol in file.symbols().filter(|symbol| symbol.is_undefined()) {
        let name = symbol.name_bytes()?;
        if let Some(name) = std::str::from_utf8(name).ok().filter(|_| is_word(name)) {
            names.push_str(name);
            names.push('\n');
        }
    }
    if names.len() > MAX_SECTION {
        return Err(ModuleError::TooLarge { part: "imported symbols", most: MAX_SECTION, unit: "bytes" });
    }
    Ok(names)
}

fn add(symbols: &mut Vec<String>, name: &[u8]) -> Result<(), ModuleError> {
    if symbols.len() == MAX_SYMBOLS {
        return Err(ModuleError::TooLarge { part: "exported symbols", most: MAX_SYMBOLS, unit: "names" });
    }
    if !is_word(name) || name.len() > MAX_SYMBOL {
        return Err(refused("symbol", name, MAX_SYMBOL));
    }
    symbols.push(String::from_utf8_lossy(name).into_owned());
    Ok(())
}

/// Returns the NUL-terminated strings of a section that are not empty.
fn strings<'a>(
    file: &object::File<'a>,
    name: &'static str,
) -> Result<impl Iterator<Item = &'a [u8]> + use<'a>, ModuleError> {
    let section = file.section_by_name(name).map(|section| section.data()).transpose()?.unwrap_or_default();
    if section.len() > MAX_SECTION {
        return Err(ModuleError::TooLarge { part: name, most: MAX_SECTION, unit: "bytes" });
    }
    Ok(section.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()))
}

/// Returns a value as text that fits on a line.
fn text<'a>(key: &'static str, value: &'a [u8]) -> Result<&'a str, ModuleError> {
    let text = std::str::from_utf8(value).ok().filter(|text| is_plain(text.as_bytes()));
    text.ok_or_else(|| refused(key, value, MAX_KEY))
}

fn refused(key: &'static str, value: &[u8], most: usize) -> ModuleError {
    let value: String = String::from_utf8_lossy(value).chars().take(SHOWN).collect();
    ModuleError::Text { key, value: shown(&value).to_string(), most }
}

#[cfg(test)]
mod tests;
