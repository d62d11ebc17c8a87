use std::fmt;

use crate::Item;
use crate::ItemKind;
use crate::item;
use crate::volume::Volume;

/// Files that are named in a message.
const NAMED: usize = 3;

/// Whether an item, the one of a number, has something.
type Has<'h> = &'h dyn Fn(usize, &Item) -> bool;

/// Something that files have and their file system does not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unkept {
    /// The partition.
    pub label: String,
    /// The name of its file system.
    pub file_system: &'static str,
    /// What is not kept.
    pub what: &'static str,
    /// The files that have it, in order.
    pub files: Vec<String>,
}

impl Unkept {
    /// What the file system of a partition does not keep of its items.
    pub(crate) fn of(label: &str, volume: &dyn Volume, items: &[Item]) -> Vec<Self> {
        if volume.is_posix() {
            return Vec::new();
        }
        let mode = |item: &Item| item.attributes.mode.unwrap_or(0o755);
        // What everybody may read stays so; what others may not read becomes readable.
        let is_private = |item: &Item| match item.kind {
            ItemKind::Folder => mode(item) & 0o055 != 0o055,
            _ => mode(item) & 0o044 != 0o044,
        };
        let links = item::links(items);
        let is_link = |number: usize| links.get(number).is_some_and(Option::is_some);
        let kinds: [(&'static str, Has<'_>); 4] = [
            ("the permissions that keep others out", &|_, item| is_private(item)),
            ("the setuid, setgid or sticky bit", &|_, item| mode(item) & 0o7000 != 0),
            ("the capabilities", &|_, item| item.attributes.capability.is_some()),
            ("the hard links (each name gets its own copy)", &|number, _| is_link(number)),
        ];
        let mut found = Vec::new();
        for (what, has) in kinds {
            let files = items.iter().enumerate().filter(|(number, item)| has(*number, item));
            let files: Vec<String> = files.map(|(_, item)| item.target.clone()).collect();
            if !files.is_empty() {
                found.push(Self { label: label.to_owned(), file_system: volume.name(), what, files });
            }
        }
        found
    }
}

impl fmt::Display for Unkept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.files.iter().take(NAMED).map(|file| format!("`{file}`")).collect();
        let Self { label, file_system, what, .. } = self;
        write!(f, "partition `{label}`: {file_system} does not keep {what} of {}", names.join(", "))?;
        match self.files.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more ({} in all)", self.files.len()),
        }
    }
}
