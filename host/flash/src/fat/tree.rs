//! A new tree of directories and files, and how it gets into clusters.

use std::collections::HashMap;
use std::path::Path;

use super::FatError;
use super::chains::Chains;
use super::files::FatFiles;
use super::folder;
use super::folder::ENTRY;
use super::folder::Stamp;
use super::names;
use super::names::Short;
use super::names::Shorts;
use crate::Item;
use crate::ItemKind;
use crate::Watch;
use crate::item;
use crate::keep::fold;
use skiff_text::Shown as _;

/// Bytes copied at a time.
const CHUNK: u64 = 1 << 20;

/// Files have 4 GiB less one byte at most.
const MAX_FILE: u64 = u32::MAX as u64;

/// Where the contents of a file come from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'s> {
    Bytes(&'s [u8]),
    /// A file of this machine.
    File {
        path: &'s Path,
        size: u64,
    },
    /// A file of the file system that is there, by its first cluster.
    There {
        first: u32,
        size: u64,
    },
}

impl Source<'_> {
    fn size(self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { size, .. } | Self::There { size, .. } => size,
        }
    }
}

/// What is to be in a file system. Node 0 is its root directory.
pub(crate) struct Tree<'s> {
    nodes: Vec<Node<'s>>,
}

struct Node<'s> {
    path: String,
    stamp: Stamp,
    kind: Kind<'s>,
}

enum Kind<'s> {
    Folder(Folder),
    File(Source<'s>),
}

#[derive(Default)]
struct Folder {
    children: Vec<usize>,
    /// The children by their folded names.
    by_name: HashMap<String, usize>,
}

impl Node<'_> {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

impl<'s> Tree<'s> {
    /// The tree of items.
    pub(crate) fn of(items: &'s [Item]) -> Result<Self, FatError> {
        let root = Node { path: String::new(), stamp: Stamp::of(None), kind: Kind::Folder(Folder::default()) };
        let mut tree = Self { nodes: vec![root] };
        for item in items {
            let source = match &item.kind {
                ItemKind::Folder => None,
                ItemKind::Link(_) => {
                    let why = "is a symbolic link, which FAT does not have".into();
                    return Err(FatError::Name { name: item.target.clone(), why });
                }
                ItemKind::Text { bytes, .. } => Some(Source::Bytes(bytes)),
                ItemKind::File { path, size, .. } => Some(Source::File { path, size: *size }),
            };
            tree.add(&item.target, source, Stamp::of(item.attributes.time))?;
        }
        Ok(tree)
    }

    /// Adds a file or, without a source, a directory, and the directories above it.
    pub(crate) fn add(&mut self, path: &str, source: Option<Source<'s>>, stamp: Stamp) -> Result<(), FatError> {
        let mut parent = 0;
        for folder in crate::keep::parents(path) {
            parent = self.child(parent, folder, None, None)?;
        }
        if source.is_some_and(|source| source.size() > MAX_FILE) {
            return Err(FatError::TooLarge(path.to_owned()));
        }
        self.child(parent, path, source, Some(stamp)).map(drop)
    }

    /// The child of a directory with the last name of a path, which is made if it is not there.
    fn child(
        &mut self,
        parent: usize,
        path: &str,
        source: Option<Source<'s>>,
        stamp: Option<Stamp>,
    ) -> Result<usize, FatError> {
        let number = self.nodes.len();
        let name = path.rsplit('/').next().unwrap_or_default();
        let key = fold(name);
        let Some(Kind::Folder(folder)) = self.nodes.get_mut(parent).map(|node| &mut node.kind) else {
            return Err(FatError::Damaged("a directory is missing".into()));
        };
        if let Some(known) = folder.by_name.get(&key).copied() {
            // Directories whose names FAT takes for one are one.
            return match self.nodes.get_mut(known) {
                Some(Node { kind: Kind::Folder(_), stamp: own, .. }) if source.is_none() => {
                    if let Some(stamp) = stamp {
                        *own = stamp;
                    }
                    Ok(known)
                }
                other => {
                    let one = other.map(|node| node.path.clone()).unwrap_or_default();
                    Err(FatError::Collision { one, other: path.to_owned() })
                }
            };
        }
        names::check(name).map_err(|error| error.at(path))?;
        folder.by_name.insert(key, number);
        folder.children.push(number);
        let kind = source.map_or_else(|| Kind::Folder(Folder::default()), Kind::File);
        self.nodes.push(Node { path: path.to_owned(), stamp: stamp.unwrap_or(Stamp::of(None)), kind });
        Ok(number)
    }

