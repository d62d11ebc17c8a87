//! Images: what a plan comes to, as a file.

use std::fs::File;
use std::io;
use std::num::NonZero;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use sha2::Digest as _;
use sha2::Sha256;
use skiff_layout::Bmap;
use skiff_layout::PlacedPartition;
use skiff_layout::Ranges;

use crate::BuildError;
use crate::Item;
use crate::Plan;
use crate::SourceFile;
use crate::Toolbox;
use crate::Watch;
use crate::item;
use crate::volume::Output;
use skiff_text::Shown as _;

/// What is made zero at both ends of a medium, so that nobody finds the table or file system that was there before.
const EDGE: u64 = 1 << 20;

/// Bytes copied at a time.
const CHUNK: u64 = 1 << 20;

/// Bytes of the largest range of a map: several are digested at once.
const PIECE: u64 = 16 << 20;

/// An image in a file, and which of its bytes matter.
#[derive(Debug)]
pub struct Image {
    /// The file. What does not matter is a hole in it.
    pub file: File,
    /// Its size in bytes.
    pub size: u64,
    /// What has to be on the medium, zeros included, in blocks of bmap.
    pub mapped: Ranges,
}

impl Image {
    /// Makes the image of a plan in `file`, the empty file `path`.
    ///
    /// # Errors
    /// [`BuildError`]; the file then holds nothing of use.
    pub fn build(
        plan: &Plan,
        file: File,
        path: &Path,
        toolbox: Toolbox<'_>,
        watch: &dyn Watch,
    ) -> Result<Self, BuildError> {
        let size = plan.placed.medium().size;
        let at = |source| BuildError::Io { path: path.shown().to_string(), source };
        file.set_len(size).map_err(at)?;
        let mut mapped = Ranges::default();
        watch.begin("Making the image", plan.content_size());
        let making = Making { plan, file: &file, path, toolbox, watch };
        // Each is made by a thread of its own: they have nothing in common but the file.
        let made = std::thread::scope(|scope| {
            let threads: Vec<_> = plan
                .placed
                .partitions()
                .iter()
                .zip(plan.items.iter().zip(&plan.blocks))
                .map(|(placed, (items, blocks))| scope.spawn(move || making.partition(placed, items, blocks.as_ref())))
                .collect();
            let failed =
                || BuildError::Io { path: path.shown().to_string(), source: io::Error::other("a thread failed") };
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(failed()))).collect::<Vec<_>>()
        });
        for (made, placed) in made.into_iter().zip(plan.placed.partitions()) {
            mapped.add_moved(&made?, placed.range.start);
        }
        for (placed, source) in plan.placed.raw().iter().zip(&plan.raw) {
            copy_file(source, placed.raw.skip, &file, &placed.range, watch)?;
            mapped.add(placed.range.clone());
        }
        for patch in plan.placed.table(&plan.ids)? {
            file.write_all_at(&patch.bytes, patch.offset).map_err(at)?;
            mapped.add(patch.offset..patch.offset + patch.bytes.len() as u64);
        }
        mapped.add(0..EDGE.min(size));
        mapped.add(size.saturating_sub(EDGE)..size);
        match watch.is_cancelled() {
            true => Err(BuildError::Cancelled),
            false => Ok(Self { file, size, mapped: Bmap::blocks(&mapped, size) }),
        }
    }

    /// The map of what matters, with the digests of what is there.
    ///
    /// # Errors
    /// Those of reading.
    pub fn map(&self) -> io::Result<Bmap> {
        let pieces: Vec<Range<u64>> = self.mapped.iter().flat_map(|range| split(range, PIECE)).collect();
        let next = AtomicUsize::new(0);
        let digests = || {
            let mut found = Vec::new();
            let mut buffer = vec![0; CHUNK as usize];
            // Whoever is free takes the next.
            while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                found.push((piece.clone(), Some(self.digest(piece, &mut buffer)?)));
            }
            Ok::<_, io::Error>(found)
        };
        let count = std::thread::available_parallelism().map_or(1, NonZero::get).min(pieces.len()).max(1);
        let found = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..count).map(|_| scope.spawn(digests)).collect();
            let failed = || io::Error::other("a thread failed");
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(failed()))).collect::<Vec<_>>()
        });
        let mut ranges = Vec::new();
        for found in found {
            ranges.extend(found?);
        }
        ranges.sort_by_key(|(range, _)| range.start);
        Ok(Bmap::new(self.size, ranges))
    }

    fn digest(&self, range: &Range<u64>, buffer: &mut [u8]) -> io::Result<[u8; 32]> {
        let mut digest = Sha256::new();
        // A block that is not whole at the end counts as far as it goes, as for bmaptool.
        for chunk in split(range.clone(), buffer.len() as u64) {
            let part = buffer.get_mut(..(chunk.end - chunk.start) as usize).unwrap_or_default();
            self.file.read_exact_at(part, chunk.start)?;
            digest.update(&*part);
        }
        Ok(digest.finalize().into())
    }
}

/// Cuts a range into pieces of up to `size` bytes.
fn split(range: Range<u64>, size: u64) -> impl Iterator<Item = Range<u64>> {
    let end = range.end;
    range.step_by(size as usize).map(move |start| start..end.min(start + size))
}

/// An image that is being made.
#[derive(Clone, Copy)]
struct Making<'m> {
    plan: &'m Plan,
    file: &'m File,
    path: &'m Path,
    toolbox: Toolbox<'m>,
    watch: &'m dyn Watch,
}

impl Making<'_> {
    /// Makes what is in a partition. Returns which of its bytes matter, counted from its start.
    fn partition(
        &self,
        placed: &PlacedPartition,
        items: &[Item],
        blocks: Option<&SourceFile>,
    ) -> Result<Ranges, BuildError> {
        let Some((volume, new)) = self.plan.volume(placed, items) else { return self.raw(&placed.range, blocks) };
        let output = Output { file: self.file, path: self.path, origin: placed.range.start };
        volume.make(&new, output, self.toolbox, self.watch).map_err(|error| match error.is_cancelled() {
            true => BuildError::Cancelled,
            false => error.of(&placed.partition.label).into(),
        })
    }

    /// Copies a file to a partition without a file system. Its first bytes matter also without a file.
    fn raw(&self, range: &Range<u64>, blocks: Option<&SourceFile>) -> Result<Ranges, BuildError> {
        let mut mapped = Ranges::default();
        mapped.add(0..EDGE.min(range.end - range.start));
        if let Some(source) = blocks {
            copy_file(source, 0, self.file, &(range.start..range.start + source.size), self.watch)?;
            mapped.add(0..source.size);
        }
        Ok(mapped)
    }
}

/// Copies a file to `range` of another, its first `skip` bytes left out.
fn copy_file(
    source: &SourceFile,
    skip: u64,
    to: &File,
    range: &Range<u64>,
    watch: &dyn Watch,
) -> Result<(), BuildError> {
    let failed = |error| BuildError::Io { path: source.path.shown().to_string(), source: error };
    let from = item::open(&source.path, source.size).map_err(failed)?;
    let mut buffer = vec![0; CHUNK as usize];
    let mut at = range.start;
    while at < range.end {
        if watch.is_cancelled() {
            return Err(BuildError::Cancelled);
        }
        let part = buffer.get_mut(..CHUNK.min(range.end - at) as usize).unwrap_or_default();
        from.read_exact_at(part, skip + at - range.start).map_err(failed)?;
        to.write_all_at(part, at).map_err(failed)?;
        at += part.len() as u64;
        watch.advance(part.len() as u64);
    }
    Ok(())
}
