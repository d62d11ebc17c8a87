//! From what a layout names to the files that are there.

use crate::Attributes;
use crate::FileId;
use crate::Item;
use crate::ItemKind;
use crate::Stop;
use crate::edits::Edits;
use crate::edits::MAX_REPLACEMENT;
use crate::edits::Names;
use crate::keep::fold;
use crate::marker::is_reserved;
use crate::place::MAX_DEPTH;
use crate::place::Place;
use crate::place::find_below;
use crate::reading::MAX_ITEMS;
use crate::reading::MAX_NAMES;
use crate::reading::Reading;
use crate::uimage;
use cap_std::fs::MetadataExt as _;
use skiff_layout::Content;
use skiff_layout::Partition;
use skiff_layout::Raw;
use skiff_text::Shown as _;
use std::collections::BTreeMap;
use std::io;
use std::io::Read as _;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

/// Bytes of a text that is changed.
pub(crate) const MAX_TEXT: u64 = 1 << 20;

/// Where contents come from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The directory with the images, if anything has been built.
    pub images: Option<PathBuf>,
    /// The directories of the layers, in the order of the chain.
    pub layers: Vec<PathBuf>,
    /// The time that what is made bears, in seconds since 1970; nothing is newer. 0 for none.
    pub epoch: u32,
    /// Whether the user wants to stop.
    pub stop: Stop,
}

