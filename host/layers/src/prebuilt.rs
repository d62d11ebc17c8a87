//! `metadata/prebuilt.yaml`: what a layer says to the engine that builds from binary packages.

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexSet;
use serde::Deserialize;
use serde::Serialize;
use skiff_debian::UnitRule;
use skiff_text::Line;

use crate::LayerDir;
use crate::Location;
use crate::ReadError;
use crate::metadata::MAX_METADATA;

/// The file, relative to the layer.
pub(crate) const FILE: &str = "metadata/prebuilt.yaml";

/// What a layer, or after merging a chain, asks of the prebuilt engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prebuilt {
    /// The kernel package, by distribution (`ID` of os-release) and then architecture (`amd64`, `arm64`).
    /// A meta package is followed to the newest kernel. Later layers win.
    pub kernel: BTreeMap<String, BTreeMap<String, String>>,
    /// Further packages to unpack, with all that they depend on. Recommended packages are not among it.
    pub packages: IndexSet<String>,
    /// The packages that give what a symbol of Buildroot asks for, by distribution and symbol. A symbol that ends in `*` stands for
    /// all that begin so and are not listed. A symbol without packages needs none. Later layers win.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub provides: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Units of systemd, as `enable UNIT`, `disable UNIT` or `mask UNIT`. The last line that fits a unit counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<UnitRule>,
    /// Shell scripts of the layer that the initramfs reads, in this order, before it starts the system: files in `resources`,
    /// relative to the layer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub initramfs_scripts: Vec<InitramfsScript>,
    /// Kernel modules that the initramfs loads, in this order, each after its dependencies.
    pub initramfs_modules: IndexSet<String>,
    /// Kernel modules that the running system loads at boot.
    pub modules: IndexSet<String>,
    /// Options of the login prompt, in the place of `BR2_TARGET_GENERIC_GETTY_OPTIONS`, which Buildroot offers only to
    /// systems without systemd. Later layers win.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub getty_options: Option<String>,
    /// Files of the target that become images, too, by architecture (`amd64`, `arm64`): image → file, both relative.
    pub images: BTreeMap<String, BTreeMap<String, String>>,
    /// Words added to the kernel's command line, for whoever boots the images.
    pub command_line: IndexSet<String>,
    /// What a system from binary packages lacks, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<Lack>,
    /// The first layer that names each package of `kernel` and `packages`.
    #[serde(skip)]
    pub named_by: BTreeMap<String, String>,
}

/// A shell script that the initramfs reads. In the manifest it is a path, relative to the layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct InitramfsScript {
    /// The file, relative to the layer.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl From<String> for InitramfsScript {
    fn from(path: String) -> Self {
        Self { path, text: String::new() }
    }
}

impl From<InitramfsScript> for String {
    fn from(script: InitramfsScript) -> Self {
        script.path
    }
}

/// A consequence of what binary packages cannot give, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lack {
    /// The sentence.
    pub text: Line<200>,
    /// Buildroot's symbols: the sentence is true where the configuration sets one of them. Without any it always is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symbols: Vec<String>,
    /// Whether the machine cannot start the system for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fatal: bool,
    /// The layer that says so.
    #[serde(skip_deserializing)]
    pub layer: String,
}

impl Prebuilt {
    /// Reads what the layer `layer` in the directory `dir` says.
    pub(crate) fn read(dir: &LayerDir, layer: &str) -> Result<Self, ReadError> {
        let mut wishes: Self = dir.yaml(FILE, MAX_METADATA)?.unwrap_or_default();
        wishes.lacks.iter_mut().for_each(|lack| layer.clone_into(&mut lack.layer));
        let named = wishes.kernel.values().flat_map(BTreeMap::values).chain(&wishes.packages);
        wishes.named_by = named.map(|package| (package.clone(), layer.to_owned())).collect();
        let wrong = |message| ReadError::Manifest { at: Location::whole(dir.path(FILE)), message };
        if let Some(message) = wishes.wrong_name() {
            return Err(wrong(message));
        }
        for script in &mut wishes.initramfs_scripts {
            let text = dir.text(&script.path, MAX_METADATA)?;
            script.text = text.ok_or_else(|| wrong(format!("there is no `{}` in the layer", script.path)))?;
        }
        Ok(wishes)
    }

    /// Returns the packages that give what a symbol of Buildroot asks for; `None` if the table of the distribution lacks it.
    pub fn provided(&self, distribution: &str, symbol: &str) -> Option<&[String]> {
        let table = self.provides.get(distribution)?;
        // The longest beginning first: a table can have as many beginnings as a chain has symbols.
        let beginning = |length| table.get(&format!("{}*", symbol.get(..length)?));
        table.get(symbol).or_else(|| (0..=symbol.len()).rev().find_map(beginning)).map(Vec::as_slice)
    }

