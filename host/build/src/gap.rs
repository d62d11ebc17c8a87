//! What an engine cannot give.

use std::path::PathBuf;

/// Something that the configuration asks for and an engine cannot give.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The group it is shown under, such as "packages".
    pub group: &'static str,
    /// What is asked for: a symbol or a short phrase.
    pub what: String,
    /// The layer that asks.
    pub layer: String,
    /// Where it asks, where that is a line.
    pub place: Option<PathBuf>,
}

impl Gap {
    /// The group of what only matters to a compilation that does not take place.
    pub(crate) const MACHINERY: &'static str = "build settings";

    /// Returns whether it only concerns how Buildroot works, and nothing of the system.
    pub fn is_machinery(&self) -> bool {
        self.group == Self::MACHINERY
    }
}
