use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use skiff_layout::Ranges;

use super::FatError;
use super::Naming;
use super::chains::Chains;
use super::folder;
use super::folder::ENTRY;
use super::format;
use super::geometry::Geometry;
use super::geometry::Root;
use super::tree::Tree;
use super::view::View;
use crate::Item;
use crate::Watch;

/// A new file system that is worked out: its sizes fit, and FAT can hold its names. Nothing of it is written.
pub(crate) struct Draft<'i> {
    size: u64,
    geometry: Geometry,
    /// What is before the clusters.
    head: Vec<u8>,
    /// The entry of the root directory with the label.
    label: Vec<u8>,
    tree: Tree<'i>,
    /// Bytes of the root directory.
    root_size: u64,
}

impl<'i> Draft<'i> {
    /// Works out a file system of `size` bytes.
    pub(crate) fn of(size: u64, naming: Naming<'_>, items: &'i [Item]) -> Result<Self, FatError> {
        let tree = Tree::of(items)?;
        let (geometry, head) = format::head(size, naming)?;
        let label = folder::label(&naming.padded());
        let root_size = label.len() as u64 + tree.root_size()?;
        if let Root::Area { size: has, .. } = geometry.root
            && root_size > has
        {
            let (kind, entry) = (geometry.width.name(), ENTRY as u64);
            return Err(FatError::RootFolder { kind, needs: root_size / entry, has: has / entry });
        }
        Ok(Self { size, geometry, head, label, tree, root_size })
    }

    /// Writes it to a file that is zero there, from `origin`. Returns which of its bytes matter.
    pub(crate) fn write(self, out: &File, origin: u64, watch: &dyn Watch) -> Result<Ranges, FatError> {
        let Self { size, geometry, head, label, tree, root_size } = self;
        let mut view = View::empty(out, origin, size, head);
        let mut chains = Chains::new(&mut view, geometry);
        let mut entries = label;
        match geometry.root {
            Root::Chain(_) => {
                let chain = chains.take(root_size)?;
                entries.extend(tree.plant(&mut chains, None, watch)?);
                chains.fill(&chain, &entries)?;
            }
            Root::Area { at, .. } => {
                entries.extend(tree.plant(&mut chains, None, watch)?);
                chains.view.write_at(at, &entries)?;
            }
        }
        chains.count_free();
        view.settle()?;
        write_head(out, origin, &view.head)?;
        let mut matters = view.written.clone();
        matters.add(0..geometry.data);
        Ok(matters)
    }
}

/// Writes the head, but for what is zero: the file is zero there, and a large FAT is mostly that.
fn write_head(out: &File, origin: u64, head: &[u8]) -> io::Result<()> {
    const STEP: usize = 64 << 10;
    for (number, chunk) in (0u64..).zip(head.chunks(STEP)) {
        if chunk.iter().any(|byte| *byte != 0) {
            out.write_all_at(chunk, origin + number * STEP as u64)?;
        }
    }
    Ok(())
}
