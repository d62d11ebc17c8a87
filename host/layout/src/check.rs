//! What of a layout can be checked without a medium: names, labels, types and identities.

use std::collections::BTreeSet;

use crate::DiskId;
use crate::Format;
use crate::Layout;
use crate::LayoutError;
use crate::Partition;
use crate::Raw;
use crate::Table;
use crate::check_name;
use crate::check_path;
use crate::shown;

/// Partitions and raw contents of a layout at most.
pub(crate) const MAX_PARTS: usize = 1024;

/// Edits of texts in a layout at most: each is a regular expression over a whole file.
const MAX_EDITS: usize = 256;

/// Sources of contents in a layout at most, alternatives and conditions of edits included: each is looked for in every layer.
const MAX_SOURCES: usize = 4096;

impl Layout {
    /// Checks everything that holds for every medium. [`Layout::solve`] does so, too.
    ///
    /// # Errors
    /// [`LayoutError`]: the first thing that is wrong.
    pub fn check(&self) -> Result<(), LayoutError> {
        if self.partitions.len().max(self.raw.len()) > MAX_PARTS {
            let count = self.partitions.len().max(self.raw.len());
            return Err(LayoutError::TooMany { count, limit: MAX_PARTS as u32, table: self.table });
        }
        let contents = self.partitions.iter().flat_map(|partition| &partition.copy_files);
        let count = contents.map(|content| content.edits.len()).sum();
        if count > MAX_EDITS {
            return Err(LayoutError::Edits { count, limit: MAX_EDITS });
        }
        let count = self.sources();
        if count > MAX_SOURCES {
            return Err(LayoutError::Sources { count, limit: MAX_SOURCES });
        }
        if let Some(id) = self.id {
            match (self.table, id) {
                (Table::Gpt, DiskId::Uuid(uuid)) if !uuid.is_nil() => {}
                (Table::Mbr, DiskId::Signature(_)) => {}
                (table, id) => return Err(LayoutError::IdOfOtherTable { id: id.to_string(), table }),
            }
        }
        let (mut labels, mut uuids) = (BTreeSet::new(), BTreeSet::new());
        for partition in &self.partitions {
            self.check_partition(partition)?;
            let wrong = |problem: &str| LayoutError::Label { label: partition.label.clone(), problem: problem.into() };
            if !labels.insert(partition.label.to_ascii_lowercase()) {
                return Err(wrong("another partition has the same key"));
            }
            if partition.uuid.is_some_and(|uuid| uuid.is_nil() || !uuids.insert(uuid)) {
                return Err(wrong("its UUID is nil, or that of another partition"));
            }
        }
        let mut names = BTreeSet::new();
        for raw in &self.raw {
            check_raw(raw)?;
            if !names.insert(raw.name.as_str()) {
                return Err(LayoutError::Raw { name: raw.name.clone(), problem: "others have the same name".into() });
            }
        }
        Ok(())
    }

    /// Counts what is looked for. Contents without a source count, too.
    fn sources(&self) -> usize {
        let contents = self.partitions.iter().flat_map(|partition| &partition.copy_files);
        let contents = contents.map(|content| content.source.len().max(1) + content.edits.len());
        contents.chain(self.raw.iter().map(|raw| raw.source.len())).sum()
    }

    fn check_partition(&self, partition: &Partition) -> Result<(), LayoutError> {
        let label = shown(&partition.label);
        let wrong = |problem: String| Err(LayoutError::Label { label: label.clone(), problem });
        for (what, name) in
            [("key", Some(&partition.label)), ("name", partition.name.as_ref()), ("label", partition.volume.as_ref())]
        {
            if let Some(Err(error)) = name.map(|name| check_name(name)) {
                return wrong(format!("{what}: {error}"));
            }
        }
        // A GPT has room for 36 units of UTF-16, a FAT directory for 11 bytes of its code page, ext4 for 16 bytes.
        let volume = partition.volume();
        match partition.format {
            Format::Vfat if !is_fat_label(volume) => {
                return wrong("FAT has labels of up to 11 letters, digits, `_`, `-` and spaces".into());
            }
            Format::Ext4 { .. } if volume.len() > 16 => return wrong("ext4 has labels of up to 16 bytes".into()),
            _ if self.table == Table::Gpt && partition.gpt_name().encode_utf16().count() > 36 => {
                return wrong("a GPT has room for 36 characters".into());
            }
            _ => {}
        }
        match self.table {
            Table::Gpt => partition.r#type.uuid().map(drop)?,
            Table::Mbr => partition.r#type.code().map(drop)?,
            Table::None => {}
        }
        if self.table != Table::Gpt && (partition.uuid.is_some() || !partition.flags.is_empty()) {
            return wrong(format!("`uuid` and `flags` have no place in {}", self.table));
        }
        if let Some(after) = &partition.after
            && (partition.start.is_some() || self.raw.iter().all(|raw| raw.name != *after))
        {
            return wrong(format!(
                "`after` names raw contents where `start` says nothing; `{}` is not such",
                shown(after)
            ));
        }
        let paths = partition.copy_files.iter().flat_map(|content| content.source.iter().chain([&content.target]));
        for path in paths.chain(&partition.copy_blocks) {
            if let Err(error) = check_path(path) {
                return wrong(format!("path `{}`: {error}", shown(path)));
            }
        }
        Ok(())
    }
}

