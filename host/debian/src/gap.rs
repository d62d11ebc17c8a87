use std::fmt;

use serde::Deserialize;
use skiff_text::shown;

use crate::TreePath;

/// What a watched command of a script is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Users and groups.
    Account,
    /// systemd units.
    Unit,
    /// Links in `/etc/alternatives`.
    Alternative,
    /// Owners, modes and capabilities.
    Owner,
    /// Files, directories and links.
    File,
    /// Caches and indexes that programs read.
    Cache,
    /// Configuration that a tool makes.
    Configuration,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account => "account",
            Self::Unit => "unit",
            Self::Alternative => "alternative",
            Self::Owner => "owner",
            Self::File => "file",
            Self::Cache => "cache",
            Self::Configuration => "configuration",
        })
    }
}

/// A part of a package's configuration that skiff does not carry out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// A command of a postinst that no mechanism and no data file covers.
    Command {
        /// The package.
        package: String,
        /// The line in the postinst, from 1.
        line: u32,
        /// What the command is about.
        topic: Topic,
        /// The command; values that are unknown before it runs are written as in the script.
        command: String,
    },
    /// A postinst that skiff cannot read.
    Script {
        /// The package.
        package: String,
        /// Why.
        reason: String,
    },
    /// A unit that a package or a layer enables, and that cannot be enabled.
    Unit {
        /// The unit.
        unit: String,
        /// Why.
        reason: String,
    },
    /// Libraries in a directory that the loader finds through `ld.so.cache` only.
    Libraries {
        /// The directory.
        folder: TreePath,
        /// The file that lists it.
        listed: TreePath,
    },
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command { package, line, topic, command } => {
                write!(f, "{} postinst:{line}: {topic} not carried out: {}", shown(package), shown(command))
            }
            Self::Script { package, reason } => write!(f, "{} postinst: {}", shown(package), shown(reason)),
            Self::Unit { unit, reason } => write!(f, "unit {}: {}", shown(unit), shown(reason)),
            Self::Libraries { folder, listed } => {
                write!(f, "{listed}: the loader does not search {folder}, because the target has no ld.so.cache")
            }
        }
    }
}
