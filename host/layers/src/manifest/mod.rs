//! `metadata/plugins.yaml`: the plugins that a layer ships, and those of other layers that it uses.

mod board;
mod plugin;
mod plugin_use;

use std::collections::BTreeSet;
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::LayerDir;
use crate::Location;
use crate::ReadError;
use crate::metadata::MAX_METADATA;
use crate::yaml::parse_yaml;

pub use self::board::BoardDecl;
pub use self::plugin::Limits;
pub use self::plugin::PluginDecl;
pub use self::plugin::Stage;
pub use self::plugin_use::PluginRef;
pub use self::plugin_use::PluginUse;

/// The file, relative to the layer.
pub(crate) const FILE: &str = "metadata/plugins.yaml";

/// The only version of the manifest's shape so far.
const SCHEMA: u32 = 1;

/// The part of a manifest that every schema has.
#[derive(Debug, Deserialize)]
struct Versioned {
    schema: u32,
}

/// What a layer says about plugins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The plugins that it ships.
    pub plugins: Vec<PluginDecl>,
    /// The plugins of other layers that work for it.
    pub uses: Vec<PluginUse>,
}

/// `metadata/plugins.yaml` of a layer: the plugins that it ships, and what each needs to be able to do, and the plugins of
/// other layers that it uses.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "plugins.yaml")]
#[serde(deny_unknown_fields)]
struct RawManifest {
    /// The version of this form: 1.
    #[serde(rename = "schema")]
    #[schemars(range(min = 1, max = 1))]
    _schema: u32,
    /// The plugins that the layer ships.
    #[serde(default)]
    plugins: Vec<plugin::RawPlugin>,
    /// The plugins of other layers that work for this one.
    #[serde(default)]
    uses: Vec<plugin_use::RawUse>,
}

/// Returns the JSON schema of manifests.
pub fn manifest_schema() -> serde_json::Value {
    schemars::schema_for!(RawManifest).to_value()
}

/// Reads the manifest of a layer. A layer without one has no plugins.
pub(crate) fn read(dir: &LayerDir) -> Result<Manifest, ReadError> {
    let Some(text) = dir.text(FILE, MAX_METADATA)? else { return Ok(Manifest::default()) };
    let root = dir.path("");
    let mut manifest = parse_manifest(&root, &text)?;
    for plugin in &mut manifest.plugins {
        // A component that is a link out of the layer is not the layer's: an error.
        plugin.is_built = dir.is_file(plugin.component.strip_prefix(&root).unwrap_or(&plugin.component))?;
    }
    Ok(manifest)
}

/// Reads the text of the manifest of the layer at `root`. Components are named, not opened.
///
/// # Errors
/// [`ReadError`] with the line that is wrong.
pub fn parse_manifest(root: &Path, text: &str) -> Result<Manifest, ReadError> {
    let path = root.join(FILE);
    let source = Source { root, path: &path, text };
    let wrong_shape = |wrong: Wrong| ReadError::Manifest { at: source.locate(&wrong), message: wrong.message };
    // What else another schema holds is for another skiff to know.
    let Versioned { schema } = parse_yaml(&path, text)?;
    if schema != SCHEMA {
        let message = format!("schema {schema} is unknown; this skiff reads schema {SCHEMA}");
        return Err(wrong_shape(Wrong::new("schema", message)));
    }
    let raw = parse_yaml(&path, text)?;
    check(&source, raw).map_err(wrong_shape)
}

/// The text of a manifest, and its place in a layer.
struct Source<'m> {
    root: &'m Path,
    path: &'m Path,
    text: &'m str,
}

impl Source<'_> {
    /// Finds the line that a complaint is about: the first with a word that the complaint quotes, or near it.
    fn locate(&self, wrong: &Wrong) -> Location {
        let quoted = wrong.message.split('`').skip(1).step_by(2).filter(|word| word.len() > 1).last();
        let line = quoted.and_then(|word| self.line_of(word)).or_else(|| self.line_of(&wrong.near));
        Location { file: self.path.to_owned(), line }
    }

    fn line_of(&self, word: &str) -> Option<usize> {
        (1..).zip(self.text.lines()).find(|(_, line)| line.contains(word)).map(|(number, _)| number)
    }
}

/// What is wrong, and a word near which it stands.
struct Wrong {
    near: String,
    message: String,
}

impl Wrong {
    fn new(near: impl Into<String>, message: impl Into<String>) -> Self {
        Self { near: near.into(), message: message.into() }
    }
}

fn check(source: &Source<'_>, raw: RawManifest) -> Result<Manifest, Wrong> {
    let mut names = BTreeSet::new();
    let mut commands = BTreeSet::new();
    let mut manifest = Manifest::default();
    most("plugins", "plugins", raw.plugins.len() + raw.uses.len(), MAX_PLUGINS)?;
    for plugin in raw.plugins {
        let plugin = plugin.check(source)?;
        if !names.insert(plugin.name.clone()) {
            return Err(Wrong::new(&plugin.name, format!("two plugins are called `{}`", plugin.name)));
        }
        // Those of boards are skiff's own, and ask before they write.
        let offered = if plugin.shared { Vec::new() } else { plugin.offered() };
        for command in offered {
            if !commands.insert(command.name.clone()) {
                return Err(Wrong::new(&command.name, format!("two commands are called `{}`", command.name)));
            }
        }
        manifest.plugins.push(plugin);
    }
    for used in raw.uses {
        let used = used.check(source)?;
        if !names.insert(used.plugin.name.clone()) {
            let message = format!("two plugins are called `{}`: its own, or used", used.plugin.name);
            return Err(Wrong::new(used.plugin.to_string(), message));
        }
        manifest.uses.push(used);
    }
    Ok(manifest)
}

/// Plugins of a layer, its own and used ones: what fits onto screens.
const MAX_PLUGINS: usize = 64;

fn most(near: &str, what: &str, count: usize, most: usize) -> Result<(), Wrong> {
    match count <= most {
        true => Ok(()),
        false => Err(Wrong::new(near, format!("{count} {what} are declared; at most {most} are accepted"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_fit_into_questions() {
        let read = |version: &str| {
            let plugin = format!("{{name: p, version: {version}, component: p.wasm, interface: ^1.0, hooks: [pre]}}");
            parse_manifest(Path::new("/l"), &format!("schema: 1\nplugins:\n  - {plugin}\n"))
        };
        assert!(read("1.2.3-rc.1").is_ok());
        let error = read(&format!("1.0.0+{}", "A".repeat(60))).unwrap_err().to_string();
        assert!(error.ends_with("plugins.yaml:3: plugin `p`: a version has at most 64 characters"), "{error}");
    }
}
