use std::fmt;
use std::io;
use std::path::PathBuf;

use skiff_text::Shown as _;
use skiff_text::shown;

use crate::InvalidName;
use crate::LayerName;

/// A place in a file, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1, where known.
    pub line: Option<usize>,
}

impl Location {
    /// Makes a location in a file whose line is known.
    pub fn line(file: impl Into<PathBuf>, line: usize) -> Self {
        Self { file: file.into(), line: Some(line) }
    }

    /// Makes a location for a whole file or directory.
    pub fn whole(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), line: None }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file.shown()),
            None => write!(f, "{}", self.file.shown()),
        }
    }
}

/// Why the search path could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A directory of the search path cannot be listed.
    #[error("cannot list the packages in `{}`", path.shown())]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Why a part of a layer could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system refused.
    #[error("cannot read `{}`", path.shown())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something stands where only files may.
    #[error("{at}: expected a regular file")]
    NotAFile {
        /// The odd entry.
        at: Location,
    },
    /// A link leads to files that are not the layer's.
    #[error("`{}` is a link to `{}`, which lies outside of `{}`", link.shown(), target.shown(), tree.shown())]
    LeadsOut {
        /// The link.
        link: PathBuf,
        /// Where it leads, as it is written.
        target: PathBuf,
        /// The directory with packages in which links may lead around.
        tree: PathBuf,
    },
    /// A text has more bytes than texts of its kind may have.
    #[error("`{}` has more than {} KiB", path.shown(), most >> 10)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read, in bytes.
        most: u64,
    },
    /// The fragments of a chain have more bytes together than skiff reads.
    #[error("`{}` and the texts read before it have more than {} MiB together", path.shown(), most >> 20)]
    TooMuch {
        /// The file that was one too many.
        path: PathBuf,
        /// The most that is read, in bytes.
        most: u64,
    },
    /// `metadata/dependencies` names something that is no package name.
    #[error("{at}: {source}")]
    BadDependency {
        /// The line.
        at: Location,
        /// The text.
        source: InvalidName,
    },
    /// `buildroot_ext` lacks a file that Buildroot insists on.
    #[error("{at}: the Buildroot extension of layer `{layer}` has no `{missing}`")]
    IncompleteExtension {
        /// The directory.
        at: Location,
        /// The layer.
        layer: String,
        /// The file that is not there.
        missing: &'static str,
    },
    /// A YAML file does not have the documented shape.
    #[error("{at}: {}", shown(message))]
    Yaml {
        /// The line.
        at: Location,
        /// What the parser says.
        message: String,
    },
    /// A manifest is well formed and says something that cannot be.
    #[error("{at}: {}", shown(message))]
    Manifest {
        /// The line, or the file.
        at: Location,
        /// What is wrong.
        message: String,
    },
}

/// Why a chain could not be resolved.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// Nothing was asked for.
    #[error("the chain is empty")]
    Empty,
    /// A layer that every chain has was asked for as a package.
    #[error("`{name}` is not a package: the namespaces `base` and `overrides` are reserved{}", wanted_by(wanted))]
    Reserved {
        /// The name.
        name: LayerName,
        /// Who asked for it: a dependency file, or `None` for the user.
        wanted: Option<Location>,
    },
    /// Two layers have one name.
    #[error("two layers of the chain are called `{name}`: `{}` and `{}`", first.shown(), second.shown())]
    Twice {
        /// The name.
        name: String,
        /// The directory of the earlier one.
        first: PathBuf,
        /// The directory of the later one.
        second: PathBuf,
    },
    /// Two packages of a chain are one to scripts.
    #[error("`{first}` and `{second}` use the same variable for scripts, {variable}")]
    Namesakes {
        /// The earlier one.
        first: LayerName,
        /// The later one.
        second: LayerName,
        /// The variable.
        variable: String,
    },
    /// A part of the requested chain is no package name.
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
    /// No package of that name is on the search path.
    #[error("unknown package `{name}`{}", wanted_by(wanted))]
    Unknown {
        /// The name.
        name: LayerName,
        /// Who asked for it: a dependency file, or `None` for the user.
        wanted: Option<Location>,
        /// Packages with similar names.
        similar: Vec<LayerName>,
    },
    /// The directory that the environment names for a package is not there.
    #[error("directory `{}` of package `{name}` (from {variable}) does not exist", path.shown())]
    MissingFolder {
        /// The package.
        name: LayerName,
        /// The environment variable.
        variable: String,
        /// Its value.
        path: PathBuf,
    },
    /// Dependencies make the chain longer than any that somebody would want.
    #[error("with `{name}`, the chain has more than 256 packages{}", wanted_by(wanted))]
    TooLong {
        /// The first package that is too much.
        name: LayerName,
        /// Who asked for it: a dependency file, or `None` for the user.
        wanted: Option<Location>,
    },
    /// Packages depend on each other in a circle.
    #[error("the dependencies of `{}` form a cycle: {}", cycle.first().map(LayerName::as_str).unwrap_or_default(), arrows(cycle))]
    Cycle {
        /// The packages, the first one repeated at the end.
        cycle: Vec<LayerName>,
        /// The dependency that closes the circle.
        at: Location,
    },
    /// Two packages exclude each other.
    #[error("`{first}` and `{second}` are both in group `{group}`; a chain can contain one package of a group")]
    Excluded {
        /// The earlier package.
        first: LayerName,
        /// The later package.
        second: LayerName,
        /// The group, from `metadata/uniquegroup`.
        group: String,
    },
    /// A part of a package could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The directory of a package could not be opened.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

fn wanted_by(location: &Option<Location>) -> String {
    location.as_ref().map(|at| format!(", a dependency in {at}")).unwrap_or_default()
}

fn arrows(names: &[LayerName]) -> String {
    names.iter().map(LayerName::as_str).collect::<Vec<_>>().join(" -> ")
}
