use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use skiff_layers::Layer;
use skiff_layers::LayerName;
use walkdir::WalkDir;

use crate::folder::unreadable;
use crate::source;
use crate::source::Language;
use skiff_project::Session;

use crate::error::Error;
use crate::error::Result;

/// The command of a new plugin, if the layer has none of that name.
const GREET: &str = "greet";

const COMMAND: &str = "    commands:
      - name: {{command}}
        summary: Greets somebody
        arguments:
          - {name: name, kind: text, default: sailor, help: Whom to greet}
";

const HOOK: &str = "    hooks: [pre]
    capabilities:
      - {write: target, path: etc, why: writes a greeting}
";

/// What a new plugin provides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginKind {
    /// A command that greets.
    Command,
    /// A hook that writes a file into the target.
    Hook,
}

impl PluginKind {
    /// Returns the name of its template.
    fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Hook => "hook",
        }
    }
}

/// A plugin that is to be made.
#[derive(Debug)]
pub struct NewPlugin<'a> {
    /// The package that ships it.
    pub package: LayerName,
    /// Its name; that of the package if there is none.
    pub name: Option<&'a str>,
    /// Its language.
    pub language: Language,
    /// What it provides.
    pub kind: PluginKind,
    /// The directory with layers, for a package that is new.
    pub layers: Option<PathBuf>,
}

/// A plugin that was made.
#[derive(Debug)]
pub struct MadePlugin {
    /// Its name with that of its package.
    pub id: String,
    /// The directory of its sources.
    pub folder: PathBuf,
    /// Its command, if it provides one.
    pub command: String,
    /// The directory with layers, if it is not on the search path.
    pub unlisted: Option<PathBuf>,
}

impl NewPlugin<'_> {
    /// Makes the plugin from a template. Its sources are trusted from then on.
    ///
    /// # Errors
    /// If there is a plugin of that name, if the manifest cannot be added to, or if a file cannot be written.
    pub fn make(&self, session: &Session) -> Result<MadePlugin> {
        let package = &self.package;
        let name = match self.name {
            Some(name) => name,
            None => package.as_str().rsplit('/').next().unwrap_or_default(),
        };
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.bytes().all(plain) {
            return Err(Error::Name(name.to_owned()));
        }
        let layer = place(session, self)?;
        let command = command(session, package, &layer, name).to_owned();
        write(session, self, &layer, name, &command)?;
        let id = format!("{package}/{name}");
        let folder = layer.join("plugins").join(name);
        let real = folder.canonicalize().map_err(|error| unreadable(&folder, error))?;
        source::trust(session, &id, &real)?;
        let roots = &session.context.extra;
        let root = layer.ancestors().nth(2).map(Path::to_owned);
        Ok(MadePlugin { id, folder, command, unlisted: root.filter(|root| !roots.contains(root)) })
    }
}

/// Returns the directory of the layer: that of the package if there is one, or where a new one belongs.
fn place(session: &Session, new: &NewPlugin<'_>) -> Result<PathBuf> {
    let package = &new.package;
    let known = session.catalog()?;
    let given = new.layers.as_ref().map(|folder| session.console.environment.absolute(folder));
    if given.is_none()
        && let Some(known) = known.packages().find(|known| known.name == *package)
    {
        return Ok(known.root.clone());
    }
    match given.or_else(|| session.context.extra.first().cloned()) {
        Some(folder) => Ok(folder.join(package.as_str())),
        None => Err(Error::NoPlace(package.clone())),
    }
}

/// Returns the name of the command of a new plugin. A layer has each once.
fn command<'n>(session: &Session, package: &LayerName, layer: &Path, name: &'n str) -> &'n str {
    let catalog = session.catalog().ok();
    let known = catalog.iter().flat_map(|catalog| catalog.packages()).find(|known| known.name == *package);
    let manifest = known.filter(|known| known.root == layer).and_then(|known| Layer::at(known).manifest().ok());
    let mut commands = manifest.into_iter().flat_map(|manifest| manifest.plugins).flat_map(|plugin| plugin.commands);
    let taken = commands.any(|command| command.name == GREET);
    if taken { name } else { GREET }
}

fn write(session: &Session, new: &NewPlugin<'_>, layer: &Path, name: &str, command: &str) -> Result<()> {
    let folder = layer.join("plugins").join(name);
    if folder.exists() {
        return Err(Error::Exists(folder));
    }
    let manifest = layer.join("metadata/plugins.yaml");
    let text = entry(&manifest, new.kind, name, command)?;
    let sources = || sources(session, new, layer, name, command);
    let write = || sources().and_then(|()| skiff_file::replace(&manifest, text.as_bytes()));
    write().map_err(|error| Error::Make { layer: layer.to_owned(), error })
}

