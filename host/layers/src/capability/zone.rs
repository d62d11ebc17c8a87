use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

/// A tree of files that the host knows by name. A guest sees it as a directory of that name under `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Zone {
    /// `/layer`: the directory of the layer that ships the plugin.
    Layer,
    /// `/layers/<n>`: the same directory of every layer of the plan, in merge order.
    Layers,
    /// `/target`: the root file system being built.
    Target,
    /// `/images`: the finished images.
    Images,
    /// `/state`: a directory of the workspace that only this plugin uses and that stays between runs.
    State,
}

impl Zone {
    /// All zones.
    const ALL: [Self; 5] = [Self::Layer, Self::Layers, Self::Target, Self::Images, Self::State];

    /// Returns the zone of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|zone| zone.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Layer => "layer",
            Self::Layers => "layers",
            Self::Target => "target",
            Self::Images => "images",
            Self::State => "state",
        }
    }

    /// Returns whether a plugin can be allowed to write there at all.
    pub fn writable(self) -> bool {
        match self {
            Self::Layer | Self::Layers => false,
            Self::Target | Self::Images | Self::State => true,
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
