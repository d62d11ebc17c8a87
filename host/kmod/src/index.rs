//! The binary form of an index, which libkmod searches without reading it as a whole.
//!
//! All numbers are big endian. A file begins with a magic number, a version and the position of the root of a trie. A node
//! has, in this order and each only if the top bits of its position say so:
//!
//! - a prefix: characters that all keys of the node have in common, with a NUL;
//! - children: the first and the last character that leads to a child, and a position for each character between them, 0 for
//!   none;
//! - values: their number, and each with a priority of 32 bits and a NUL at its end.

use std::borrow::Cow;

use skiff_text::shown;

use crate::IndexError;
use crate::alias::MAX_KEY;

const MAGIC: u32 = 0xB007_F457;
const VERSION: u32 = 0x0002_0001;

/// The node at this position has a prefix.
const PREFIX: u32 = 0x8000_0000;
/// The node at this position has values.
const VALUES: u32 = 0x4000_0000;
/// The node at this position has children.
const CHILDREN: u32 = 0x2000_0000;

/// Where the position of the root stands.
const ROOT: usize = 8;

/// Bytes of an index: positions have 28 bits.
pub(crate) const MAX_INDEX: usize = 0x0FFF_FFFF;

/// An index of values by key, each with a priority. The lowest number comes first.
#[derive(Debug, Default)]
pub struct Index<'a> {
    entries: Vec<Entry<'a>>,
}

#[derive(Debug)]
struct Entry<'a> {
    key: Cow<'a, str>,
    value: &'a str,
    priority: u32,
}

impl<'a> Index<'a> {
    /// Adds a value. Of two values of a key with the same priority, the later one comes first, as with `depmod`.
    ///
    /// # Errors
    /// The key is longer than what libkmod looks up, or the format cannot hold its characters or those of the value.
    pub fn insert(&mut self, key: impl Into<Cow<'a, str>>, value: &'a str, priority: u32) -> Result<(), IndexError> {
        let key = key.into();
        let has_nul = key.contains('\0') || value.contains('\0');
        if has_nul || !key.is_ascii() || key.len() > MAX_KEY {
            return Err(IndexError::Entry { key: shown(&key).to_string(), most: MAX_KEY });
        }
        self.entries.push(Entry { key, value, priority });
        Ok(())
    }

    /// Returns the file. Equal contents give equal bytes.
    ///
    /// # Errors
    /// The index has more bytes than a position can express.
    pub fn to_bytes(&self) -> Result<Vec<u8>, IndexError> {
        // Equal entries keep their order, which is the reverse one of their arrival.
        let mut entries: Vec<&Entry<'_>> = self.entries.iter().rev().collect();
        entries.sort_by(|a, b| a.key.cmp(&b.key).then(a.priority.cmp(&b.priority)));
        let mut trie = Trie::new();
        for entries in entries.chunk_by(|a, b| a.key == b.key) {
            trie.add(entries)?;
        }
        trie.finish()
    }
}

/// A trie that is written while its keys arrive in ascending order: a node is complete, and is written, when the first key
/// arrives that is not below it.
struct Trie<'a> {
    bytes: Vec<u8>,
    /// The nodes on the way to the latest key. The first one is the root.
    open: Vec<Node<'a>>,
    /// The latest key.
    key: &'a [u8],
}

struct Node<'a> {
    /// Characters of the latest key up to here.
    end: usize,
    values: &'a [&'a Entry<'a>],
    /// The characters that lead to children, ascending, with their positions.
    children: Vec<(u8, u32)>,
}

impl<'a> Trie<'a> {
    fn new() -> Self {
        let header = [MAGIC, VERSION, 0].map(u32::to_be_bytes).concat();
        Self { bytes: header, open: vec![Node { end: 0, values: &[], children: Vec::new() }], key: &[] }
    }

    /// Adds the values of a key that is greater than the keys so far.
    fn add(&mut self, values: &'a [&'a Entry<'a>]) -> Result<(), IndexError> {
        let key = values.first().map_or(&[][..], |entry| entry.key.as_bytes());
        let common = self.key.iter().zip(key).take_while(|(old, new)| old == new).count();
        self.close(common)?;
        self.key = key;
        match self.open.last_mut() {
            Some(node) if node.end == key.len() => node.values = values,
            _ => self.open.push(Node { end: key.len(), values, children: Vec::new() }),
        }
        Ok(())
    }

    /// Writes the nodes behind the first `common` characters of the latest key, and makes a node there if keys part.
    fn close(&mut self, common: usize) -> Result<(), IndexError> {
        while let Some(node) = self.open.pop_if(|node| node.end > common) {
            let above = self.open.last().map_or(0, |node| node.end);
            let Some((&first, prefix)) = self.key.get(above.max(common)..node.end).and_then(<[u8]>::split_first) else {
                continue;
            };
            let child = (first, self.write(&node, prefix)?);
            match self.open.last_mut() {
                Some(parent) if parent.end >= common => parent.children.push(child),
                _ => self.open.push(Node { end: common, values: &[], children: vec![child] }),
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<u8>, IndexError> {
        self.close(0)?;
        if let Some(root) = self.open.pop() {
            let position = self.write(&root, &[])?;
            if let Some(place) = self.bytes.get_mut(ROOT..ROOT + size_of::<u32>()) {
                place.copy_from_slice(&position.to_be_bytes());
            }
        }
        Ok(self.bytes)
    }

    /// Writes a node and returns its position, with the bits that say what it has.
    fn write(&mut self, node: &Node<'_>, prefix: &[u8]) -> Result<u32, IndexError> {
        let large = || IndexError::TooLarge { most: MAX_INDEX };
        let mut position =
            u32::try_from(self.bytes.len()).ok().filter(|_| self.bytes.len() <= MAX_INDEX).ok_or_else(large)?;
        if !prefix.is_empty() {
            position |= PREFIX;
            self.bytes.extend_from_slice(prefix);
            self.bytes.push(0);
        }
        if let (Some((first, _)), Some((last, _))) = (node.children.first(), node.children.last()) {
            position |= CHILDREN;
            self.bytes.extend([*first, *last]);
            let mut children = node.children.iter().peekable();
            for character in *first..=*last {
                let child = children.next_if(|(of, _)| *of == character).map_or(0, |(_, position)| *position);
                self.bytes.extend(child.to_be_bytes());
            }
        }
        if !node.values.is_empty() {
            position |= VALUES;
            self.bytes.extend(u32::try_from(node.values.len()).map_err(|_| large())?.to_be_bytes());
            for entry in node.values {
                self.bytes.extend(entry.priority.to_be_bytes());
                self.bytes.extend_from_slice(entry.value.as_bytes());
                self.bytes.push(0);
            }
        }
        Ok(position)
    }
}

#[cfg(test)]
mod tests;
