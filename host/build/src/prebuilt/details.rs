use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use skiff_plan::Workspace;

use super::wished::Request;
use crate::EngineName;
use crate::Gap;
use crate::Origin;
use crate::outputs::BuildRecord;
use crate::outputs::RecordError;

/// What the engine notes of a build in its record.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Details {
    /// The bytes of each part of the target.
    #[serde(default)]
    pub(crate) sizes: Vec<(Origin, u64)>,
    /// The layer that asked for each of the packages that layers ask for.
    #[serde(default)]
    pub(crate) layers: BTreeMap<String, String>,
    /// What maintainer scripts would have done and nothing did.
    #[serde(default)]
    undone: Vec<String>,
}

impl Details {
    /// Makes those of a build.
    pub(crate) fn new(sizes: Vec<(Origin, u64)>, requests: &[Request], undone: Vec<String>) -> Self {
        let layers = requests.iter().map(|request| (request.package.clone(), request.layer.clone())).collect();
        Self { sizes, layers, undone }
    }

    /// Reads those of the last build; `None` if this engine has built nothing.
    pub(crate) fn read(workspace: &Workspace) -> Result<Option<Self>, RecordError> {
        let record = BuildRecord::read(workspace)?.filter(|record| record.engine == EngineName::Prebuilt);
        record.map(|record| record.details(workspace)).transpose()
    }

    /// Returns what nothing carried out of the packages' maintainer scripts.
    pub(crate) fn gaps(self) -> impl Iterator<Item = Gap> {
        let gap = |what: String| Gap { group: "maintainer scripts", what, layer: "packages".to_owned(), place: None };
        self.undone.into_iter().map(gap)
    }
}
