//! What a file system on a medium holds, whichever kind it is of.

use std::io;
use std::io::Read;

use crate::Item;
use crate::ItemKind;
use crate::Watch;
use crate::item;

/// Bytes compared at a time.
const CHUNK: u64 = 1 << 20;

/// A file system that can be looked into.
pub(crate) trait Files {
    /// What a path names; none if nothing has it.
    fn look(&self, path: &str) -> io::Result<Option<Node>>;

    /// Opens a file.
    fn open<'f>(&'f self, path: &str) -> io::Result<Box<dyn Read + 'f>>;
}

/// Something with a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Folder,
    File {
        size: u64,
        /// Its permissions and the like; none where the file system does not know them.
        mode: Option<u32>,
    },
    Link(String),
    /// Neither of these.
    Other,
}

impl dyn Files + '_ {
    /// Reads a file of up to `max` bytes; none if there is no such file.
    pub(crate) fn read(&self, path: &str, max: u64) -> io::Result<Option<Vec<u8>>> {
        let Some(Node::File { size, .. }) = self.look(path)? else { return Ok(None) };
        if size > max {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        self.open(path)?.take(max).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Whether every item is there as an install would put it. Ends with the first that is not.
    pub(crate) fn hold(&self, items: &[Item], watch: &dyn Watch) -> io::Result<bool> {
        for item in items {
            let has_mode = |there: Option<u32>| there.is_none() || item.mode().is_none() || there == item.mode();
            let same = match (&item.kind, self.look(&item.target)?) {
                // Who may look into a directory with files of users is theirs to say.
                (ItemKind::Folder, Some(Node::Folder)) => true,
                (ItemKind::Link(to), Some(Node::Link(there))) => *to == there,
                (ItemKind::File { .. } | ItemKind::Text { .. }, Some(Node::File { size, mode })) => {
                    size == item.size() && has_mode(mode)
                }
                _ => false,
            };
            if !same {
                return Ok(false);
            }
        }
        for item in items {
            let same = match &item.kind {
                ItemKind::Folder | ItemKind::Link(_) => true,
                ItemKind::Text { bytes, .. } => equal(&mut bytes.as_slice(), &mut self.open(&item.target)?, watch)?,
                ItemKind::File { path, size, .. } => {
                    equal(&mut item::open(path, *size)?, &mut self.open(&item.target)?, watch)?
                }
            };
            if !same || watch.is_cancelled() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether two readers give the same.
fn equal(one: &mut dyn Read, other: &mut dyn Read, watch: &dyn Watch) -> io::Result<bool> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    loop {
        first.clear();
        second.clear();
        one.take(CHUNK).read_to_end(&mut first)?;
        other.take(CHUNK).read_to_end(&mut second)?;
        if first != second {
            return Ok(false);
        }
        if first.is_empty() || watch.is_cancelled() {
            return Ok(true);
        }
        watch.advance(first.len() as u64);
    }
}
