//! What a build is made from.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;
use skiff_kconfig::Kind;
use skiff_plan::LayerInput;

/// One thing that a build is made from. Its text is what users read; nothing is decided by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// What skiff itself adds.
    Skiff,
    /// Buildroot's tree.
    Tree,
    /// Packages that Buildroot builds from directories of the user: `local.mk`.
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
    /// The recipe of a package of a layer.
    Recipe(String),
    /// A binary package.
    Package(String),
    /// The settings that the engine `prebuilt` follows.
    Target,
    /// The chain.
    Chain,
    /// The order of the layers.
    Order,
    /// The make target that the layers ask for.
    BuildTarget,
    /// The time that files bear: `SOURCE_DATE_EPOCH`.
    Epoch,
    /// A part of a layer.
    Layer(LayerInput),
}

impl Input {
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
            Self::Skiff => f.write_str("skiff"),
            Self::Tree => f.write_str("Buildroot"),
            Self::LocalOverrides => f.write_str("local.mk"),
            Self::ExternalMakefile => f.write_str("external.mk"),
            Self::Symbol(symbol) => f.write_str(symbol),
            Self::NamedFile { symbol, path } => write!(f, "{symbol}: {path}"),
            Self::Settings(Kind::Buildroot) => f.write_str("Buildroot configuration"),
            Self::Settings(Kind::Kernel) => f.write_str("kernel configuration"),
            Self::Settings(Kind::Uboot) => f.write_str("U-Boot configuration"),
            Self::Settings(Kind::Busybox) => f.write_str("busybox configuration"),
            Self::KernelPatches => f.write_str("kernel patches"),
            Self::UbootPatches => f.write_str("U-Boot patches"),
            Self::Patches(package) => write!(f, "patches of {package}"),
            Self::Recipe(package) | Self::Package(package) => write!(f, "package {package}"),
            Self::Target => f.write_str("settings"),
            Self::Chain => f.write_str("chain"),
            Self::Order => f.write_str("order of layers"),
            Self::BuildTarget => f.write_str("build target"),
            Self::Epoch => f.write_str("SOURCE_DATE_EPOCH"),
            Self::Layer(input) => input.fmt(f),
        }
    }
}
