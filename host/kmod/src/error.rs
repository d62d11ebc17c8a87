//! What can be wrong with modules, with a set of them, and with an index.

/// A module that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// The file is not an ELF file, or its tables point out of it.
    #[error("not a readable ELF file: {0}")]
    Elf(#[from] object::Error),
    /// The path cannot be written to an index.
    #[error("its path contains a space or a character that is not printable ASCII")]
    Path,
    /// A part of the module is larger than any real one.
    #[error("`{part}` has more than {most} {unit}")]
    TooLarge {
        /// The section, or what there are too many of.
        part: &'static str,
        /// The limit.
        most: usize,
        /// What the limit counts.
        unit: &'static str,
    },
    /// A value cannot be written to an index.
    #[error("`{key}` is `{value}`; expected at most {most} printable ASCII characters")]
    Text {
        /// The key in `.modinfo`, or `symbol`.
        key: &'static str,
        /// The value, escaped and shortened.
        value: String,
        /// The limit.
        most: usize,
    },
}

/// A set that cannot hold one more module.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// There are too many modules.
    #[error("the kernel has more than {most} modules")]
    TooMany {
        /// The limit.
        most: usize,
    },
    /// The names, aliases and symbols of all modules are too large together.
    #[error("names, aliases and symbols of the kernel's modules have more than {most} bytes")]
    TooLarge {
        /// The limit.
        most: usize,
    },
}

/// An index that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Positions in an index have 28 bits.
    #[error("the index has more than {most} bytes")]
    TooLarge {
        /// The limit.
        most: usize,
    },
    /// The key or the value has characters that the format cannot hold.
    #[error("the index cannot hold `{key}`; expected at most {most} ASCII characters and no NUL")]
    Entry {
        /// The key, escaped.
        key: String,
        /// The limit of a key.
        most: usize,
    },
}

/// A wanted module that is neither a file nor built in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no module `{name}`")]
pub struct NoModule {
    /// The name, with `_` for `-`.
    pub name: String,
}