/// Writes the sources, all or none of them.
fn sources(session: &Session, new: &NewPlugin<'_>, layer: &Path, name: &str, command: &str) -> io::Result<()> {
    fs::create_dir_all(layer.join("plugins"))?;
    fs::create_dir_all(layer.join("metadata"))?;
    let staging = tempfile::Builder::new().prefix(".new-").tempdir_in(layer.join("plugins"))?;
    let sdk = session.root.join("sdk");
    let template = sdk.join("templates").join(new.language.as_str()).join(new.kind.as_str());
    copy(
        &template,
        staging.path(),
        &[("{{name}}", name), ("{{command}}", command), ("{{sdk}}", &sdk.to_string_lossy())],
    )?;
    if new.language != Language::Rust {
        // The contract comes along: the plugin can be built without this checkout.
        for package in ["host", "plugin"] {
            let deps = staging.path().join("wit/deps").join(format!("skiff-{package}"));
            copy(&session.root.join("wit").join(package), &deps, &[])?;
        }
    }
    fs::rename(staging.path(), layer.join("plugins").join(name))
}

/// Returns the manifest with an entry for the new plugin.
fn entry(manifest: &Path, kind: PluginKind, name: &str, command: &str) -> Result<String> {
    let provides = match kind {
        PluginKind::Command => COMMAND.replace("{{command}}", command),
        PluginKind::Hook => HOOK.to_owned(),
    };
    let entry = format!(
        "  - name: {name}\n    version: 0.1.0\n    component: plugins/{name}.wasm\n    interface: ^1.0\n{provides}"
    );
    let present = skiff_layers::optional_text(manifest)?.unwrap_or_else(|| "schema: 1\nplugins:\n".to_owned());
    let text = with_entry(&present, &entry);
    // That is right for all but unusual manifests.
    let names = |text: &str| {
        let value: Option<serde_json::Value> = skiff_layers::bounded_yaml(text).ok();
        value.and_then(|value| value.get("plugins")?.as_array().map(Vec::len))
    };
    let before = names(&present).unwrap_or_default();
    match names(&text) {
        Some(after) if after == before + 1 => Ok(text),
        _ => Err(Error::Manifest { path: manifest.to_owned(), entry }),
    }
}

/// Puts an entry behind the last of the list `plugins`, which is made if there is none.
fn with_entry(manifest: &str, entry: &str) -> String {
    let lines: Vec<&str> = manifest.lines().collect();
    let is_key = |line: &&str| line.starts_with(|c: char| c.is_ascii_alphabetic());
    let list = lines.iter().position(|line| line.starts_with("plugins:"));
    let end = list.and_then(|list| lines.iter().skip(list + 1).position(is_key).map(|next| list + 1 + next));
    let (before, behind) = lines.split_at(end.unwrap_or(lines.len()));
    let head = if list.is_none() { "plugins:\n" } else { "" };
    let text = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    format!("{}{head}{entry}{}", text(before), text(behind))
}

/// Copies a directory of texts, replacing words.
fn copy(from: &Path, into: &Path, words: &[(&str, &str)]) -> io::Result<()> {
    for entry in WalkDir::new(from) {
        let entry = entry?;
        let place = into.join(entry.path().strip_prefix(from).unwrap_or(entry.path()));
        if entry.file_type().is_dir() {
            fs::create_dir_all(place)?;
            continue;
        }
        let text = fs::read_to_string(entry.path())?;
        fs::write(place, words.iter().fold(text, |text, (word, with)| text.replace(word, with)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::with_entry;

    #[test]
    fn an_entry_goes_behind_the_others() {
        let entry = "  - name: b\n";
        assert_eq!(with_entry("schema: 1\nuses: []\n", entry), "schema: 1\nuses: []\nplugins:\n  - name: b\n");
        assert_eq!(
            with_entry("schema: 1\nplugins:\n  - name: a\nuses:\n  - x", entry),
            "schema: 1\nplugins:\n  - name: a\n  - name: b\nuses:\n  - x\n"
        );
        assert_eq!(
            with_entry("schema: 1\nplugins:\n  - name: a", entry),
            "schema: 1\nplugins:\n  - name: a\n  - name: b\n"
        );
    }
}
