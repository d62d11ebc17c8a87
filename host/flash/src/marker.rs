use std::collections::BTreeSet;

use serde::Deserialize;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;

use crate::Item;
use crate::ItemKind;
use crate::item;

/// What an install leaves in the root directory of every partition that it renews: which install it was, and what it put there.
/// What was formatted and never renewed has none, and is generation 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    /// Counts the installs of a medium. The partitions of one system have the same.
    pub(crate) generation: u64,
    /// The files of the system, as their targets. What is not among them is the users', and stays.
    pub(crate) files: BTreeSet<String>,
    /// A digest of capabilities, hard links and modes of directories, which cannot be compared file by file; none if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attributes: Option<String>,
}

impl Marker {
    /// Its file.
    pub(crate) const FILE: &'static str = "skiff-system.json";

    /// Bytes of the largest that is read.
    pub(crate) const MAX_SIZE: u64 = 8 << 20;

    /// Bytes of the longest path, and directories above it, that are believed.
    const MAX_PATH: usize = 4096;
    const MAX_DEPTH: usize = 64;

    /// The highest generation that is believed, and written.
    const MAX_GENERATION: u64 = 1_000_000_000;

    /// That of a system.
    pub(crate) fn of(generation: u64, items: &[Item]) -> Self {
        let files = items.iter().filter(|item| !item.once && item.kind != ItemKind::Folder);
        let files = files.map(|item| item.target.clone()).collect();
        Self { generation, files, attributes: digest(items) }
    }

    /// The generation after one; none where it would not be believed.
    pub(crate) fn after(generation: u64) -> Option<u64> {
        generation.checked_add(1).filter(|next| *next <= Self::MAX_GENERATION)
    }

    /// Reads one. What somebody has changed beyond recognition says nothing.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut marker: Self = serde_json::from_slice(bytes).unwrap_or_default();
        // Nobody has installed that often.
        if marker.generation > Self::MAX_GENERATION {
            return Self::default();
        }
        let is_long = |path: &str| path.len() > Self::MAX_PATH || path.matches('/').count() > Self::MAX_DEPTH;
        marker.files.retain(|path| !is_long(path));
        marker.files.retain(|path| path.split('/').all(|name| !matches!(name, "" | "." | "..")) && !is_reserved(path));
        marker
    }

    /// Its file, to be put beside the system.
    pub(crate) fn item(&self) -> Item {
        // A number and texts can always be written. Each has a line of its own: `mount-modules.sh` reads the number with sed.
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        Item::text(Self::FILE, text + "\n")
    }
}

/// A digest of what cannot be compared file by file.
fn digest(items: &[Item]) -> Option<String> {
    let links = item::links(items);
    let mut lines = Vec::new();
    for (item, link) in items.iter().zip(links).filter(|(item, _)| !item.once) {
        let first = link.and_then(|first| items.get(first)).map(|first| first.target.as_str());
        let mode = item.attributes.mode.filter(|mode| item.kind == ItemKind::Folder && *mode != 0o755);
        let capability = &item.attributes.capability;
        if first.is_some() || capability.is_some() || mode.is_some() {
            lines.push(format!("{}\0{}\0{capability:?}\0{mode:?}\n", item.target, first.unwrap_or_default()));
        }
    }
    (!lines.is_empty()).then(|| Sha256::digest(lines.concat()).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether a place in a file system is one that skiff, or the file system, needs for itself.
pub(crate) fn is_reserved(target: &str) -> bool {
    let first = target.trim_start_matches('/').split('/').next().unwrap_or_default();
    [Marker::FILE, crate::PREVIOUS, crate::NEXT, "lost+found"].iter().any(|name| name.eq_ignore_ascii_case(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_what_was_written_and_no_more_than_it_may_be() {
        let once = Item { once: true, ..Item::text("etc/key", "x") };
        let marker = Marker::of(3, &[Item::text("boot/Image", "x"), once]);
        let ItemKind::Text { bytes, .. } = marker.item().kind else { panic!("a marker is a text") };
        assert_eq!(Marker::parse(&bytes), marker);
        assert!(String::from_utf8(bytes).unwrap().contains("\n  \"generation\": 3,\n"));
        assert_eq!(Marker::parse(b"nonsense"), Marker::default());
        for generation in [u64::MAX, u64::from(u32::MAX), Marker::MAX_GENERATION + 1] {
            let text = format!(r#"{{"generation": {generation}, "files": []}}"#);
            assert_eq!(Marker::parse(text.as_bytes()), Marker::default());
        }
        // What is written is believed, and behind the last that is believed nothing is written.
        assert_eq!(Marker::after(Marker::MAX_GENERATION - 1), Some(Marker::MAX_GENERATION));
        assert_eq!((Marker::after(Marker::MAX_GENERATION), Marker::after(u64::MAX)), (None, None));
        assert_eq!(Marker::parse(br#"{"generation": -1, "files": []}"#), Marker::default());
        let hostile = br#"{"generation": 1, "files": ["../x", "/etc/x", "lost+found/x", "SKIFF.OLD/x", "good"]}"#;
        assert_eq!(Marker::parse(hostile).files.into_iter().collect::<Vec<_>>(), ["good"]);
    }
}
