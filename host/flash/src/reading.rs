//! What a plan reads: how much more it may read, which files it has read, and whether the user still waits for it.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use skiff_text::Shown as _;

use crate::ContentError;
use crate::FileId;
use crate::Stop;

/// Bytes that all texts of a layout may have, which are held in memory.
const MAX_TEXTS: u64 = 64 << 20;

/// Bytes that searches for all edits of a layout may read, times the states of their expressions. A state takes up to 17 ns a
/// byte, measured.
const MAX_WORK: u64 = 1 << 30;

/// The same for one search, which nothing interrupts: 4 s.
const MAX_SEARCH: u64 = 1 << 28;

/// Files and directories that all contents of a layout may have, and those that are looked at to find them.
pub(crate) const MAX_ITEMS: u64 = 1_000_000;

/// Bytes that their names may have: of each the paths of its source and its target, and the text of a link.
pub(crate) const MAX_NAMES: u64 = 256 << 20;

/// The account of one plan.
#[derive(Debug)]
pub(crate) struct Reading {
    texts: u64,
    work: u64,
    items: u64,
    names: u64,
    stop: Stop,
    opened: BTreeMap<FileId, PathBuf>,
}

impl Reading {
    pub(crate) fn new(stop: Stop) -> Self {
        let opened = BTreeMap::new();
        Self { texts: MAX_TEXTS, work: MAX_WORK, items: MAX_ITEMS, names: MAX_NAMES, stop, opened }
    }

    /// As one that may have so many files and directories only.
    #[cfg(test)]
    pub(crate) fn with_items(self, items: u64) -> Self {
        Self { items, ..self }
    }

    /// Whether the user wants to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_set()
    }

    /// Takes what a search of so many bytes with an expression of so many states costs.
    pub(crate) fn search(&mut self, bytes: usize, states: u64) -> Option<()> {
        // A search without bytes is a search, too.
        let cost = (bytes as u64 + 64).checked_mul(states).filter(|cost| *cost <= MAX_SEARCH)?;
        self.work = self.work.checked_sub(cost)?;
        Some(())
    }

    /// Takes the room of a text.
    pub(crate) fn text(&mut self, bytes: usize) -> Option<()> {
        self.texts = self.texts.checked_sub(bytes as u64)?;
        Some(())
    }

    /// Takes a file or directory of the source `path`, with so many bytes of names.
    ///
    /// # Errors
    /// [`ContentError::TooMany`], and [`ContentError::Cancelled`] once the user wants to stop.
    pub(crate) fn item(&mut self, path: &Path, names: usize) -> Result<(), ContentError> {
        if self.is_stopped() {
            return Err(ContentError::Cancelled);
        }
        self.items = self.items.checked_sub(1).ok_or_else(|| ContentError::TooMany(path.shown().to_string()))?;
        self.names(path, names)
    }

    /// Takes so many bytes of names.
    ///
    /// # Errors
    /// [`ContentError::TooMany`].
    pub(crate) fn names(&mut self, path: &Path, bytes: usize) -> Result<(), ContentError> {
        let left = self.names.checked_sub(bytes as u64);
        self.names = left.ok_or_else(|| ContentError::TooMany(path.shown().to_string()))?;
        Ok(())
    }

    /// Keeps in mind that a file is a source.
    pub(crate) fn open(&mut self, file: FileId, path: &Path) {
        self.opened.entry(file).or_insert_with(|| path.to_owned());
    }

    /// Returns the files that are sources, each with one of its paths.
    pub(crate) fn into_opened(self) -> BTreeMap<FileId, PathBuf> {
        self.opened
    }
}

#[cfg(test)]
mod tests {
    use skiff_layout::Content;
    use skiff_layout::Edit;
    use skiff_layout::Format;
    use skiff_layout::Ids;
    use skiff_layout::Kind;
    use skiff_layout::Layout;
    use skiff_layout::Medium;
    use skiff_layout::Partition;
    use skiff_layout::Raw;
    use skiff_layout::Table;

    use super::*;
    use crate::Plan;
    use crate::Sources;

    fn reading() -> Reading {
        Reading::new(Stop::default())
    }

    #[test]
    fn all_contents_of_a_layout_have_one_budget() {
        let mut texts = reading();
        assert!((0..64).all(|_| texts.text(1 << 20).is_some()) && texts.text(1).is_none());
        let mut work = reading();
        assert!((0..8).all(|_| work.search((1 << 20) - 64, 128).is_some()) && work.search(0, 1).is_none());
        assert!(reading().search(1 << 20, 300).is_none(), "nothing interrupts a search");
        let mut items = reading();
        assert!((0..MAX_ITEMS).all(|_| items.item(Path::new("d"), 100).is_ok()));
        assert!(matches!(items.item(Path::new("d"), 100), Err(ContentError::TooMany(path)) if path == "d"));
        let mut names = reading();
        assert!((0..MAX_NAMES >> 12).all(|_| names.item(Path::new("d"), 1 << 12).is_ok()));
        assert!(names.item(Path::new("d"), 1).is_err());
    }

    #[test]
    fn a_source_is_known_whatever_is_made_of_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("resources")).unwrap();
        let at = |name: &str| folder.path().canonicalize().unwrap().join("resources").join(name);
        let names = ["plain", "edited", "replaced", "raw"];
        names.iter().for_each(|name| std::fs::write(at(name), "text").unwrap());
        let content = |name: &str| Content::new(format!("layers/resources/{name}"), format!("/{name}"));
        let edit = Edit { find: "x".into(), replace: "y".into(), when: None };
        let edited = Content { edits: vec![edit], ..content("edited") };
        let later = Content { target: "/replaced".into(), ..content("plain") };
        let mut layout = Layout::new(Table::Gpt);
        let format = Format::Ext4 { features: Vec::new() };
        let copy_files = vec![content("plain"), edited, content("replaced"), later];
        layout.partitions = vec![Partition { format, copy_files, ..Partition::new("p", Kind::linux()) }];
        layout.raw = vec![Raw { source: vec!["layers/resources/raw".into()], ..Raw::new("spl", 1 << 17) }];
        let layers = vec![folder.path().to_owned()];
        let sources = Sources { images: None, layers, epoch: 1, stop: crate::Stop::default() };
        let plan = Plan::new(&layout, Medium { size: 64 << 20, sector: 512 }, Ids::new(b"x"), &sources).unwrap();
        for name in names {
            std::fs::hard_link(at(name), at("other")).unwrap();
            assert_eq!(plan.source_at(&at("other")), Some(&*at(name)));
            std::fs::remove_file(at("other")).unwrap();
        }
        std::fs::write(at("other"), "text").unwrap();
        assert_eq!((plan.source_at(&at("other")), plan.source_at(&at("none"))), (None, None));
    }
}
