//! How an image lies in its file: plain, packed, or as the only file of a zip archive.

use std::fmt;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek as _;
use std::os::unix::fs::FileExt as _;

use skiff_tree::Packing;
use skiff_tree::Unpacked;
use skiff_tree::skippable;

use crate::zipped::Zipped;

/// Bytes of memory that unpacking may take: what zstd takes without being asked.
const MEMORY: u64 = 128 << 20;

/// Bytes that unpacking xz and LZMA may take. Their tool sets no limit; this is eight times what `xz -9` needs.
const XZ_MEMORY: u64 = 528 << 20;

/// Frames to be skipped at the start of a file; pzstd writes one.
const MAX_SKIPPED: usize = 1000;

/// How an image lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Packed(Packing),
    Zipped(Zipped),
}

impl Form {
    /// Looks at a file.
    pub(crate) fn of(file: &File, is_cancelled: Cancelled<'_>) -> io::Result<Self> {
        let mut at = 0;
        for _ in 0..MAX_SKIPPED {
            let mut start = [0; 16];
            let count = read_some(file, at, &mut start)?;
            let start = start.get(..count).unwrap_or_default();
            match (skippable(start), Packing::of(start)) {
                (Some(length), _) => at = at.saturating_add(length),
                (None, Some(packing @ (Packing::Zstd | Packing::Lz4))) => return Ok(Self::Packed(packing)),
                // Only these two know frames to be skipped.
                (None, Some(packing)) if at == 0 => return Ok(Self::Packed(packing)),
                (None, None) if at == 0 && start.starts_with(b"PK") => {
                    return Ok(Zipped::find(file, is_cancelled)?.map_or(Self::Plain, Self::Zipped));
                }
                _ => break,
            }
        }
        Ok(Self::Plain)
    }

    /// What unpacks it, for messages.
    pub(crate) fn layer(self) -> Option<Layer> {
        match self {
            Self::Plain => None,
            Self::Packed(packing) => Some(Layer::Packing(packing)),
            Self::Zipped(_) => Some(Layer::Zip),
        }
    }
}

/// Bytes of memory that unpacking a format may take.
pub(crate) fn memory(packing: Packing) -> u64 {
    match packing {
        Packing::Xz | Packing::Lzma => XZ_MEMORY,
        _ => MEMORY,
    }
}

/// What an image is packed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// A compressed stream.
    Packing(Packing),
    /// A zip archive.
    Zip,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packing(packing) => packing.fmt(f),
            Self::Zip => f.write_str("zip"),
        }
    }
}

/// Fills a buffer from a place in a file, as far as there are bytes; returns how many.
pub(crate) fn read_some(file: &File, mut at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at) {
            Ok(0) => break,
            Ok(count) => {
                length += count;
                at = at.saturating_add(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A place beyond what a file can have.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => break,
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Asked whether to stop.
pub(crate) type Cancelled<'c> = &'c (dyn Fn() -> bool + Sync);

/// An image that is unpacked as it is read, from its start to its end, no further than it is asked for.
pub(crate) struct Stream<'c> {
    reader: Reader<'c>,
    is_cancelled: Cancelled<'c>,
}

enum Reader<'c> {
    Packed(Unpacked<'c, Stoppable<'c>>),
    Zipped(Box<dyn Read + Send + 'c>),
}

impl<'c> Stream<'c> {
    /// Starts at the beginning; `None` for a plain file.
    pub(crate) fn open(file: &File, form: Form, is_cancelled: Cancelled<'c>) -> io::Result<Option<Self>> {
        let wrap = |file| Stoppable { file, is_cancelled };
        let reader = match form {
            Form::Plain => return Ok(None),
            Form::Packed(packing) => {
                let mut file = file.try_clone()?;
                file.rewind()?;
                Reader::Packed(Unpacked::new(packing, wrap(file), memory(packing)))
            }
            Form::Zipped(zipped) => Reader::Zipped(zipped.reader(file, wrap)?),
        };
        Ok(Some(Self { reader, is_cancelled }))
    }

    /// Where the packed data ends, if something stands behind it that its own tool ignores. Known at the end.
    pub(crate) fn end(&self) -> Option<u64> {
        match &self.reader {
            Reader::Packed(reader) => reader.end(),
            Reader::Zipped(_) => None,
        }
    }

    /// Leaves out `count` bytes behind `at`, which a map says are zeros.
    pub(crate) fn skip_zeros(&mut self, at: u64, count: u64) -> io::Result<()> {
        let mut buffer = vec![0; 1 << 16];
        let mut left = count;
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            match self.read(buffer.get_mut(..part).unwrap_or_default())? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read if buffer.iter().take(read).any(|byte| *byte != 0) => {
                    let at = at + (count - left);
                    let message =
                        format!("the block map leaves out data behind byte {at}: the image has changed since");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, message));
                }
                read => left = left.saturating_sub(read as u64),
            }
        }
        Ok(())
    }
}

/// A small file can have a large image in it, so the question is asked here as well.
impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if (self.is_cancelled)() {
            return Err(io::Error::other("cancelled"));
        }
        match &mut self.reader {
            Reader::Packed(reader) => reader.read(buffer),
            Reader::Zipped(reader) => reader.read(buffer),
        }
    }
}

/// A file that is read no further when it is time to stop: a decoder can read on and on and find nothing.
struct Stoppable<'c> {
    file: File,
    is_cancelled: Cancelled<'c>,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (self.is_cancelled)() {
            true => Err(io::Error::other("cancelled")),
            false => self.file.read(buffer),
        }
    }
}

/// Whether an error is the decoder's, not one of the system's. zstd gives its own no kind.
pub(crate) fn is_damage(error: &io::Error) -> bool {
    error.raw_os_error().is_none()
}
