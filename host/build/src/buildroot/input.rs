//! The names of what a build is made from.

use std::fmt;
use std::path::Path;

use skiff_kconfig::Kind;

/// One thing that a build is made from. Its text is its name in records and in what users are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// Buildroot's tree.
    Tree,
    /// Packages that are built from folders of the user's.
    LocalOverrides,
    /// The makefile of an external tree.
    ExternalMakefile,
    /// The value of a symbol.
    Symbol(String),
    /// A file that the value of a symbol names.
    NamedFile {
        /// The symbol.
        symbol: String,
        /// The file.
        path: String,
    },
    /// What the layers ask of the kernel, the boot loader or Busybox.
    Settings(Kind),
    /// The kernel's patches.
    KernelPatches,
    /// U-Boot's patches.
    UbootPatches,
    /// The patches of a package.
    Patches(String),
    /// The recipe of a package of a layer's.
    Recipe(String),
    /// The order of the layers.
    Order,
    /// The target that the layers want made.
    BuildTarget,
    /// Something else of a layer: `pi/4: root_overlay`.
    Part(String),
}

const TREE: &str = "Buildroot";
const LOCAL: &str = "local.mk";
const EXTERNAL: &str = "external.mk";
const KERNEL_PATCHES: &str = "kernel patches";
const UBOOT_PATCHES: &str = "U-Boot patches";
const ORDER: &str = "order of layers";
const BUILD_TARGET: &str = "build target";
const PATCHES: &str = "patches of ";
const RECIPE: &str = "package ";

/// How the settings of a program are called.
fn settings(kind: Kind) -> &'static str {
    match kind {
        Kind::Buildroot => "Buildroot configuration",
        Kind::Kernel => "kernel configuration",
        Kind::Uboot => "U-Boot configuration",
        Kind::Busybox => "busybox configuration",
    }
}

impl Input {
    /// Reads a name.
    pub(crate) fn parse(name: &str) -> Self {
        let fixed = [
            (TREE, Self::Tree),
            (LOCAL, Self::LocalOverrides),
            (EXTERNAL, Self::ExternalMakefile),
            (KERNEL_PATCHES, Self::KernelPatches),
            (UBOOT_PATCHES, Self::UbootPatches),
            (ORDER, Self::Order),
            (BUILD_TARGET, Self::BuildTarget),
        ];
        let settings = Kind::ALL.map(|kind| (settings(kind), Self::Settings(kind)));
        if let Some((_, input)) = fixed.into_iter().chain(settings).find(|(known, _)| *known == name) {
            return input;
        }
        if let Some(package) = name.strip_prefix(PATCHES) {
            return Self::Patches(package.to_owned());
        }
        if let Some(package) = name.strip_prefix(RECIPE) {
            return Self::Recipe(package.to_owned());
        }
        if !name.starts_with("BR2_") {
            return Self::Part(name.to_owned());
        }
        match name.split_once(": ") {
            Some((symbol, path)) => Self::NamedFile { symbol: symbol.to_owned(), path: path.to_owned() },
            None => Self::Symbol(name.to_owned()),
        }
    }

    /// Returns the symbol that it is about.
    pub(crate) fn symbol(&self) -> Option<&str> {
        match self {
            Self::Symbol(symbol) | Self::NamedFile { symbol, .. } => Some(symbol),
            _ => None,
        }
    }

    /// Names a file that the value of a symbol names.
    pub(crate) fn named_file(symbol: &str, path: &Path) -> Self {
        Self::NamedFile { symbol: symbol.to_owned(), path: path.to_string_lossy().into_owned() }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree => f.write_str(TREE),
            Self::LocalOverrides => f.write_str(LOCAL),
            Self::ExternalMakefile => f.write_str(EXTERNAL),
            Self::KernelPatches => f.write_str(KERNEL_PATCHES),
            Self::UbootPatches => f.write_str(UBOOT_PATCHES),
            Self::Order => f.write_str(ORDER),
            Self::BuildTarget => f.write_str(BUILD_TARGET),
            Self::Symbol(text) | Self::Part(text) => f.write_str(text),
            Self::NamedFile { symbol, path } => write!(f, "{symbol}: {path}"),
            Self::Settings(kind) => f.write_str(settings(*kind)),
            Self::Patches(package) => write!(f, "{PATCHES}{package}"),
            Self::Recipe(package) => write!(f, "{RECIPE}{package}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let file = Input::named_file("BR2_X", Path::new("/a: b/VERSION"));
        let symbol = Input::Symbol("BR2_X".into());
        let of_layers = [Input::Order, Input::BuildTarget, Input::Part("pi/4: hooks".into())];
        let of_packages = [Input::Patches("x".into()), Input::Recipe("x".into()), Input::Settings(Kind::Kernel)];
        let whole = [
            Input::Tree,
            Input::LocalOverrides,
            Input::ExternalMakefile,
            Input::KernelPatches,
            Input::UbootPatches,
            file,
            symbol,
        ];
        for input in whole.into_iter().chain(of_layers).chain(of_packages) {
            assert_eq!(Input::parse(&input.to_string()), input);
        }
    }
}
