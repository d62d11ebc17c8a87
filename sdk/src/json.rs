//! JSON: what several layers bring is merged, and settings become types.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Failure;
use crate::FailureCode;
use crate::Result;

/// Merges `over` into `base`: objects key by key, to any depth; everything else is replaced.
pub fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                match base.get_mut(&key) {
                    Some(present) => merge(present, value),
                    None => {
                        base.insert(key, value);
                    }
                }
            }
        }
        (base, over) => *base = over,
    }
}

/// Returns the plugin's settings as a type.
///
/// # Errors
/// When the manifest of the layer says something else.
pub fn settings<T: DeserializeOwned>() -> Result<T> {
    let text = crate::settings();
    serde_json::from_str(&text).map_err(|error| {
        // Its position is one in the JSON, which nobody has written.
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        Failure::new(FailureCode::Invalid, message)
            .about("`settings` in metadata/plugins.yaml")
            .hint("correct the settings of this plugin in metadata/plugins.yaml of the layer")
    })
}

/// Merges the objects of files that may be there, then all `*.json` of a folder of each layer, layer by layer and in byte
/// order of their names; later values win. Returns the number of fragments, too.
///
/// # Errors
/// When a file cannot be read or holds no JSON object; the message names layer, file and line.
pub fn merge_files(files: &[&str], fragments: &str) -> Result<(Value, usize)> {
    let mut merged = Value::Object(serde_json::Map::new());
    for path in files {
        if let Some(text) = optional(path)? {
            merge(&mut merged, object(path, &text)?);
        }
    }
    let mut count = 0;
    for layer in crate::layers() {
        let Some(folder) = layer.folder else { continue };
        for file in json_files(&folder.join(fragments))? {
            let shown = format!("{}: {fragments}/{}", layer.name, file_name(&file));
            let text = fs::read_to_string(&file).map_err(|error| Failure::io(&shown, &error))?;
            merge(&mut merged, object(&shown, &text)?);
            count += 1;
        }
    }
    Ok((merged, count))
}

fn optional(path: &str) -> Result<Option<String>> {
    match fs::read_to_string(crate::path(path)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io(path, &error)),
    }
}

/// Lists `*.json` in byte order; a layer without the folder has no fragments.
fn json_files(folder: &Path) -> Result<Vec<PathBuf>> {
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
fn object(shown: &str, text: &str) -> Result<Value> {
    let invalid = |message: String| {
        Failure::new(FailureCode::Invalid, message).about(shown).hint("a fragment is one JSON object")
    };
    let value: Value = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
    match value.is_object() {
        true => Ok(value),
        false => Err(invalid("this is valid JSON, but no object".into())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_merged_and_all_else_is_replaced() {
        let mut config = json!({"a": {"x": 1, "y": [1]}, "b": true});
        merge(&mut config, json!({"a": {"y": [2], "z": 3}, "c": null}));
        assert_eq!(config, json!({"a": {"x": 1, "y": [2], "z": 3}, "b": true, "c": null}));
    }

    #[test]
    fn a_broken_fragment_names_the_layer_the_file_and_the_line() {
        let failure = object("a/b: x.json", "{\n  \"a\": 1,\n}").unwrap_err();
        assert_eq!(failure.to_string(), "a/b: x.json: trailing comma at line 3 column 1");
        assert!(object("f", "[]").unwrap_err().to_string().contains("no object"));
    }
}
