//! A change of a medium that may be cut off anywhere.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use crate::Disk;
use crate::Watch;

/// Bytes that are copied at a time.
const CHUNK: u64 = 1 << 20;

/// What is written to a medium, in steps: all of a step is on the medium before the next one begins. Whoever made it saw to it
/// that the medium is good after every single write.
#[derive(Debug, Default)]
pub struct Update {
    steps: Vec<Step>,
}

/// Writes whose order among each other does not matter.
#[derive(Debug, Default)]
pub(crate) struct Step {
    writes: Vec<Write>,
}

#[derive(Debug)]
struct Write {
    /// Where on the medium.
    at: u64,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Bytes(Vec<u8>),
    /// A part of a file, such as an overlay over the medium.
    Part {
        file: File,
        from: u64,
        length: u64,
    },
}

impl Step {
    pub(crate) fn bytes(&mut self, at: u64, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.writes.push(Write { at, source: Source::Bytes(bytes) });
        }
    }

    /// Takes `range` of a file, written at the same distance from `origin`.
    pub(crate) fn part(&mut self, origin: u64, file: &File, range: Range<u64>) -> io::Result<()> {
        let source = Source::Part { file: file.try_clone()?, from: range.start, length: range.end - range.start };
        self.writes.push(Write { at: origin + range.start, source });
        Ok(())
    }
}

impl Write {
    fn length(&self) -> u64 {
        match &self.source {
            Source::Bytes(bytes) => bytes.len() as u64,
            Source::Part { length, .. } => *length,
        }
    }
}

impl Update {
    pub(crate) fn push(&mut self, step: Step) {
        if !step.writes.is_empty() {
            self.steps.push(step);
        }
    }

    /// Bytes that it writes.
    pub fn total(&self) -> u64 {
        self.steps.iter().flat_map(|step| &step.writes).map(Write::length).sum()
    }

    /// Whether it writes within `window` only.
    pub fn stays_within(&self, window: &Range<u64>) -> bool {
        let inside = |write: &Write| write.at >= window.start && write.at + write.length() <= window.end;
        self.steps.iter().flat_map(|step| &step.writes).all(inside)
    }

    /// Writes it. Not to be cancelled: it is short, and good at any point.
    ///
    /// # Errors
    /// Those of the medium.
    pub fn commit(&self, disk: &dyn Disk, watch: &dyn Watch) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK as usize];
        for step in &self.steps {
            for write in &step.writes {
                match &write.source {
                    Source::Bytes(bytes) => {
                        disk.write_at(write.at, bytes)?;
                        watch.advance(bytes.len() as u64);
                    }
                    Source::Part { file, from, length } => {
                        let mut done = 0;
                        while done < *length {
                            let size = CHUNK.min(length - done);
                            let part = buffer.get_mut(..size as usize).unwrap_or_default();
                            read_full(file, from + done, part)?;
                            disk.write_at(write.at + done, part)?;
                            watch.advance(size);
                            done += size;
                        }
                    }
                }
            }
            disk.flush()?;
        }
        Ok(())
    }
}

/// Reads what there is; what is behind the end of a file is zero.
pub(crate) fn read_full(file: &File, at: u64, buffer: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at + done as u64)? {
            0 => {
                rest.fill(0);
                return Ok(());
            }
            count => done += count,
        }
    }
    Ok(())
}
