//! A tree in memory, for tests.

use std::collections::BTreeMap;
use std::io;

use crate::Kind;
use crate::Root;

/// A tree in memory.
#[derive(Default)]
pub(crate) struct Memory {
    files: BTreeMap<String, Vec<u8>>,
    links: BTreeMap<String, String>,
}

impl Memory {
    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }

    pub(crate) fn link(mut self, path: &str, target: &str) -> Self {
        self.links.insert(path.into(), target.into());
        self
    }

    fn paths(&self) -> impl Iterator<Item = &String> {
        self.files.keys().chain(self.links.keys())
    }
}

impl Root for Memory {
    fn read(&self, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        match self.files.get(path) {
            Some(bytes) if bytes.len() as u64 > limit => Err(io::ErrorKind::FileTooLarge.into()),
            bytes => Ok(bytes.cloned()),
        }
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let below = |path: &String| Some(path.strip_prefix(dir)?.strip_prefix('/')?.split('/').next()?.to_owned());
        let mut names: Vec<String> = self.paths().filter_map(below).collect();
        names.dedup();
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn kind(&self, path: &str) -> io::Result<Option<Kind>> {
        let is_parent = |other: &String| other.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        Ok(match () {
            () if self.files.contains_key(path) => Some(Kind::File),
            () if self.links.contains_key(path) => self.links.get(path).cloned().map(Kind::Link),
            () if self.paths().any(is_parent) => Some(Kind::Directory),
            () => None,
        })
    }
}
