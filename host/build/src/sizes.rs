//! How large the parts of a system are, whichever engine has built it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use skiff_plan::Workspace;

use crate::ENGINES;
use crate::EngineError;
use crate::EngineName;

/// Where a file of a system comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A package.
    Package(String),
    /// The root overlay of a layer.
    Overlay(String),
    /// skiff itself, or hooks of plugins.
    #[default]
    Skiff,
}

/// What the parts of the target of a workspace take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sizes {
    /// The bytes of each part; empty when no build recorded them.
    pub parts: Vec<(Origin, u64)>,
    /// The layer that each package is there for; `None` if the engine does not know that of any.
    pub layers: Option<BTreeMap<String, String>>,
}

/// Reads what the parts of the target take that an engine has built. Without a record of a build, the first engine that
/// finds sizes counts: SkiffOS leaves no record.
///
/// # Errors
/// [`EngineError`] when they cannot be read.
pub fn read_sizes(workspace: &Workspace, built_by: Option<EngineName>) -> Result<Sizes, EngineError> {
    if let Some(engine) = built_by {
        return (engine.kind().sizes)(workspace);
    }
    for kind in ENGINES {
        let sizes = (kind.sizes)(workspace)?;
        if !sizes.parts.is_empty() {
            return Ok(sizes);
        }
    }
    Ok(Sizes::default())
}
