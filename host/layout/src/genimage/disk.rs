//! A disk image: partitions in the order in which genimage lays them out.

use crate::DiskId;
use crate::Flag;
use crate::ImportError;
use crate::Kind;
use crate::Layout;
use crate::Partition;
use crate::Raw;
use crate::Table;
use crate::shown;

use super::checked;
use super::content;
use super::content::Child;
use super::holes::holes;
use super::parser::Block;
use super::table;
use super::types::TYPES;
use crate::check::MAX_PARTS;

/// Where genimage puts a GPT's array unless told otherwise.
const GPT_LOCATION: u64 = 1024;

/// The alignment that a layout has where nothing is said.
const GRAIN: u64 = 1 << 20;

const SECTOR: u64 = 512;

pub(super) struct Disk<'b, 'n> {
    image: &'b Block,
    images: &'b [&'b Block],
    used: Vec<&'b str>,
    layout: Layout,
    align: u64,
    /// The end of what was laid out last, as far as it is known.
    end: Option<u64>,
    /// The raw contents with the greatest offset, where a partition may come to lie behind them.
    behind: Option<(String, u64)>,
    notes: &'n mut Vec<String>,
}

impl<'b, 'n> Disk<'b, 'n> {
    pub(super) fn new(
        image: &'b Block,
        images: &'b [&'b Block],
        notes: &'n mut Vec<String>,
    ) -> Result<Self, ImportError> {
        let block = content::kind(image)?;
        content::known(
            block,
            &[
                "align",
                "disk-signature",
                "disk-uuid",
                "partition-table",
                "extended-partition",
                "partition-table-type",
                "gpt",
                "gpt-location",
                "gpt-no-backup",
                "fill",
            ],
            &[],
        )?;
        let table = table(block)?;
        let refuse = |key: &str, why: &str| Err(block.place_of(key).wrong(format!("`{key}`: {why}")));
        if block.number("extended-partition")?.is_some_and(|number| number > 0) {
            return refuse("extended-partition", "a layout has no extended partitions");
        }
        if table == Table::Gpt && block.size("gpt-location")?.is_some_and(|at| at != GPT_LOCATION) {
            return refuse(
                "gpt-location",
                "a layout has the GPT at its usual place; `max_entries` leaves room behind it",
            );
        }
        if table == Table::Gpt && block.flag("gpt-no-backup")?.unwrap_or(false) {
            return refuse("gpt-no-backup", "a layout has the copy of the GPT at the end of the medium");
        }
        let usual = if table == Table::None { 1 } else { SECTOR };
        let align = block.size("align")?.unwrap_or(usual);
        if table != Table::None && !align.is_multiple_of(SECTOR) {
            return refuse("align", "it is not a multiple of 512");
        }
        let mut disk = Self {
            image,
            images,
            used: Vec::new(),
            layout: Layout::new(table),
            align,
            end: Some(0),
            behind: None,
            notes,
        };
        disk.layout.id = disk.id(block)?;
        disk.settings_of_image()?;
        for partition in image.blocks("partition") {
            disk.add(partition)?;
        }
        Ok(disk)
    }

    /// The names of the images that it is made of.
    pub(super) fn used(&self) -> Vec<&'b str> {
        self.used.clone()
    }

    pub(super) fn layout(self) -> Result<Layout, ImportError> {
        match self.layout.partitions.is_empty() && self.layout.raw.is_empty() {
            true => Err(self.image.place.wrong(format!("image `{}` has no partitions", shown(&self.image.name)))),
            false => checked(self.layout, self.image),
        }
    }

    fn id(&mut self, block: &Block) -> Result<Option<DiskId>, ImportError> {
        let (uuid, signature) = (block.text("disk-uuid")?, block.text("disk-signature")?);
        let wrong =
            |key: &str| block.place_of(key).wrong(format!("`{key}` is not the identity of a medium with this table"));
        match (self.layout.table, uuid, signature) {
            (_, None, None) => Ok(None),
            (Table::Gpt, Some(uuid), None) => match uuid.parse() {
                Ok(id @ DiskId::Uuid(_)) => Ok(Some(id)),
                _ => Err(wrong("disk-uuid")),
            },
            (Table::Mbr, None, Some("random")) => {
                self.notes
                    .push(block.place_of("disk-signature").note("`disk-signature`: skiff makes it from the contents"));
                Ok(None)
            }
            (Table::Mbr, None, Some(text)) => {
                let number = super::parser::number(text).and_then(|number| u32::try_from(number).ok());
                number.map(|number| Some(DiskId::Signature(number))).ok_or_else(|| wrong("disk-signature"))
            }
            (_, Some(_), _) => Err(wrong("disk-uuid")),
            _ => Err(wrong("disk-signature")),
        }
    }

    fn settings_of_image(&mut self) -> Result<(), ImportError> {
        for setting in &self.image.settings {
            let key = setting.key.as_str();
            match key {
                "size" => {
                    let size = self.image.size("size")?.map(crate::Bytes);
                    let size = size.map(crate::Bytes::exact).unwrap_or_default();
                    self.notes.push(setting.place.note(&format!("`size` of the image: give it as --size {size}")));
                }
                "name" | "temporary" | "empty" => {}
                "exec-pre" | "exec-post" | "mountpoint" | "srcpath" | "flashtype" => {
                    self.notes.push(setting.place.note(&format!("`{key}` of image `{}`", shown(&self.image.name))));
                }
                other => return Err(setting.place.wrong(format!("`{}` of `image` is not known", shown(other)))),
            }
        }
        let strange = self.image.inner.iter().find(|block| !matches!(block.kind.as_str(), "hdimage" | "partition"));
        match strange {
            Some(block) => Err(block.place.wrong(format!("`{}` of `image` is not known", shown(&block.kind)))),
            None => Ok(()),
        }
    }

    fn add(&mut self, block: &'b Block) -> Result<(), ImportError> {
        if self.layout.partitions.len().max(self.layout.raw.len()) > MAX_PARTS {
            return Err(block.place.wrong(format!("expected at most {MAX_PARTS} partitions")));
        }
        content::known(
            block,
            &[
                "offset",
                "size",
                "align",
                "partition-type",
                "bootable",
                "forced-primary",
                "read-only",
                "hidden",
                "no-automount",
                "fill",
                "sparse",
                "image",
                "holes",
                "imageoffset",
                "autoresize",
                "in-partition-table",
                "partition-uuid",
                "partition-type-uuid",
            ],
            &[],
        )?;
        let is_same = |other: &&Block| std::ptr::eq(*other, block);
        let mut before = self.image.blocks("partition").take_while(|other| !is_same(other));
        if before.any(|other| other.name == block.name) {
            return Err(block.place.wrong(format!("partition `{}` is declared twice", shown(&block.name))));
        }
        if block.flag("forced-primary")?.unwrap_or(false) {
            return Err(block
                .place_of("forced-primary")
                .wrong("`forced-primary`: a layout has no extended partitions"));
        }
        let in_table = block.flag("in-partition-table")?.unwrap_or(true) && self.layout.table != Table::None;
        if in_table { self.partition(block) } else { self.raw(block) }
    }

    /// The image that a partition names, among those of the configuration.
    fn child(&mut self, block: &Block) -> Result<Option<&'b Block>, ImportError> {
        let name = block.text("image")?;
        let child = self.images.iter().copied().find(|image| Some(image.name.as_str()) == name);
        self.used.extend(child.map(|child| child.name.as_str()));
        Ok(child)
    }

    fn partition(&mut self, block: &'b Block) -> Result<(), ImportError> {
        let table = self.layout.table;
        if table == Table::Mbr && self.layout.partitions.len() == 4 {
            let problem = "a fifth partition: an MBR has four, and a layout has no extended partitions";
            return Err(block.place.wrong(problem));
        }
        let mut partition = Partition::new(self.key(&block.name), self.kind(block)?);
        if partition.label != block.name {
            partition.name = Some(block.name.clone());
        }
        self.attributes(&mut partition, block)?;
        let align = block.size("align")?.unwrap_or(self.align);
        if !align.is_multiple_of(self.align) || align > 1 << 30 {
            return Err(block.place_of("align").wrong("`align` is not a multiple of that of the image, or above 1G"));
        }
        partition.align = Some(align).filter(|align| *align != GRAIN);
        partition.start = block.size("offset")?;
        if partition.start.is_some_and(|start| !start.is_multiple_of(align)) {
            return Err(block.place_of("offset").wrong(format!("`offset` is not a multiple of {align} bytes")));
        }
        if let Some(setting) = block.setting("holes") {
            return Err(setting.place.wrong("`holes` of a partition in the table have no counterpart in a layout"));
        }
        if block.size("imageoffset")?.is_some() {
            return Err(block
                .place_of("imageoffset")
                .wrong("`imageoffset` of a partition in the table has no counterpart"));
        }
        let said = block.size("size")?;
        if said.is_some_and(|size| !size.is_multiple_of(SECTOR)) {
            return Err(block.place_of("size").wrong("`size` is not a multiple of 512 bytes"));
        }
        let child = self.child(block)?;
        let made = match (child, block.text("image")?) {
            (Some(child), _) => match content::fill(&mut partition, child, self.notes)? {
                Child::FileSystem(size) => Some(size),
                Child::File(source) => {
                    partition.copy_blocks = Some(source);
                    None
                }
            },
            (None, Some(name)) => {
                partition.copy_blocks = Some(content::source(name, block)?);
                None
            }
            (None, None) => None,
        };
        let whole = made.map(|size| size.checked_next_multiple_of(align).unwrap_or(u64::MAX));
        if let (Some(said), Some(made)) = (said, made) {
            if made > said {
                return Err(block.place_of("size").wrong(format!("`size` is less than the {made} bytes of its image")));
            }
            if made < said {
                self.notes.push(block.place.note(&format!(
                    "`size` {made} of the file system of `{}`, which takes the whole partition",
                    shown(&block.name)
                )));
            }
        }
        let size = said.or(whole);
        if block.flag("autoresize")?.unwrap_or(false) {
            partition.size_min = Some(size.unwrap_or(SECTOR));
            partition.end_align = align.min(GRAIN);
        } else {
            partition.size = size;
            if size.is_none() && partition.copy_blocks.is_none() {
                return Err(block
                    .place
                    .wrong(format!("partition `{}` has neither `size` nor `image`", shown(&block.name))));
            }
            if size.is_none() {
                // The size of the file is rounded up to the alignment, which therefore has to be said.
                partition.align = Some(align);
            }
        }
        self.place(&mut partition);
        self.layout.partitions.push(partition);
        Ok(())
    }

    /// A name that no partition has yet, for what ignores the case of letters, too.
    fn key(&self, name: &str) -> String {
        let is_free = |key: &str| self.layout.partitions.iter().all(|other| !other.label.eq_ignore_ascii_case(key));
        let mut key = name.to_owned();
        let mut number = 2;
        while !is_free(&key) {
            key = format!("{name}-{number}");
            number += 1;
        }
        key
    }

    /// genimage lays a partition without an offset behind everything before it, raw contents included.
    fn place(&mut self, partition: &mut Partition) {
        match (partition.start, self.behind.take()) {
            // A partition behind the contents cannot begin before they end.
            (Some(start), Some(raw)) if start < raw.1 => self.behind = Some(raw),
            (None, Some((raw, _))) => partition.after = Some(raw),
            _ => {}
        }
    }

    fn kind(&mut self, block: &Block) -> Result<Kind, ImportError> {
        let (code, uuid) = (block.number("partition-type")?, block.text("partition-type-uuid")?);
        let wrong = |key: &str, problem: &str| Err(block.place_of(key).wrong(format!("`{key}`: {problem}")));
        if self.layout.table == Table::Gpt {
            if code.is_some_and(|code| code > 0) {
                return wrong("partition-type", "a GPT has types of the kind `partition-type-uuid`");
            }
            let name = uuid.unwrap_or("L").to_ascii_lowercase();
            let known = TYPES.iter().find(|(known, _)| *known == name).map_or(name.as_str(), |(_, name)| *name);
            // A code of an MBR is not a type of genimage's.
            return match known.parse() {
                Ok(kind @ (Kind::Named(_) | Kind::Uuid(_))) => Ok(kind),
                _ => wrong("partition-type-uuid", &format!("`{}` is not a type of partition", shown(&name))),
            };
        }
        if uuid.is_some() {
            return wrong("partition-type-uuid", "an MBR has types of the kind `partition-type`");
        }
        if block.setting("partition-type").is_none() {
            self.notes.push(block.place.note(&format!(
                "partition `{}` has no `partition-type`: its type is 0x00, as genimage writes it",
                shown(&block.name)
            )));
        }
        let code = code.unwrap_or_default();
        let kind = u8::try_from(code).map(Kind::Code);
        match kind {
            Ok(kind) if kind.code().is_ok() => Ok(kind),
            _ => wrong("partition-type", &format!("0x{code:x} is not a type that a partition of a layout can have")),
        }
    }

    fn attributes(&mut self, partition: &mut Partition, block: &Block) -> Result<(), ImportError> {
        partition.bootable = block.flag("bootable")?.unwrap_or(false);
        let is_gpt = self.layout.table == Table::Gpt;
        for (key, flag) in [("read-only", Flag::ReadOnly), ("hidden", Flag::Hidden), ("no-automount", Flag::NoAuto)] {
            if block.flag(key)?.unwrap_or(false) {
                match is_gpt {
                    true => partition.flags.push(flag),
                    false => {
                        self.notes.push(block.place_of(key).note(&format!("`{key}`, which an MBR has no place for")))
                    }
                }
            }
        }
        for key in ["fill", "sparse"] {
            if let Some(setting) = block.setting(key) {
                self.notes.push(setting.place.note(&format!("`{key}`: what no file fills is zero in an image")));
            }
        }
        if let Some(uuid) = block.text("partition-uuid")? {
            let place = block.place_of("partition-uuid");
            if !is_gpt {
                return Err(place.wrong("`partition-uuid`: partitions of an MBR have no identity of their own"));
            }
            let parsed = Partition::read_uuid(uuid).map_err(|error| place.wrong(error.to_string()))?;
            partition.uuid = Some(parsed);
        }
        Ok(())
    }

    fn raw(&mut self, block: &'b Block) -> Result<(), ImportError> {
        let said = block.size("offset")?;
        let offset = match (said, self.layout.table, self.end) {
            (Some(offset), _, _) => offset,
            (None, Table::None, Some(end)) => {
                let align = block.size("align")?.unwrap_or(self.align);
                end.checked_next_multiple_of(align).ok_or_else(|| block.place.wrong("it lies beyond all media"))?
            }
            (None, Table::None, None) => {
                let problem =
                    format!("`{}` has no `offset`, and the size of what is before it is not known", shown(&block.name));
                return Err(block.place.wrong(problem));
            }
            (None, ..) => 0,
        };
        let mut raw = Raw::new(block.name.clone(), offset);
        raw.size = block.size("size")?;
        raw.skip = block.size("imageoffset")?.unwrap_or(0);
        let child = self.child(block)?;
        match (child, block.text("image")?) {
            (Some(child), _) => {
                let mut unused = Partition::new("raw", Kind::linux());
                match content::fill(&mut unused, child, &mut Vec::new())? {
                    Child::File(source) => raw.source.push(source),
                    Child::FileSystem(_) => {
                        let kind = content::kind(child)?;
                        return Err(block.place.wrong(format!(
                            "`{}` outside of the table: a layout has file systems in partitions",
                            kind.kind
                        )));
                    }
                }
            }
            (None, Some(name)) => raw.source.push(content::source(name, block)?),
            (None, None) if raw.size.is_none() => {
                return Err(block.place.wrong(format!("`{}` has neither `size` nor `image`", shown(&block.name))));
            }
            (None, None) => {}
        }
        for key in [
            "bootable",
            "partition-type",
            "partition-type-uuid",
            "partition-uuid",
            "autoresize",
            "read-only",
            "hidden",
            "no-automount",
        ] {
            if let Some(setting) = block.setting(key) {
                self.notes.push(setting.place.note(&format!("`{key}`, which means nothing outside of the table")));
            }
        }
        let end = raw.size.and_then(|size| offset.checked_add(size));
        self.end = end.zip(self.end).map(|(end, before)| end.max(before));
        let pieces = holes(&raw, block)?;
        if let Some(last) = pieces.last().filter(|last| self.behind.as_ref().is_none_or(|(_, at)| last.offset >= *at)) {
            // Partitions with a place of their own behind it say that it ends before them.
            let is_last =
                self.layout.partitions.iter().all(|other| other.start.is_none_or(|start| start < last.offset));
            if is_last {
                self.behind = Some((last.name.clone(), last.offset));
            }
        }
        self.layout.raw.extend(pieces);
        Ok(())
    }
}
