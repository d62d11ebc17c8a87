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
        for (key, value) in [("start", partition.start), ("size", partition.size), ("size_min", partition.size_min)] {
            if let Some(value) = value {
                let _ = writeln!(text, "    {key}: {}", exact(value));
            }
        }
        if partition.weight != 1 {
            let _ = writeln!(text, "    weight: {}", partition.weight);
        }
        if partition.bootable {
            text += "    bootable: true\n";
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
        let mut line = format!("source: [{}], offset: {}", sources.join(", "), exact(raw.offset));
        if raw.skip > 0 {
            let _ = write!(line, ", skip: {}", exact(raw.skip));
        }
        if let Some(length) = raw.length {
            let _ = write!(line, ", length: {}", exact(length));
        }
        let _ = writeln!(text, "  {}: {{{line}}}", quoted(&raw.name));
    }
    text
}

/// A size that loses nothing.
fn exact(bytes: u64) -> String {
    let shown = Bytes(bytes).to_string();
    match shown.parse() == Ok(Bytes(bytes)) && shown.ends_with("iB") && bytes > 0 {
        true => shown,
        false => bytes.to_string(),
    }
}

/// A text in double quotes: YAML reads those as JSON does.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    match text.chars().all(plain) && text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => text.to_owned(),
        false => {
            let inner: String = text
                .chars()
                .map(|c| match c {
                    '"' => "\\\"".to_owned(),
                    '\\' => "\\\\".to_owned(),
                    c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
                    c => c.to_string(),
                })
                .collect();
            format!("\"{inner}\"")
        }
    }
}