    /// Gives everything but the root directory its clusters, in order, and writes it. Returns the entries of the root directory, which
    /// has `taken` bytes of others before them.
    ///
    /// `there` is the file system that [`Source::There`] means.
    pub(crate) fn plant(
        &self,
        chains: &mut Chains<'_, '_>,
        there: Option<&FatFiles<'_>>,
        watch: &dyn Watch,
    ) -> Result<Vec<u8>, FatError> {
        let shorts = self.shorts()?;
        // Directories come first, each before those in it, so that every one knows its own cluster and its parent's.
        let mut places = vec![(0u32, Vec::new()); self.nodes.len()];
        let mut pending = vec![0];
        let mut folders = Vec::new();
        while let Some(number) = pending.pop() {
            let Some(Node { kind: Kind::Folder(folder), .. }) = self.nodes.get(number) else { continue };
            folders.push((number, folder));
            pending.extend(folder.children.iter().rev());
            if number != 0 {
                let chain = chains.take(self.size(folder, &shorts) + 2 * ENTRY as u64)?;
                if let Some(place) = places.get_mut(number) {
                    *place = (chain.first().copied().unwrap_or_default(), chain);
                }
            }
        }
        for (node, place) in self.nodes.iter().zip(&mut places) {
            if let Kind::File(source) = node.kind {
                place.0 = store(source, chains, there, watch)?;
            }
        }
        let mut root = Vec::new();
        for (number, folder) in folders {
            let entries = self.entries(folder, &shorts, &places);
            if number == 0 {
                root = entries;
                continue;
            }
            let (own, chain) = places.get(number).cloned().unwrap_or_default();
            let parent = self.parent_of(number).and_then(|parent| places.get(parent)).map_or(0, |(place, _)| *place);
            chains.fill(&chain, &[folder::dots(own, parent), entries].concat())?;
        }
        Ok(root)
    }

    fn parent_of(&self, number: usize) -> Option<usize> {
        let (above, _) = self.nodes.get(number)?.path.rsplit_once('/')?;
        let mut at = 0;
        for name in above.split('/') {
            let Kind::Folder(folder) = &self.nodes.get(at)?.kind else { return None };
            at = *folder.by_name.get(&fold(name))?;
        }
        Some(at)
    }

    /// The short name of every node, and whether it says all of the name.
    fn shorts(&self) -> Result<Vec<(Short, bool)>, FatError> {
        let mut found = vec![([b' '; 11], false); self.nodes.len()];
        for folder in self.nodes.iter().filter_map(Node::folder) {
            let mut shorts = Shorts::default();
            let named = |number: &usize| (*number, self.nodes.get(*number).map(Node::name).unwrap_or_default());
            let mut long = Vec::new();
            // What is a short name keeps it; the others get what is left.
            for (number, name) in folder.children.iter().map(named) {
                match (shorts.take_plain(name), found.get_mut(number)) {
                    (Some(short), Some(place)) => *place = (short, true),
                    _ => long.push((number, name)),
                }
            }
            for (number, name) in long {
                if let Some(place) = found.get_mut(number) {
                    *place = (shorts.take(name)?, false);
                }
            }
        }
        Ok(found)
    }

    /// Bytes of the entries of a directory, without `.` and `..`.
    fn size(&self, folder: &Folder, shorts: &[(Short, bool)]) -> u64 {
        let count = |number: &usize| {
            let is_plain = shorts.get(*number).is_some_and(|(_, is_plain)| *is_plain);
            folder::count(self.nodes.get(*number).map(Node::name).unwrap_or_default(), is_plain)
        };
        (folder.children.iter().map(count).sum::<usize>() * ENTRY) as u64
    }