    /// Names go to apt, to the kernel and into lists of words: each must be what it claims to be.
    fn wrong_name(&self) -> Option<String> {
        let kernels = self.kernel.values().flat_map(BTreeMap::values);
        let provided = self.provides.values().flat_map(BTreeMap::values).flatten();
        if let Some(name) = kernels.chain(&self.packages).chain(provided).find(|name| !is_package(name)) {
            return Some(format!("`{name}` is not the name of a Debian package"));
        }
        if let Some(name) = self.initramfs_modules.iter().chain(&self.modules).find(|name| !is_module(name)) {
            return Some(format!("`{name}` is not the name of a kernel module"));
        }
        let inside = |path: &&String| {
            !path.is_empty() && Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)))
        };
        let mut images = self.images.values().flatten().flat_map(|(image, file)| [image, file]);
        if let Some(path) = images.find(|path| !inside(path)) {
            return Some(format!("`{path}` is not a relative path in the images or the target"));
        }
        // What lies elsewhere in a layer is no input of a build, and so in no digest.
        let resource = |path: &&String| inside(path) && Path::new(path).starts_with("resources");
        if let Some(path) = self.initramfs_scripts.iter().map(|script| &script.path).find(|path| !resource(path)) {
            return Some(format!("`{path}` is not the path of a file in `resources`"));
        }
        let word = |word: &&String| word.is_empty() || !word.bytes().all(|b| b.is_ascii_graphic());
        self.command_line.iter().find(word).map(|word| format!("`{word}` is not one word of a command line"))
    }

    /// Puts a later layer's wishes on top: kernels are replaced, lists grow without repeats.
    pub fn merge(&mut self, later: Self) {
        for (distribution, kernels) in later.kernel {
            self.kernel.entry(distribution).or_default().extend(kernels);
        }
        for (arch, images) in later.images {
            self.images.entry(arch).or_default().extend(images);
        }
        if later.getty_options.is_some() {
            self.getty_options = later.getty_options;
        }
        for (distribution, symbols) in later.provides {
            self.provides.entry(distribution).or_default().extend(symbols);
        }
        self.units.extend(later.units);
        self.initramfs_scripts.extend(later.initramfs_scripts);
        self.lacks.extend(later.lacks);
        for (package, layer) in later.named_by {
            self.named_by.entry(package).or_insert(layer);
        }
        self.packages.extend(later.packages);
        self.initramfs_modules.extend(later.initramfs_modules);
        self.modules.extend(later.modules);
        self.command_line.extend(later.command_line);
    }
}

/// Debian policy 5.6.1: lower-case letters, digits, `+`, `-` and `.`, two at least, the first a letter or digit.
fn is_package(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() >= 2 && name.bytes().next().is_some_and(plain) && name.bytes().all(|b| plain(b) || b"+-.".contains(&b))
}

fn is_module(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    name.bytes().next().is_some_and(plain) && name.bytes().all(|b| plain(b) || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wishes_of_many_layers_are_one_list() {
        let mut all = Prebuilt::default();
        for layer in 0..300 {
            let packages = (0..2000).map(|number| format!("p{layer}-{number}")).chain(["same".to_owned()]);
            all.merge(Prebuilt { packages: packages.collect(), ..Prebuilt::default() });
        }
        assert_eq!(all.packages.len(), 300 * 2000 + 1);
        assert_eq!(all.packages.get_index_of("same"), Some(2000), "the first place counts");
    }

    #[test]
    fn the_longest_beginning_of_a_symbol_counts() {
        let table = [("A", "own"), ("AB*", "short"), ("ABC*", "long")];
        let table = table.map(|(symbol, package)| (symbol.to_owned(), vec![package.to_owned()])).into();
        let wishes = Prebuilt { provides: [("debian".to_owned(), table)].into(), ..Prebuilt::default() };
        let provided = |symbol| wishes.provided("debian", symbol).and_then(|packages| packages.first());
        for (symbol, package) in [("A", "own"), ("AB", "short"), ("ABX", "short"), ("ABC", "long"), ("ABCÄ", "long")] {
            assert_eq!(provided(symbol).map(String::as_str), Some(package), "{symbol}");
        }
        assert_eq!((provided("B"), wishes.provided("ubuntu", "A")), (None, None));
    }

    #[test]
    fn names_cannot_be_options_or_paths() {
        assert!(is_package("linux-image-6.1") && is_package("libstdc++6") && is_module("9pnet_virtio"));
        for bad in ["-oDir::Etc=/x", "a=1", "../x", "a b", "A", "x", ""] {
            assert!(!is_package(bad), "{bad}");
        }
        assert!(!is_module("../x") && !is_module("") && !is_module("-a"));
    }
}
