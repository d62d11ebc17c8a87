//! What a board's plugin proposes, as skiff's own types.

use skiff_layout::Content;
use skiff_layout::Edit;
use skiff_layout::Flag;
use skiff_layout::Format;
use skiff_layout::Kind;
use skiff_layout::Layout;
use skiff_layout::LayoutError;
use skiff_layout::Medium;
use skiff_layout::Partition;
use skiff_layout::Raw;
use skiff_layout::Script;
use skiff_layout::Table;

use crate::bindings::board::exports::skiff::board::layouts as guest;

/// What a layout is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Everything on the medium is made anew.
    Format,
    /// Boot and root files are renewed.
    Install,
    /// A file that is written to a medium later.
    Image,
}

impl From<Intent> for guest::Intent {
    fn from(intent: Intent) -> Self {
        match intent {
            Intent::Format => Self::Format,
            Intent::Install => Self::Install,
            Intent::Image => Self::Image,
        }
    }
}

/// The medium as a plugin is told of it; the model is empty for a file.
pub(crate) fn medium(medium: Medium, model: &str) -> guest::Medium {
    guest::Medium { size: medium.size, sector: medium.sector, model: model.to_owned() }
}

/// Takes the layout that a plugin returns, if its names, types and identities are such. Whether it fits a medium is found out
/// later.
pub(crate) fn layout(layout: guest::Layout) -> Result<Layout, LayoutError> {
    let layout = Layout {
        id: layout.id.map(|id| id.parse()).transpose()?,
        table: match layout.table {
            guest::Table::Gpt => Table::Gpt,
            guest::Table::Mbr => Table::Mbr,
            guest::Table::None => Table::None,
        },
        max_entries: layout.max_entries,
        partitions: layout.partitions.into_iter().map(partition).collect::<Result<_, _>>()?,
        raw: layout.raw.into_iter().map(raw).collect(),
    };
    layout.check()?;
    Ok(layout)
}

fn raw(raw: guest::Raw) -> Raw {
    let guest::Raw { name, sources, offset, skip, length, size, optional } = raw;
    Raw { name, source: sources, offset, skip, length, size, optional }
}

fn partition(partition: guest::Partition) -> Result<Partition, LayoutError> {
    let kind: Kind = partition.type_.parse()?;
    let uuid = partition.uuid.map(|uuid| Partition::read_uuid(&uuid)).transpose()?;
    let mut flags: Vec<Flag> = partition.attributes.into_iter().map(flag).collect();
    flags.sort_unstable();
    flags.dedup();
    let plain = Partition::new(partition.label, kind);
    Ok(Partition {
        name: partition.name,
        volume: partition.volume,
        uuid,
        after: partition.after,
        align: partition.align,
        flags,
        format: match partition.format {
            guest::Format::Vfat => Format::Vfat,
            guest::Format::Ext4 => Format::Ext4 { features: partition.features },
            guest::Format::Empty => Format::Empty,
        },
        start: partition.start,
        size: partition.size,
        size_min: partition.size_min,
        weight: partition.weight,
        end_align: partition.end_align.unwrap_or(plain.end_align),
        bootable: partition.bootable,
        keep: partition.keep,
        copy_files: partition.copy_files.into_iter().map(content).collect(),
        copy_blocks: partition.copy_blocks,
        ..plain
    })
}

fn flag(attribute: guest::Attribute) -> Flag {
    match attribute {
        guest::Attribute::Grow => Flag::Grow,
        guest::Attribute::ReadOnly => Flag::ReadOnly,
        guest::Attribute::Hidden => Flag::Hidden,
        guest::Attribute::NoAuto => Flag::NoAuto,
    }
}

fn content(content: guest::Content) -> Content {
    let edit = |edit: guest::Edit| Edit { find: edit.find, replace: edit.replace, when: edit.when };
    Content {
        source: content.sources,
        target: content.target,
        optional: content.optional,
        once: content.once,
        edits: content.edits.into_iter().map(edit).collect(),
        script: content.script.map(|script| Script { name: script.name, arch: script.arch }),
    }
}
