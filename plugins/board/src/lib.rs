//! The boards of the layers: reads `metadata/layout.yaml` of every layer of the chain, merges them in order, and proposes what
//! they come to. Maps are merged key by key, lists grow, everything else is replaced by the later layer; `null` takes a key
//! away.

mod declared;
mod size;

use serde_yaml::Mapping;
use serde_yaml::Value;
use skiff_sdk::Board;
use skiff_sdk::Failure;
use skiff_sdk::FailureCode;
use skiff_sdk::Result;
use skiff_sdk::board::Intent;
use skiff_sdk::board::Layout;
use skiff_sdk::board::Medium;

use declared::Declared;

/// The file, in each layer.
const FILE: &str = "metadata/layout.yaml";

struct Boards;

/// It is told nothing: the layout is in files.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NoSettings {}

skiff_sdk::export_board!(Boards);

impl Board for Boards {
    /// The layout is the same for every medium and purpose: how it fits, and what of it is renewed, is for skiff to say.
    fn plan(_: Intent, _: &Medium) -> Result<Layout> {
        skiff_sdk::json::settings::<NoSettings>()?;
        let mut merged = Value::Mapping(Mapping::new());
        let mut last = None;
        for layer in skiff_sdk::layers() {
            let Some(folder) = layer.folder else { continue };
            let shown = format!("{}: {FILE}", layer.name);
            let text = match std::fs::read_to_string(folder.join(FILE)) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Failure::io(&shown, &error)),
            };
            // A wrong word is told with its layer and line, which are lost when all are merged.
            serde_yaml::from_str::<declared::Partly>(&text).map_err(|error| invalid(&shown, &text, &error))?;
            let value: Value = serde_yaml::from_str(&text).map_err(|error| invalid(&shown, &text, &error))?;
            if !value.is_mapping() {
                return Err(failure(&shown, "expected a mapping"));
            }
            merge(&mut merged, value);
            last = Some((shown, text));
        }
        let Some(last) = last else {
            return Err(Failure::new(FailureCode::Missing, "no layer of the chain says what is where on the medium")
                .hint(format!("a layer does so in {FILE}")));
        };
        let (shown, text) = last;
        let declared: Declared = serde_yaml::from_value(merged).map_err(|error| {
            // What is missing of all layers together has no line; in the last file it may have one.
            let alone = serde_yaml::from_str::<Declared>(&text).err().filter(|error| error.location().is_some());
            invalid(&shown, &text, &alone.unwrap_or(error))
        })?;
        Ok(declared.into())
    }
}

/// Reads one file as if it were the only layer.
///
/// # Errors
/// What is wrong with it, with its line.
pub fn read(text: &str) -> core::result::Result<Layout, String> {
    serde_yaml::from_str::<declared::Partly>(text).map_err(|error| error.to_string())?;
    serde_yaml::from_str::<Declared>(text).map(Into::into).map_err(|error| error.to_string())
}

fn failure(shown: &str, message: impl Into<String>) -> Failure {
    Failure::new(FailureCode::Invalid, message.into()).about(shown).hint("configs/README.md describes this file")
}

/// Says what is wrong with a file, after its name and line.
fn invalid(shown: &str, text: &str, error: &serde_yaml::Error) -> Failure {
    let message = error.to_string();
    let line = error.location().map(|at| at.line()).or_else(|| line_of(text, &message));
    // The position stands before the message, as in all errors of skiff.
    let message = message.split(" at line ").next().unwrap_or_default();
    match line {
        Some(line) => failure(&format!("{shown}:{line}"), message),
        None => failure(shown, message),
    }
}

/// Finds the first line with the word that a message names: not all errors have a position.
fn line_of(text: &str, message: &str) -> Option<usize> {
    let word = message.split('`').nth(1).filter(|word| !word.is_empty())?;
    let has_word = |line: &str| {
        let mut words = line.split(|c: char| !(c.is_alphanumeric() || "_-.".contains(c)));
        words.any(|one| one == word)
    };
    text.lines().position(has_word).map(|number| number + 1)
}

fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Mapping(base), Value::Mapping(over)) => {
            for (key, value) in over {
                if value.is_null() {
                    base.shift_remove(&key);
                } else if let Some(present) = base.get_mut(&key) {
                    merge(present, value);
                } else {
                    base.insert(key, value);
                }
            }
        }
        (Value::Sequence(base), Value::Sequence(over)) => base.extend(over),
        (base, over) => *base = over,
    }
}

#[cfg(test)]
mod tests {
    use skiff_sdk::board::Format;
    use skiff_sdk::board::Table;
    use skiff_sdk::testing::Host;

    use super::*;

    fn plan() -> Result<Layout> {
        Boards::plan(Intent::Image, &Medium { size: 1 << 33, sector: 512, model: String::new() })
    }

    #[test]
    fn later_layers_change_what_earlier_ones_say() {
        let _host = Host::new()
            .layer("pi/common")
            .layer("pi/0")
            .file(
                "/layers/00/metadata/layout.yaml",
                "table: gpt\npartitions:\n  BOOT: {format: vfat, type: basic-data, size: 7628MiB, copy_files: [{source: images/a, target: /}]}\n  persist: {format: ext4, features: [^64bit]}\nraw: {spl: {source: [images/x, images/y], offset: 8KiB}}\n",
            )
            .file(
                "/layers/01/metadata/layout.yaml",
                "table: mbr\npartitions: {BOOT: {bootable: true, copy_files: [{source: images/b, target: /b}]}}\nraw: {spl: null}\n",
            );
        let layout = plan().unwrap();
        assert_eq!((layout.table, layout.partitions.len(), layout.raw.len()), (Table::Mbr, 2, 0));
        let boot = &layout.partitions[0];
        assert_eq!((boot.label.as_str(), boot.size, boot.bootable), ("BOOT", Some(7628 << 20), true));
        assert_eq!(boot.copy_files.iter().map(|c| c.target.as_str()).collect::<Vec<_>>(), ["/", "/b"]);
        assert_eq!((layout.partitions[1].format, layout.partitions[1].size), (Format::Ext4, None));
    }

    #[test]
    fn a_wrong_word_is_told_with_its_layer() {
        let _host = Host::new()
            .layer("my/board")
            .file("/layers/00/metadata/layout.yaml", "table: gpt\npartitions: {a: {formt: vfat}}\n");
        let failure = plan().unwrap_err().to_string();
        assert!(failure.contains("my/board") && failure.contains("formt"), "{failure}");
        assert!(failure.contains("my/board: metadata/layout.yaml:2: partitions.a: unknown field `formt`"), "{failure}");
    }

    #[test]
    fn types_are_names_or_numbers_in_quotes_or_not() {
        for (written, kind) in [
            ("0x0c", "0x0c"),
            ("12", "0x0c"),
            ("'0x0c'", "0x0c"),
            ("\"12\"", "12"),
            ("0xC", "0x0c"),
            ("esp", "esp"),
            ("0", "0x00"),
        ] {
            let layout = read(&format!("table: mbr\npartitions:\n  a:\n    type: {written}\n")).unwrap();
            assert_eq!(layout.partitions[0].type_, kind, "{written}");
        }
    }

    #[test]
    fn every_error_has_a_line() {
        let parts = [
            "type: [a]",
            "type: -1",
            "type: 1.5",
            "type: true",
            "format: btrfs",
            "formt: vfat",
            "start: 1Q",
            "size: -5",
            "size: [1]",
            "weight: x",
            "bootable: 7",
            "copy_files: x",
            "copy_files: [{source: a}]",
            "copy_files: [{source: {a: b}, target: /}]",
            "flags: [x]",
            "uuid: [5]",
            "name: [a]",
            "align: x",
            "label: {a: b}",
            "features: x",
        ];
        for part in parts {
            let error = read(&format!("table: mbr\npartitions:\n  a:\n    {part}\n")).unwrap_err();
            assert!(error.contains("line 4"), "{part}: {error}");
        }
        for (text, line) in [
            ("table: x\n", "line 1"),
            ("table: gpt\nid: [a]\n", "line 2"),
            ("table: gpt\nraw: {a: {offset: x}}\n", "line 2"),
            ("table: gpt\nraw:\n  a: {size: 1}\n", "offset"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(line), "{text}: {error}");
        }
    }
}
