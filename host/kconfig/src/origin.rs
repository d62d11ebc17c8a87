use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;
use skiff_text::Shown as _;

/// Where an assignment was written.
///
/// Cheap to clone: a fragment shares its label and path among all its assignments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Who wrote it: opaque here, the layer's name for skiff.
    pub layer: Arc<str>,
    /// The file, as the caller wants it shown.
    pub file: Arc<PathBuf>,
    /// The line in that file, from 1.
    pub line: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}:{}", self.layer, self.file.shown(), self.line)
    }
}