fn check_raw(raw: &Raw) -> Result<(), LayoutError> {
    let wrong = |problem: String| Err(LayoutError::Raw { name: shown(&raw.name), problem });
    if let Err(error) = check_name(&raw.name) {
        return wrong(error.to_string());
    }
    for path in &raw.source {
        if let Err(error) = check_path(path) {
            return wrong(format!("path `{}`: {error}", shown(path)));
        }
    }
    Ok(())
}

/// Whether FAT can have a label.
pub(crate) fn is_fat_label(label: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_- ".contains(&byte);
    !label.is_empty() && label.len() <= 11 && label.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn names_of_strangers_are_checked_wherever_they_stand() {
        let bad = "x\u{1b}[2J\n      1MiB  8GiB  all is well";
        let plain = || {
            let mut layout = Layout::new(Table::Gpt);
            layout.partitions = vec![Partition::new("a", Kind::linux()), Partition::new("b", Kind::linux())];
            layout.raw = vec![Raw { source: vec!["images/x".into()], ..Raw::new("spl", 0) }];
            layout
        };
        assert_eq!(plain().check(), Ok(()));
        let changes: [&dyn Fn(&mut Layout); 8] = [
            &|layout| layout.raw[0].name = bad.into(),
            &|layout| layout.raw[0].source[0] = bad.into(),
            &|layout| layout.partitions[0].label = bad.into(),
            &|layout| layout.partitions[0].name = Some(bad.into()),
            &|layout| layout.partitions[0].volume = Some("a\u{202e}b".into()),
            &|layout| layout.partitions[0].copy_blocks = Some(bad.into()),
            &|layout| layout.partitions[0].copy_files = vec![crate::Content::new("images/a", bad)],
            &|layout| layout.partitions[0].after = Some(bad.into()),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut layout = plain();
            change(&mut layout);
            let error = layout.check().unwrap_err().to_string();
            assert!(!error.contains(['\u{1b}', '\n', '\u{202e}']), "{number}: {error:?}");
        }
    }

    #[test]
    fn a_layout_has_so_many_sources_and_no_more() {
        let content = |count| crate::Content { source: vec!["images/x".into(); count], ..crate::Content::new("", "/") };
        let layout = |contents: Vec<crate::Content>, raw| {
            let partition = Partition { copy_files: contents, ..Partition::new("a", Kind::linux()) };
            let raw = vec![Raw { source: vec!["images/x".into(); raw], ..Raw::new("spl", 0) }];
            Layout { partitions: vec![partition], raw, ..Layout::new(Table::Gpt) }
        };
        assert_eq!(layout(vec![content(1); MAX_SOURCES - 1], 1).check(), Ok(()));
        for (contents, raw) in [
            (vec![content(1); MAX_SOURCES], 1),
            (vec![content(0); MAX_SOURCES + 1], 0),
            (vec![content(MAX_SOURCES)], 1),
        ] {
            let error = LayoutError::Sources { count: MAX_SOURCES + 1, limit: MAX_SOURCES };
            assert_eq!(layout(contents, raw).check(), Err(error));
        }
    }

    #[test]
    fn labels_and_names_may_be_shared_and_keys_and_identities_may_not() {
        let one = |key: &str| Partition {
            name: Some("data".into()),
            volume: Some("data".into()),
            format: Format::Ext4 { features: Vec::new() },
            ..Partition::new(key, Kind::linux())
        };
        let mut layout = Layout { partitions: vec![one("a"), one("b")], ..Layout::new(Table::Gpt) };
        assert_eq!(layout.check(), Ok(()));
        layout.partitions.iter_mut().for_each(|partition| partition.uuid = Some(uuid::Uuid::from_u128(1)));
        for wrong in ["5", "esp", "1c4d3a5e8a0b4c6d9e1f2a3b4c5d6e7f", "x\u{1b}[2J"] {
            let error = Partition::read_uuid(wrong).unwrap_err().to_string();
            assert!(error.ends_with("is not a UUID") && !error.contains('\u{1b}'), "{error:?}");
        }
        assert!(layout.check().is_err());
        layout = Layout { partitions: vec![one("a"), one("A")], ..layout };
        assert!(layout.check().is_err());
        let mbr = Layout { partitions: Vec::new(), table: Table::Mbr, id: "0x1234".parse().ok(), ..layout };
        assert_eq!(mbr.check(), Ok(()));
        assert!(Layout { table: Table::Gpt, ..mbr }.check().is_err());
    }
}