/// Why contents cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// None of the files is there.
    #[error("{} is not there", one_of(.0))]
    Missing(Vec<String>),
    /// A source that is not written as one.
    #[error(
        "`{0}` is not a source: expected a path that starts with `images/` or `layers/resources/`, without `..` and empty names"
    )]
    Source(String),
    /// A target that is not inside the file system.
    #[error("`{0}` is not a path in a file system")]
    Target(String),
    /// A name that is not for layers to use.
    #[error("`{0}` is a reserved name")]
    Reserved(String),
    /// Two files of one source that a file system takes for one.
    #[error("`{one}` and `{other}` are the same name on FAT, which does not tell capitals from small letters")]
    Collision {
        /// One file.
        one: String,
        /// The other.
        other: String,
    },
    /// Something that is neither a file nor a directory nor a link.
    #[error("`{0}` is neither a file nor a directory")]
    Special(String),
    /// Texts and changes of them that come to more work than any layout needs.
    #[error("the edits of {} take too long: their expressions are too large for texts of this size", one_of(.0))]
    Edits(Vec<String>),
    /// More text than any layout needs.
    #[error("the texts that the layout edits or packs have more than 64 MiB together")]
    Texts,
    /// More files than any system has; the source that has one too many.
    #[error(
        "too many files at `{0}`: a layout has at most {items} files and directories, with {mib} MiB of paths, {deep} levels deep",
        items = MAX_ITEMS, mib = MAX_NAMES >> 20, deep = MAX_DEPTH
    )]
    TooMany(String),
    /// A text that is not one.
    #[error("cannot edit `{0}`: expected UTF-8 text of at most 1 MiB")]
    NotText(String),
    /// A regular expression that is none.
    #[error("`{find}` is not a regular expression: {problem}")]
    Edit {
        /// What was said.
        find: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A replacement that no boot loader would read.
    #[error("the replacement of `{0}` has more than {max} bytes", max = MAX_REPLACEMENT)]
    Replacement(String),
    /// A placeholder for a partition that there is not, or without an identity.
    #[error("`{0}` is not the label of a partition with a PARTUUID")]
    Placeholder(String),
    /// A place in a text that nothing was put into.
    #[error("placeholder `{word}` in {path} was not replaced: no edit applies")]
    Left {
        /// The place.
        word: String,
        /// The text.
        path: String,
    },
    /// A script for an unknown processor.
    #[error(transparent)]
    Script(#[from] uimage::UnknownArch),
    /// Reading failed.
    #[error("cannot read {path}: {source}")]
    Read {
        /// What.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The user wants to stop.
    #[error("cancelled; nothing was written")]
    Cancelled,
}

fn one_of(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
}

/// A file of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
}

impl Sources {
    /// Begins the account of what a plan reads.
    pub(crate) fn reading(&self) -> Reading {
        Reading::new(self.stop.clone())
    }

    /// Finds the file of raw contents; none if it is missing and may be.
    ///
    /// # Errors
    /// [`ContentError::Missing`] and other reasons.
    pub(crate) fn raw(&self, raw: &Raw, reading: &mut Reading) -> Result<Option<SourceFile>, ContentError> {
        for source in &raw.source {
            for found in self.find(source, reading)? {
                let metadata = found.metadata()?;
                if metadata.is_file() {
                    reading.open(FileId::new(metadata.dev(), metadata.ino()), &found.path());
                    return Ok(Some(SourceFile { path: found.path(), size: metadata.len() }));
                }
            }
        }
        // Room that nothing is written to has no file.
        match raw.optional || raw.source.is_empty() {
            true => Ok(None),
            false => Err(ContentError::Missing(raw.source.clone())),
        }
    }

    /// Finds the file whose blocks a partition gets; none if it gets none.
    ///
    /// # Errors
    /// [`ContentError::Missing`] and other reasons.
    pub(crate) fn blocks(
        &self,
        partition: &Partition,
        reading: &mut Reading,
    ) -> Result<Option<SourceFile>, ContentError> {
        let Some(source) = &partition.copy_blocks else { return Ok(None) };
        self.raw(&Raw { source: vec![source.clone()], ..Raw::new(partition.label.clone(), 0) }, reading)
    }

    /// Whether anything is there that a source names.
    ///
    /// # Errors
    /// It is not written as a source, or cannot be looked for.
    pub(crate) fn has(&self, source: &str, reading: &mut Reading) -> Result<bool, ContentError> {
        Ok(!self.find(source, reading)?.is_empty())
    }

    /// Finds what goes into a file system. Where two have the same target, the later counts. Where `follow`, links
    /// become what they lead to.
    ///
    /// # Errors
    /// [`ContentError`]: the first thing that is missing or wrong.
    pub(crate) fn items(
        &self,
        contents: &[Content],
        follow: bool,
        names: &Names<'_>,
        reading: &mut Reading,
    ) -> Result<Vec<Item>, ContentError> {
        let mut items: Vec<Item> = Vec::new();
        let mut places = BTreeMap::new();
        for content in contents {
            for item in self.of_content(content, follow, names, reading)? {
                let key = if follow { fold(&item.target) } else { item.target.clone() };
                match places.get(&key).and_then(|place: &usize| items.get_mut(*place)) {
                    Some(place) => *place = item,
                    None => {
                        places.insert(key, items.len());
                        items.push(item);
                    }
                }
            }
        }
        items.sort_by(|one, other| one.target.cmp(&other.target));
        Ok(items)
    }

    fn of_content(
        &self,
        content: &Content,
        follow: bool,
        names: &Names<'_>,
        reading: &mut Reading,
    ) -> Result<Vec<Item>, ContentError> {
        let target = content.target.trim_start_matches('/');
        if target.split('/').any(|part| matches!(part, "." | "..")) || target.contains("//") {
            return Err(ContentError::Target(content.target.clone()));
        }
        let mut empty = None;
        let into_folder = target.is_empty() || target.ends_with('/');
        for source in &content.source {
            let found = self.find(source, reading)?;
            if found.is_empty() {
                continue;
            }
            let mut items = Vec::new();
            for one in found {
                let below = if source.ends_with('/') || !into_folder {
                    target.trim_end_matches('/').to_owned()
                } else {
                    format!("{target}{}", one.name)
                };
                // What git keeps of layers is whether a file can be run; trees of the images are kept as they are.
                let newest =
                    source.starts_with("images/").then_some(if self.epoch == 0 { u32::MAX } else { self.epoch });
                one.walk(&below, follow, newest, &mut items, reading)?;
            }
            // A source with files comes before an empty directory, which is what it is where there is no other.
            if source.ends_with('/') && items.iter().all(|item| item.kind == ItemKind::Folder) {
                empty = empty.or(Some(items));
                continue;
            }
            if follow {
                tell_apart(&items)?;
            }
            let edits = self.edits(content, names, reading)?;
            let changes = !content.edits.is_empty() || content.script.is_some();
            for item in &mut items {
                if is_reserved(&item.target) {
                    return Err(ContentError::Reserved(item.target.clone()));
                }
                item.once = content.once;
                if changes {
                    self.change(content, &edits, item, reading)?;
                }
            }
            return Ok(items);
        }
        match empty {
            Some(folders) => Ok(folders.into_iter().map(|item| Item { once: content.once, ..item }).collect()),
            None if content.optional => Ok(Vec::new()),
            None => Err(ContentError::Missing(content.source.clone())),
        }
    }

    /// Makes the text of an item what the content says.
    fn change(
        &self,
        content: &Content,
        edits: &Edits,
        item: &mut Item,
        reading: &mut Reading,
    ) -> Result<(), ContentError> {
        let ItemKind::File { path, size, mode } = &item.kind else { return Ok(()) };
        let shown = path.shown().to_string();
        let unreadable = |source| ContentError::Read { path: shown.clone(), source };
        let mut bytes = Vec::new();
        let file = crate::item::open(path, *size).map_err(unreadable)?;
        file.take(MAX_TEXT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_TEXT {
            return Err(ContentError::NotText(shown));
        }
        let text = String::from_utf8(bytes).map_err(|_| ContentError::NotText(shown.clone()))?;
        let text = edits.apply(text, content, &shown, reading)?;
        let bytes = match &content.script {
            Some(script) => uimage::wrap(text.as_bytes(), script, self.epoch)?,
            None => text.into_bytes(),
        };
        reading.text(bytes.len()).ok_or(ContentError::Texts)?;
        item.kind = ItemKind::Text { bytes, mode: if mode & 0o111 == 0 { 0o644 } else { 0o755 } };
        // It is no longer the file that has these.
        item.attributes = Attributes { mode: item.attributes.mode, ..Attributes::default() };
        Ok(())
    }

    /// Makes the edits of a content ready: those whose condition holds.
    fn edits(&self, content: &Content, names: &Names<'_>, reading: &mut Reading) -> Result<Edits, ContentError> {
        let mut edits = Edits::default();
        for edit in &content.edits {
            if reading.is_stopped() {
                return Err(ContentError::Cancelled);
            }
            let holds = edit.when.as_ref().map(|when| self.find(when, reading)).transpose()?;
            if holds.is_none_or(|found| !found.is_empty()) {
                edits.add(edit, names)?;
            }
        }
        Ok(edits)
    }

    /// Finds what a source names: nothing, one thing, or with `*` several, in the order of their names.
    fn find(&self, source: &str, reading: &mut Reading) -> Result<Vec<Place>, ContentError> {
        let wrong = || ContentError::Source(source.to_owned());
        let (zone, rest) = source.split_once('/').ok_or_else(wrong)?;
        let rest = rest.trim_end_matches('/');
        if rest.is_empty() || !Path::new(rest).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(wrong());
        }
        let roots: Vec<&PathBuf> = match zone {
            "images" => self.images.iter().collect(),
            // The last layer that has it. What lies elsewhere in a layer is no input of a build, and so in no digest.
            "layers" if Path::new(rest).starts_with("resources") => self.layers.iter().rev().collect(),
            _ => return Err(wrong()),
        };
        for root in roots {
            let found = find_below(root, rest, reading)?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }
}

/// Checks that no two items of a source have names that FAT takes for one: one of them would be lost.
fn tell_apart(items: &[Item]) -> Result<(), ContentError> {
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    for item in items {
        // A directory that has only its own name differs from another in that.
        if let Some(one) = known.insert(fold(&item.target), &item.target)
            && one != item.target
        {
            let (one, other) = (one.min(&item.target).to_owned(), one.max(&item.target).to_owned());
            return Err(ContentError::Collision { one, other });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
