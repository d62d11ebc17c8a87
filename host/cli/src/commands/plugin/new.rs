use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use skiff_layers::Layer;
use skiff_layers::LayerName;
use walkdir::WalkDir;

use super::folder::unreadable;
use super::source;
use crate::args::Language;
use crate::args::NewPluginArgs;
use crate::args::PluginKind;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;
use crate::session::Session;
use skiff_text::Shown as _;

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

/// Makes a plugin from a template.
pub(super) fn run(session: &Session, args: &NewPluginArgs) -> Result<()> {
    let package: LayerName = args.package.parse()?;
    let name = match &args.name {
        Some(name) => name.as_str(),
        None => package.as_str().rsplit('/').next().unwrap_or_default(),
    };
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.bytes().all(plain) {
        return Err(CommandError::new(Kind::Usage, format!("`{name}` is no name for a plugin"))
            .hint("lower-case letters, digits and `-`, which every language takes: --name hello"));
    }
    let layer = place(session, args, &package)?;
    let command = command(session, &package, &layer, name);
    let made = make(session, args, &layer, name, command);
    made.map_err(|error| {
        CommandError::new(Kind::User, format!("Cannot make the plugin in `{}`: {error}", layer.shown()))
            .hint("check that the directory can be written to")
    })??;
    let plugin = format!("{package}/{name}");
    let sources = layer.join("plugins").join(name);
    let sources = sources.canonicalize().map_err(|error| unreadable(&sources, &error))?;
    source::trust(session, &plugin, &sources)?;
    let shown = |path: &Path| shlex::try_quote(&path.shown().to_string()).map(|q| q.into_owned()).unwrap_or_default();
    data!("Made {}", layer.join("plugins").join(name).shown());
    if let Some(folder) =
        layer.ancestors().nth(2).filter(|folder| !session.context.extra.contains(&(*folder).to_owned()))
    {
        data!("export SKIFF_EXTRA_CONFIGS_PATH={}", shown(folder));
    }
    data!("skiff plugin build {plugin}");
    data!("skiff grant add {plugin} --all");
    match args.kind {
        PluginKind::Command => data!("skiff cmd {package} {command} --name Alice"),
        PluginKind::Hook => data!("skiff -c virt/qemu,{package} build"),
    }
    Ok(())
}

/// Returns the directory of the layer: that of the package if there is one, or where a new one belongs.
fn place(session: &Session, args: &NewPluginArgs, package: &LayerName) -> Result<PathBuf> {
    let known = session.catalog()?;
    let given = args.layers.as_ref().map(|folder| session.console.environment.absolute(folder));
    if given.is_none()
        && let Some(known) = known.packages().find(|known| known.name == *package)
    {
        return Ok(known.root.clone());
    }
    match given.or_else(|| session.context.extra.first().cloned()) {
        Some(folder) => Ok(folder.join(package.as_str())),
        None => {
            Err(CommandError::new(Kind::Usage, format!("There is no package `{package}`, and no place for a new one"))
                .hint("name a directory for layers: --layers ~/layers, or SKIFF_EXTRA_CONFIGS_PATH"))
        }
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

fn make(session: &Session, args: &NewPluginArgs, layer: &Path, name: &str, command: &str) -> io::Result<Result<()>> {
    let folder = layer.join("plugins").join(name);
    if folder.exists() {
        return Ok(Err(CommandError::new(Kind::User, format!("`{}` is there already", folder.shown()))
            .hint("choose another name: --name")));
    }
    let manifest = layer.join("metadata/plugins.yaml");
    let text = match entry(&manifest, args.kind, name, command)? {
        Ok(text) => text,
        Err(error) => return Ok(Err(error)),
    };
    fs::create_dir_all(layer.join("plugins"))?;
    fs::create_dir_all(layer.join("metadata"))?;
    let staging = tempfile::Builder::new().prefix(".new-").tempdir_in(layer.join("plugins"))?;
    let kind = match args.kind {
        PluginKind::Command => "command",
        PluginKind::Hook => "hook",
    };
    let sdk = session.root.join("sdk");
    let template = sdk.join("templates").join(args.lang.as_str()).join(kind);
    copy(
        &template,
        staging.path(),
        &[("{{name}}", name), ("{{command}}", command), ("{{sdk}}", &sdk.to_string_lossy())],
    )?;
    if args.lang != Language::Rust {
        // The contract comes along: the plugin can be built without this checkout.
        for package in ["host", "plugin"] {
            let deps = staging.path().join("wit/deps").join(format!("skiff-{package}"));
            copy(&session.root.join("wit").join(package), &deps, &[])?;
        }
    }
    fs::rename(staging.path(), &folder)?;
    skiff_file::replace(&manifest, text.as_bytes())?;
    Ok(Ok(()))
}

/// Returns the manifest with an entry for the new plugin.
fn entry(manifest: &Path, kind: PluginKind, name: &str, command: &str) -> io::Result<Result<String>> {
    let provides = match kind {
        PluginKind::Command => COMMAND.replace("{{command}}", command),
        PluginKind::Hook => HOOK.to_owned(),
    };
    let entry = format!(
        "  - name: {name}\n    version: 0.1.0\n    component: plugins/{name}.wasm\n    interface: ^1.0\n{provides}"
    );
    let present = match skiff_layers::optional_text(manifest) {
        Ok(present) => present.unwrap_or_else(|| "schema: 1\nplugins:\n".to_owned()),
        Err(error) => return Ok(Err(error.into())),
    };
    let text = with_entry(&present, &entry);
    // That is right for all but unusual manifests.
    let names = |text: &str| {
        let value: Option<serde_json::Value> = skiff_layers::bounded_yaml(text).ok();
        value.and_then(|value| value.get("plugins")?.as_array().map(Vec::len))
    };
    let before = names(&present).unwrap_or_default();
    match names(&text) {
        Some(after) if after == before + 1 => Ok(Ok(text)),
        _ => Ok(Err(CommandError::new(Kind::User, format!("`{}` cannot be added to by skiff", manifest.shown()))
            .hint(format!("write `plugins:` as a list of its own, such as:\nplugins:\n{entry}")))),
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
