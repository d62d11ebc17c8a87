//! What layers say, and what they come to.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::MapAccess;
use serde::de::Visitor;
use skiff_sdk::board as sdk;

use crate::size::Size;

/// A map whose order counts: that of partitions is that of the table.
#[derive(Debug)]
pub(crate) struct Ordered<T>(Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// One source or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Sources {
    One(String),
    Many(Vec<String>),
}

impl Default for Sources {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

/// A word that may be written as a number: `0x0c` and `12` are types of an MBR, in quotes or not.
#[derive(Debug)]
struct Word(String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Word;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name, a UUID or a number")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Word, E> {
                Ok(Word(text.to_owned()))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Word, E> {
                match number {
                    0..=0xff => Ok(Word(format!("0x{number:02x}"))),
                    _ => Ok(Word(format!("0x{number:08x}"))),
                }
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// An attribute of a partition in a GPT.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Flag {
    Grow,
    ReadOnly,
    Hidden,
    NoAuto,
}

impl From<Sources> for Vec<String> {
    fn from(sources: Sources) -> Self {
        match sources {
            Sources::One(source) => vec![source],
            Sources::Many(sources) => sources,
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Table {
    Gpt,
    Mbr,
    None,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Vfat,
    Ext4,
    #[default]
    Empty,
}

/// All layers together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Declared {
    table: Table,
    #[serde(default)]
    id: Option<Word>,
    #[serde(default)]
    max_entries: Option<u32>,
    #[serde(default)]
    partitions: Ordered<Partition>,
    #[serde(default)]
    raw: Ordered<Raw>,
}

/// One layer: the same, and nothing has to be there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Partly {
    #[serde(default, rename = "table")]
    _table: Option<Table>,
    #[serde(default, rename = "id")]
    _id: Option<Word>,
    #[serde(default, rename = "max_entries")]
    _max_entries: Option<u32>,
    #[serde(default, rename = "partitions")]
    _partitions: Option<Ordered<Option<Partition>>>,
    #[serde(default, rename = "raw")]
    _raw: Option<Ordered<Option<PartlyRaw>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Partition {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    uuid: Option<String>,
    #[serde(default)]
    r#type: Option<Word>,
    #[serde(default)]
    format: Format,
    #[serde(default)]
    features: Vec<String>,
    #[serde(default)]
    start: Option<Size>,
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    align: Option<Size>,
    #[serde(default)]
    size: Option<Size>,
    #[serde(default)]
    size_min: Option<Size>,
    #[serde(default)]
    weight: Option<u32>,
    #[serde(default)]
    end_align: Option<Size>,
    #[serde(default)]
    bootable: bool,
    #[serde(default)]
    flags: Vec<Flag>,
    #[serde(default)]
    keep: bool,
    #[serde(default)]
    copy_files: Vec<Content>,
    #[serde(default)]
    copy_blocks: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    source: Sources,
    target: String,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    once: bool,
    #[serde(default)]
    edits: Vec<Edit>,
    #[serde(default)]
    script: Option<Script>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    find: String,
    replace: String,
    #[serde(default)]
    when: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    name: String,
    arch: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    source: Sources,
    offset: Size,
    #[serde(default)]
    skip: Option<Size>,
    #[serde(default)]
    length: Option<Size>,
    #[serde(default)]
    size: Option<Size>,
    #[serde(default)]
    optional: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartlyRaw {
    #[serde(default, rename = "source")]
    _source: Option<Sources>,
    #[serde(default, rename = "offset")]
    _offset: Option<Size>,
    #[serde(default, rename = "skip")]
    _skip: Option<Size>,
    #[serde(default, rename = "length")]
    _length: Option<Size>,
    #[serde(default, rename = "size")]
    _size: Option<Size>,
    #[serde(default, rename = "optional")]
    _optional: Option<bool>,
}

impl From<Declared> for sdk::Layout {
    fn from(declared: Declared) -> Self {
        Self {
            table: match declared.table {
                Table::Gpt => sdk::Table::Gpt,
                Table::Mbr => sdk::Table::Mbr,
                Table::None => sdk::Table::None,
            },
            id: declared.id.map(|id| id.0),
            max_entries: declared.max_entries,
            partitions: declared.partitions.0.into_iter().map(partition).collect(),
            raw: declared.raw.0.into_iter().map(raw).collect(),
        }
    }
}

fn partition((label, partition): (String, Partition)) -> sdk::Partition {
    let bytes = |size: Option<Size>| size.map(|size| size.0);
    sdk::Partition {
        label,
        name: partition.name,
        volume: partition.label,
        uuid: partition.uuid,
        type_: partition.r#type.map_or_else(|| "linux-generic".into(), |kind| kind.0),
        format: match partition.format {
            Format::Vfat => sdk::Format::Vfat,
            Format::Ext4 => sdk::Format::Ext4,
            Format::Empty => sdk::Format::Empty,
        },
        features: partition.features,
        start: bytes(partition.start),
        after: partition.after,
        align: bytes(partition.align),
        size: bytes(partition.size),
        size_min: bytes(partition.size_min),
        weight: partition.weight.unwrap_or(1),
        end_align: bytes(partition.end_align),
        bootable: partition.bootable,
        attributes: partition.flags.into_iter().map(attribute).collect(),
        keep: partition.keep,
        copy_files: partition.copy_files.into_iter().map(content).collect(),
        copy_blocks: partition.copy_blocks,
    }
}

fn attribute(flag: Flag) -> sdk::Attribute {
    match flag {
        Flag::Grow => sdk::Attribute::Grow,
        Flag::ReadOnly => sdk::Attribute::ReadOnly,
        Flag::Hidden => sdk::Attribute::Hidden,
        Flag::NoAuto => sdk::Attribute::NoAuto,
    }
}

fn content(content: Content) -> sdk::Content {
    let edit = |edit: Edit| sdk::Edit { find: edit.find, replace: edit.replace, when: edit.when };
    sdk::Content {
        sources: content.source.into(),
        target: content.target,
        optional: content.optional,
        once: content.once,
        edits: content.edits.into_iter().map(edit).collect(),
        script: content.script.map(|script| sdk::Script { name: script.name, arch: script.arch }),
    }
}

fn raw((name, raw): (String, Raw)) -> sdk::Raw {
    sdk::Raw {
        name,
        sources: raw.source.into(),
        offset: raw.offset.0,
        skip: raw.skip.map_or(0, |skip| skip.0),
        length: raw.length.map(|length| length.0),
        size: raw.size.map(|size| size.0),
        optional: raw.optional,
    }
}
