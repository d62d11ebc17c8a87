//! The `pre` hook of `apps/docker`: writes `/etc/docker/daemon.json`.
//!
//! Merged, in this order, later values winning: the layer's own defaults (`resources/docker/daemon.json`), the
//! file that overlays have put into the target, and the fragments `resources/docker/daemon.json.d/*.json` of
//! all layers, layer by layer and in byte order of their names.

mod merge;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use skiff_sdk::Failure;
use skiff_sdk::FailureKind;
use skiff_sdk::Hook;
use skiff_sdk::Level;
use skiff_sdk::Result;
use skiff_sdk::Stage;

use crate::merge::merge;

const DEFAULTS: &str = "/layer/resources/docker/daemon.json";
const TARGET: &str = "/target/etc/docker/daemon.json";
const FRAGMENTS: &str = "resources/docker/daemon.json.d";

struct DockerConfig;

skiff_sdk::export_hook!(DockerConfig);

impl Hook for DockerConfig {
    fn run(_: Stage) -> Result<()> {
        let mut config = Value::Object(serde_json::Map::new());
        for path in [DEFAULTS, TARGET] {
            if let Some(text) = optional(Path::new(path))? {
                merge(&mut config, parse(path, &text)?);
            }
        }
        let mut count = 0;
        for layer in skiff_sdk::layers() {
            let Some(folder) = layer.folder else { continue };
            for file in fragments(&folder.join(FRAGMENTS))? {
                let shown = format!("{}: {FRAGMENTS}/{}", layer.name, file_name(&file));
                let text = fs::read_to_string(&file).map_err(|error| Failure::io(&shown, &error))?;
                merge(&mut config, parse(&shown, &text)?);
                count += 1;
            }
        }
        skiff_sdk::log(Level::Info, format!("fragments of daemon.json merged: {count}"));
        let text = format!("{config:#}\n");
        fs::write(TARGET, text).map_err(|error| Failure::io(TARGET, &error))
    }
}

fn optional(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io(path, &error)),
    }
}

/// Lists `*.json` in byte order; a layer without the folder has no fragments.
fn fragments(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::io(folder, &error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Failure::io(folder, &error))?.path();
        if path.extension().is_some_and(|extension| extension == "json") && !file_name(&path).starts_with('.') {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Parses one file, which must hold an object.
fn parse(shown: &str, text: &str) -> Result<Value> {
    let invalid = |message: String| {
        Failure::new(FailureKind::Invalid, message).about(shown).hint("a fragment of daemon.json is one JSON object")
    };
    let value: Value = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
    match value.is_object() {
        true => Ok(value),
        false => Err(invalid("this is valid JSON, but no object".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_fragment_names_the_layer_the_file_and_the_line() {
        let failure = parse("a/b: x.json", "{\n  \"a\": 1,\n}").unwrap_err();
        assert_eq!(failure.to_string(), "a/b: x.json: trailing comma at line 3 column 1");
        assert!(parse("f", "[]").unwrap_err().to_string().contains("no object"));
    }
}
