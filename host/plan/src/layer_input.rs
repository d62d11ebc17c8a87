use std::fmt;

use serde::Deserialize;
use serde::Serialize;
use skiff_kconfig::Kind;

/// A part of a layer that goes into a build. Its text is what users read: `pi/4: kernel`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LayerInput {
    /// The layer's name.
    pub layer: String,
    /// The part.
    pub part: LayerPart,
}

/// What of a layer goes into a build.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerPart {
    /// A directory or file at the top of the layer.
    Directory(String),
    /// A component, and all that its plugin may read of the layers.
    Plugin(String),
    /// What the plugin of this name adds to a configuration.
    Contribution {
        /// The plugin.
        plugin: String,
        /// What is configured.
        kind: Kind,
        /// The name that the plugin gives to what it adds.
        name: String,
    },
    /// Everything that the layer's scripts can run.
    Scripts,
}

impl LayerInput {
    pub(crate) fn new(layer: &str, part: LayerPart) -> Self {
        Self { layer: layer.to_owned(), part }
    }
}

impl fmt::Display for LayerInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layer, part } = self;
        match part {
            LayerPart::Directory(name) => write!(f, "{layer}: {name}"),
            LayerPart::Plugin(name) => write!(f, "{layer}: plugin {name}"),
            LayerPart::Contribution { plugin, kind, name } => {
                write!(f, "{layer}: {kind} settings {name} of plugin {plugin}")
            }
            LayerPart::Scripts => write!(f, "{layer}: what scripts run"),
        }
    }
}
