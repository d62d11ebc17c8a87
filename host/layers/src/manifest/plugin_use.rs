use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use semver::VersionReq;
use serde::Deserialize;

use super::BoardDecl;
use super::Source;
use super::Wrong;
use super::board::RawBoard;
use crate::LayerName;
use crate::Location;
use crate::name::is_name_part;

/// Names a plugin: the package that ships it, and its name there. Written `skiff/board/board`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginRef {
    /// The package.
    pub package: LayerName,
    /// The plugin's name in that package.
    pub name: String,
}

impl fmt::Display for PluginRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.package, self.name)
    }
}

/// A plugin of another layer that works for the layer that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginUse {
    /// The plugin.
    pub plugin: PluginRef,
    /// The versions of the plugin that fit.
    pub version: VersionReq,
    /// What users of this layer's board call its medium, if the plugin knows boards.
    pub board: Option<BoardDecl>,
    /// The directories that the plugin gets of those that it declares, by the names of their capabilities
    /// (`write:target/etc/docker`); all of them with `None`.
    pub files: Option<BTreeSet<String>>,
    /// What the layer tells the plugin. Each key replaces that of the plugin's own layer.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Where the manifest says so, for messages.
    pub at: Location,
}

/// The use of a plugin that another layer of the chain ships.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Use")]
#[serde(deny_unknown_fields)]
pub(super) struct RawUse {
    /// The plugin: the package that ships it, and its name there, `skiff/board/board`. `metadata/dependencies` has to name
    /// the package.
    plugin: String,
    /// The versions of the plugin that fit, as Cargo writes them: `^0.1`.
    #[schemars(with = "String")]
    version: VersionReq,
    /// Where users of this layer's board say what the medium is, for a plugin that knows boards.
    #[serde(default)]
    board: RawBoard,
    /// The directories that the plugin gets of those that it declares, such as `write:target/etc/docker`; all of them
    /// unless this is given.
    #[serde(default)]
    files: Option<BTreeSet<String>>,
    /// What the layer tells the plugin. Each key replaces that of the plugin's own layer.
    #[serde(default)]
    settings: serde_json::Map<String, serde_json::Value>,
}

impl RawUse {
    pub(super) fn check(self, source: &Source<'_>) -> Result<PluginUse, Wrong> {
        let Self { plugin, version, board, files, settings } = self;
        let reference = plugin.rsplit_once('/').and_then(|(package, name)| {
            let package = package.parse().ok()?;
            is_name_part(name).then(|| PluginRef { package, name: name.to_owned() })
        });
        let Some(reference) = reference else {
            let message = format!("`{plugin}` does not name a plugin (want `namespace/package/plugin`)");
            return Err(Wrong::new(&plugin, message));
        };
        let at = Location { file: source.path.to_owned(), line: source.line_of(&plugin) };
        Ok(PluginUse { plugin: reference, version, board: board.check()?, files, settings, at })
    }
}
