use std::collections::BTreeSet;

use crate::Item;
use crate::ItemKind;
use crate::marker::Marker;

/// What of a file system stays where it is when one system takes the place of another: what neither of them has put there.
pub(crate) struct Keep {
    folds: bool,
    new: Tree,
    old: Tree,
}

/// The files of a system, and the directories above them.
#[derive(Default)]
struct Tree {
    files: BTreeSet<String>,
    folders: BTreeSet<String>,
}

impl Tree {
    fn add(&mut self, file: String) {
        self.folders.extend(parents(&file).map(str::to_owned));
        self.files.insert(file);
    }
}

/// The directories above a path, the highest first.
pub(crate) fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

/// A name on FAT with large and small letters the same. Drivers compare letter by letter, some by capitals and some by small
/// letters: what is one name to any of them is one here. Letters that become several (`ß`) stay what they are to all.
pub(crate) fn fold(name: &str) -> String {
    fn single(mut letters: impl Iterator<Item = char>, letter: char) -> char {
        match (letters.next(), letters.next()) {
            (Some(one), None) => one,
            _ => letter,
        }
    }
    let upper = |c: char| single(c.to_uppercase(), c);
    let lower = |c: char| single(c.to_lowercase(), c);
    name.chars().map(|c| upper(lower(upper(c)))).collect()
}

impl Keep {
    /// What stays when `items` take the place of `old`. Where `folds`, large and small letters are the same.
    pub(crate) fn new(items: &[Item], old: &Marker, folds: bool) -> Self {
        let mut keep = Self { folds, new: Tree::default(), old: Tree::default() };
        for item in items.iter().filter(|item| !item.once) {
            let target = keep.key(&item.target);
            match item.kind {
                ItemKind::Folder => {
                    keep.new.folders.extend(parents(&target).map(str::to_owned));
                    keep.new.folders.insert(target);
                }
                _ => keep.new.add(target),
            }
        }
        for file in &old.files {
            let file = keep.key(file);
            keep.old.add(file);
        }
        keep
    }

    fn key(&self, path: &str) -> String {
        if self.folds { fold(path) } else { path.to_owned() }
    }

    /// Whether something stays. A directory that held files of the old system stays only for what somebody else put into it.
    pub(crate) fn keeps(&self, path: &str, is_folder: bool) -> bool {
        let key = self.key(path);
        let is_covered = parents(&key).any(|folder| self.new.files.contains(folder)) || self.new.files.contains(&key);
        let is_old = if is_folder { self.old.folders.contains(&key) } else { self.old.files.contains(&key) };
        !is_covered && !is_old && (is_folder || !self.new.folders.contains(&key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_neither_system_has_put_there_stays() {
        let items = [Item::text("boot/Image", "x"), Item::text("note/file", "x"), Item::text("taken", "x")];
        let old = Marker::of(1, &[Item::text("boot/old.dtb", "x"), Item::text("gone/deep/file", "x")]);
        let keep = Keep::new(&items, &old, true);
        for (path, is_folder) in [("boot/mine", false), ("boot/Folder", true), ("gone/deep/mine", false), ("x", true)] {
            assert!(keep.keeps(path, is_folder), "{path}");
        }
        for (path, is_folder) in [
            ("BOOT/\u{131}mage", false),
            ("BOOT/image", false),
            ("boot/OLD.dtb", false),
            ("gone/deep", true),
            ("note", false),
            ("taken", true),
            ("taken/below", false),
        ] {
            assert!(!keep.keeps(path, is_folder), "{path}");
        }
    }
}