    /// Bytes of the entries of the root directory.
    pub(crate) fn root_size(&self) -> Result<u64, FatError> {
        let shorts = self.shorts()?;
        for folder in self.nodes.iter().filter_map(Node::folder) {
            if self.size(folder, &shorts) > ((folder::MAX_ENTRIES - 2) * ENTRY) as u64 {
                let first = folder.children.first().and_then(|number| self.nodes.get(*number));
                return Err(FatError::Folder(first.map(|node| node.path.clone()).unwrap_or_default()));
            }
        }
        Ok(self.nodes.first().and_then(Node::folder).map_or(0, |root| self.size(root, &shorts)))
    }

    fn entries(&self, folder: &Folder, shorts: &[(Short, bool)], places: &[(u32, Vec<u32>)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in &folder.children {
            let (Some(node), Some(short), Some((cluster, _))) =
                (self.nodes.get(*number), shorts.get(*number), places.get(*number))
            else {
                continue;
            };
            let size = match node.kind {
                Kind::Folder(_) => None,
                Kind::File(source) => Some(u32::try_from(source.size()).unwrap_or(u32::MAX)),
            };
            let size = (size.is_none(), size.unwrap_or_default());
            bytes.extend(folder::named(node.name(), *short, size.0, node.stamp, *cluster, size.1));
        }
        bytes
    }
}

impl Node<'_> {
    fn folder(&self) -> Option<&Folder> {
        match &self.kind {
            Kind::Folder(folder) => Some(folder),
            Kind::File(_) => None,
        }
    }
}

/// Gives a file its clusters and fills them; returns the first, 0 for an empty file.
fn store(
    source: Source<'_>,
    chains: &mut Chains<'_, '_>,
    there: Option<&FatFiles<'_>>,
    watch: &dyn Watch,
) -> Result<u32, FatError> {
    let size = source.size();
    if size == 0 {
        return Ok(0);
    }
    let chain = chains.take(size)?;
    match source {
        Source::Bytes(bytes) => copy(&mut &*bytes, size, &chain, chains, watch)?,
        Source::File { path, size } => {
            let named = |error: std::io::Error| std::io::Error::new(error.kind(), format!("{}: {error}", path.shown()));
            copy(&mut item::open(path, size).map_err(named)?, size, &chain, chains, watch)?;
        }
        Source::There { first, size } => {
            let there = there.ok_or_else(|| FatError::Damaged("there is no file system to copy from".into()))?;
            copy(&mut there.read_chain(first, size)?, size, &chain, chains, watch)?;
        }
    }
    chain.first().copied().ok_or(FatError::Full)
}

/// Copies `size` bytes into a chain; the rest of the last cluster is zero.
fn copy(
    source: &mut dyn std::io::Read,
    size: u64,
    chain: &[u32],
    chains: &mut Chains<'_, '_>,
    watch: &dyn Watch,
) -> Result<(), FatError> {
    let cluster = chains.geometry.cluster;
    let at_once = (CHUNK / cluster).max(1) as usize;
    let mut buffer = vec![0; (cluster as usize * at_once).min(size.next_multiple_of(cluster) as usize)];
    let mut left = size;
    let mut rest = chain;
    while left > 0 {
        if watch.is_cancelled() {
            return Err(FatError::Cancelled);
        }
        // Clusters that lie one behind the other are written together.
        let run = (1..=at_once.min(rest.len())).take_while(|count| is_run(rest.get(..*count))).last().unwrap_or(1);
        let (run, others) = rest.split_at_checked(run).unwrap_or((rest, &[]));
        let bytes = (run.len() as u64 * cluster).min(left);
        let whole = buffer.get_mut(..bytes.next_multiple_of(cluster) as usize).unwrap_or_default();
        let (part, padding) = whole.split_at_mut_checked(bytes as usize).ok_or(FatError::Full)?;
        source.read_exact(part)?;
        padding.fill(0);
        let first = run.first().copied().ok_or(FatError::Full)?;
        chains.write_cluster(first, 0, whole)?;
        watch.advance(bytes);
        left -= bytes;
        rest = others;
    }
    Ok(())
}

/// Whether the last of some clusters lies right behind the one before it.
fn is_run(clusters: Option<&[u32]>) -> bool {
    match clusters {
        Some([.., one, next]) => one + 1 == *next,
        _ => true,
    }
}
