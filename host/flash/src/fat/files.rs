use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::io::Read;
use std::ops::Range;
use std::rc::Rc;

use super::FatError;
use super::chains::Chains;
use super::folder::Entry;
use super::geometry::Geometry;
use super::update::Before;
use super::view::View;
use crate::Disk;
use crate::files::Files;
use crate::files::Node;
use crate::keep::fold;

/// A FAT file system to look into.
pub(crate) struct FatFiles<'d> {
    view: RefCell<View<'d>>,
    geometry: Geometry,
    /// The directories that were read, by their first cluster; 0 is the root.
    known: RefCell<HashMap<u32, Rc<Folder>>>,
}

/// The entries of a directory, and where each folded name is among them.
struct Folder {
    entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
}

impl<'d> FatFiles<'d> {
    /// Opens the one in `window` of a disk.
    pub(crate) fn open(disk: &'d dyn Disk, window: &Range<u64>) -> Result<Self, FatError> {
        Ok(Self::of(disk, window, &Before::read(disk, window)?))
    }

    /// Opens one whose head has been read.
    pub(crate) fn of(disk: &'d dyn Disk, window: &Range<u64>, before: &Before) -> Self {
        let view = View::of(disk, window.start, window.end - window.start, before.head.clone());
        Self { view: view.into(), geometry: before.geometry, known: RefCell::default() }
    }

    pub(crate) fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The entries of a directory that begins with a cluster, 0 being the root, without `.`, `..` and the label.
    pub(crate) fn entries(&self, first: u32) -> Result<Vec<Entry>, FatError> {
        Ok(self.folder(first)?.entries.clone())
    }

    /// What a path names; none if nothing has it.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Entry>, FatError> {
        let mut found: Option<Entry> = None;
        for name in path.split('/') {
            let first = match &found {
                None => 0,
                Some(entry) if entry.is_folder() => entry.cluster(),
                Some(_) => return Ok(None),
            };
            // A directory without clusters is damaged, and not the root.
            if found.is_some() && first == 0 {
                return Err(FatError::Damaged(format!("the directory above `{name}` is nowhere")));
            }
            let folder = self.folder(first)?;
            let Some(entry) = folder.by_name.get(&fold(name)).and_then(|at| folder.entries.get(*at)) else {
                return Ok(None);
            };
            found = Some(entry.clone());
        }
        Ok(found)
    }

    fn folder(&self, first: u32) -> Result<Rc<Folder>, FatError> {
        if let Some(folder) = self.known.borrow().get(&first) {
            return Ok(Rc::clone(folder));
        }
        let mut view = self.view.borrow_mut();
        let mut chains = Chains::new(&mut view, self.geometry);
        let entries = if first == 0 { chains.root_folder()? } else { chains.folder(first)? };
        let entries: Vec<Entry> = entries.into_iter().filter(|entry| !entry.is_dots() && !entry.is_label()).collect();
        let mut by_name = HashMap::new();
        // A long name counts before a short one, and the first of several.
        for name in [Entry::name, Entry::short_name] {
            for (at, entry) in entries.iter().enumerate() {
                by_name.entry(fold(&name(entry))).or_insert(at);
            }
        }
        let folder = Rc::new(Folder { entries, by_name });
        self.known.borrow_mut().insert(first, Rc::clone(&folder));
        Ok(folder)
    }

    /// Reads `size` bytes of the chain that begins with a cluster.
    pub(crate) fn read_chain(&self, first: u32, size: u64) -> Result<impl Read + '_, FatError> {
        let chain = match size {
            0 => Vec::new(),
            _ => Chains::new(&mut self.view.borrow_mut(), self.geometry).chain(first)?,
        };
        if (chain.len() as u64).saturating_mul(self.geometry.cluster) < size {
            return Err(FatError::Damaged("a file is longer than its clusters".into()));
        }
        Ok(ChainReader { files: self, chain, size, at: 0 })
    }
}

impl Files for FatFiles<'_> {
    fn look(&self, path: &str) -> io::Result<Option<Node>> {
        let found = self.find(path).map_err(io_error)?;
        Ok(found.map(|entry| match entry.is_folder() {
            true => Node::Folder,
            false => Node::File { size: entry.size(), mode: None },
        }))
    }

    fn open<'f>(&'f self, path: &str) -> io::Result<Box<dyn Read + 'f>> {
        let entry = self.find(path).map_err(io_error)?.filter(|entry| !entry.is_folder());
        let entry = entry.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(Box::new(self.read_chain(entry.cluster(), entry.size()).map_err(io_error)?))
    }
}

fn io_error(error: FatError) -> io::Error {
    match error {
        FatError::Io(error) => error,
        error => io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
    }
}

struct ChainReader<'f, 'd> {
    files: &'f FatFiles<'d>,
    chain: Vec<u32>,
    size: u64,
    at: u64,
}

impl Read for ChainReader<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let cluster = self.files.geometry.cluster;
        let (number, inside) = ((self.at / cluster) as usize, self.at % cluster);
        let Some(first) = self.chain.get(number).filter(|_| self.at < self.size) else { return Ok(0) };
        // Clusters that lie one behind the other are read together.
        let behind = self.chain.iter().skip(number).zip(*first..).take_while(|(one, other)| *one == other).count();
        let run = behind as u64 * cluster - inside;
        let count = (buffer.len() as u64).min(run).min(self.size - self.at);
        let place = self.files.geometry.place(*first).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        let part = buffer.get_mut(..count as usize).unwrap_or_default();
        self.files.view.borrow_mut().read_at(place + inside, part)?;
        self.at += count;
        Ok(count as usize)
    }
}
