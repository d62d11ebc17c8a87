use std::fmt::Write as _;

use crate::Bytes;
use crate::Format;
use crate::Layout;
use crate::Table;

/// Writes a layout as a layer declares it, in `metadata/layout.yaml`.
pub fn to_yaml(layout: &Layout) -> String {
    let table = match layout.table {
        Table::Gpt => "gpt",
        Table::Mbr => "mbr",
        Table::None => "none",
    };
    let mut text = format!("table: {table}\n");
    // Writing to a string does not fail.
    if let Some(id) = layout.id {
        let _ = writeln!(text, "id: {}", quoted(&id.to_string()));
    }
    if let Some(entries) = layout.max_entries {
        let _ = writeln!(text, "max_entries: {entries}");
    }
    if !layout.partitions.is_empty() {
        text += "partitions:\n";
    }
    for partition in &layout.partitions {
        let _ = writeln!(text, "  {}:\n    type: {}", quoted(&partition.label), quoted(&partition.r#type.to_string()));
        let format = match &partition.format {
            Format::Vfat => "vfat",
            Format::Ext4 { .. } => "ext4",
            Format::Empty => "empty",
        };
        let _ = writeln!(text, "    format: {format}");
        for (key, value) in [("name", &partition.name), ("label", &partition.volume), ("after", &partition.after)] {
            if let Some(value) = value {
                let _ = writeln!(text, "    {key}: {}", quoted(value));
            }
        }
        if let Some(uuid) = partition.uuid {
            let _ = writeln!(text, "    uuid: {}", quoted(&uuid.to_string()));
        }
        let features = partition.format.features();
        if !features.is_empty() {
            let features: Vec<String> = features.iter().map(|feature| quoted(feature)).collect();
            let _ = writeln!(text, "    features: [{}]", features.join(", "));
        }
        let end_align = Some(partition.end_align).filter(|align| *align != 1 << 20);
        let sizes = [("align", partition.align), ("end_align", end_align)];
        for (key, value) in sizes.into_iter().chain([
            ("start", partition.start),
            ("size", partition.size),
            ("size_min", partition.size_min),
        ]) {
            if let Some(value) = value {
                let _ = writeln!(text, "    {key}: {}", Bytes(value).exact());
            }
        }
        if partition.weight != 1 {
            let _ = writeln!(text, "    weight: {}", partition.weight);
        }
        if partition.bootable {
            text += "    bootable: true\n";
        }
        if !partition.flags.is_empty() {
            let flags: Vec<&str> = partition.flags.iter().map(|flag| flag.name()).collect();
            let _ = writeln!(text, "    flags: [{}]", flags.join(", "));
        }
        if let Some(source) = &partition.copy_blocks {
            let _ = writeln!(text, "    copy_blocks: {}", quoted(source));
        }
        if !partition.copy_files.is_empty() {
            text += "    copy_files:\n";
        }
        for content in &partition.copy_files {
            let sources: Vec<String> = content.source.iter().map(|source| quoted(source)).collect();
            let optional = if content.optional { ", optional: true" } else { "" };
            let _ = writeln!(
                text,
                "      - {{source: [{}], target: {}{optional}}}",
                sources.join(", "),
                quoted(&content.target)
            );
        }
    }
    if !layout.raw.is_empty() {
        text += "raw:\n";
    }
    for raw in &layout.raw {
        let sources: Vec<String> = raw.source.iter().map(|source| quoted(source)).collect();
        let mut line = format!("source: [{}], offset: {}", sources.join(", "), Bytes(raw.offset).exact());
        if let Some(size) = raw.size {
            let _ = write!(line, ", size: {}", Bytes(size).exact());
        }
        if raw.skip > 0 {
            let _ = write!(line, ", skip: {}", Bytes(raw.skip).exact());
        }
        if let Some(length) = raw.length {
            let _ = write!(line, ", length: {}", Bytes(length).exact());
        }
        if raw.optional {
            line += ", optional: true";
        }
        let _ = writeln!(text, "  {}: {{{line}}}", quoted(&raw.name));
    }
    text
}

/// A text as YAML reads it, in double quotes where it has to be.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    // Older readers take these for booleans and nothing.
    let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let is_word = words.iter().any(|word| text.eq_ignore_ascii_case(word));
    match !is_word && text.chars().all(plain) && text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => text.to_owned(),
        false => {
            let inner: String = text
                .chars()
                .map(|c| match c {
                    '"' => "\\\"".to_owned(),
                    '\\' => "\\\\".to_owned(),
                    c => {
                        let text = c.to_string();
                        let is_shown = skiff_text::shown(&text).to_string() == text;
                        if is_shown { text } else { format!("\\U{:08x}", u32::from(c)) }
                    }
                })
                .collect();
            format!("\"{inner}\"")
        }
    }
}
