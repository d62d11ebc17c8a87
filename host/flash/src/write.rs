//! Writing an image to a device, and reading it back.

use std::io;
use std::sync::mpsc;

use sha2::Digest as _;
use sha2::Sha256;

use crate::Disk as _;
use crate::ImageSource;
use crate::Refusal;
use crate::Target;
use crate::Watch;
use crate::block_map::MapDigests;

/// Bytes written at a time, and what their places are multiples of: a whole number of erase blocks of cards.
const STEP: u64 = 4 << 20;

/// Buffers on their way from the reader to the writer.
const IN_FLIGHT: usize = 4;

/// What direct access wants buffers to be aligned to.
const ALIGN: usize = 4096;

/// Bytes at the start that are written last: without a table and a boot loader, a medium that was not written to its end does
/// not look whole.
const LAST: u64 = 1 << 20;

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct WriteOptions {
    /// Whether everything is read back and compared.
    pub verify: bool,
    /// Whether the device is told first that nothing on it is needed.
    pub discard: bool,
}

/// Why a device was not written as it should have been.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It would destroy what is to be read; nothing was written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Reading the image failed.
    #[error("reading the image: {0}")]
    Read(io::Error),
    /// Writing failed.
    #[error("writing at byte {at}: {source}")]
    Write {
        /// Where.
        at: u64,
        /// Why.
        source: io::Error,
    },
    /// Reading back failed.
    #[error("reading back at byte {at}: {source}")]
    ReadBack {
        /// Where.
        at: u64,
        /// Why.
        source: io::Error,
    },
    /// What is on the medium is not what was written.
    #[error(
        "what is at byte {at} of the medium is not what was written there: the medium is bad, or no larger than a part of what it says"
    )]
    Differs {
        /// Where.
        at: u64,
    },
    /// The image is not what its map says.
    #[error("the image differs from its block map at byte {at}")]
    Map {
        /// Where.
        at: u64,
    },
    /// The user wants to stop.
    #[error("cancelled; the medium is incomplete")]
    Cancelled,
    /// The user wants to stop when everything has been written.
    #[error("cancelled; everything is written, and not all of it was read back")]
    Unverified,
}

/// A piece of the image that was written.
struct Written {
    at: u64,
    length: usize,
    digest: [u8; 32],
}

/// A piece on its way.
struct Piece {
    at: u64,
    buffer: Buffer,
    digest: [u8; 32],
}

/// Bytes whose place in memory suits direct access.
struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    length: usize,
}

impl Buffer {
    fn new(length: usize) -> Self {
        let bytes = vec![0; length + ALIGN];
        let start = bytes.as_ptr().align_offset(ALIGN).min(ALIGN);
        Self { bytes, start, length }
    }

    fn get(&self) -> &[u8] {
        self.bytes.get(self.start..self.start + self.length).unwrap_or_default()
    }

    fn get_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..self.start + self.length).unwrap_or_default()
    }
}

/// Writes an image. What is there before is lost from the first moment on.
///
/// # Errors
/// [`WriteError`]; unless it is about reading back, the medium then has no partition table.
pub fn write(
    source: &ImageSource,
    target: &Target,
    options: WriteOptions,
    watch: &dyn Watch,
) -> Result<(), WriteError> {
    source.check_apart(target.device())?;
    let total = source.mapped.total();
    watch.begin("Writing", total);
    let first = LAST.min(source.size);
    let wiped = Buffer::new(first as usize);
    let failed = |at: u64| move |source| WriteError::Write { at, source };
    target.write_through(0, wiped.get()).map_err(failed(0))?;
    // The copy of a GPT at the end would bring the old partitions back, where the image is shorter than the medium.
    let end = (target.size() - LAST.min(target.size())).max(source.size);
    if end < target.size() {
        let length = usize::try_from(target.size() - end).unwrap_or_default();
        target.write_at(end, Buffer::new(length).get()).map_err(failed(end))?;
    }
    target.flush().map_err(failed(0))?;
    if options.discard {
        // Many cards cannot do that, which is nothing to speak of.
        let _ = target.discard();
    }
    let mut written = Vec::new();
    let mut last = Vec::new();
    let (sender, receiver) = mpsc::sync_channel::<Piece>(IN_FLIGHT);
    std::thread::scope(|scope| -> Result<(), WriteError> {
        let reader = scope.spawn(move || read(source, &sender, options, watch));
        for piece in receiver {
            written.push(Written { at: piece.at, length: piece.buffer.length, digest: piece.digest });
            if piece.at < LAST {
                last.push(piece);
                continue;
            }
            target.write_through(piece.at, piece.buffer.get()).map_err(failed(piece.at))?;
            watch.advance(piece.buffer.length as u64);
        }
        reader.join().unwrap_or_else(|_| Err(WriteError::Read(io::Error::other("a thread failed"))))
    })?;
    target.flush().map_err(failed(LAST))?;
    for piece in last {
        target.write_through(piece.at, piece.buffer.get()).map_err(failed(piece.at))?;
        watch.advance(piece.buffer.length as u64);
    }
    target.flush().map_err(failed(0))?;
    if options.verify {
        verify(target, &written, total, watch)?;
    }
    Ok(())
}

/// Reads the image ahead of the writer, and takes digests of it.
fn read(
    source: &ImageSource,
    sender: &mpsc::SyncSender<Piece>,
    options: WriteOptions,
    watch: &dyn Watch,
) -> Result<(), WriteError> {
    let mut cancelled = false;
    let mut digests = source.map.as_ref().map(MapDigests::new);
    let result = source.chunks(LAST, STEP, &|| watch.is_cancelled(), &mut |at, fill, length| {
        if watch.is_cancelled() {
            cancelled = true;
            return Err(io::Error::other("cancelled"));
        }
        let mut buffer = Buffer::new(usize::try_from(length).unwrap_or_default());
        fill(buffer.get_mut())?;
        if let Some(digests) = &mut digests {
            digests.take(at, buffer.get())?;
        }
        let digest = if options.verify { Sha256::digest(buffer.get()).into() } else { [0; 32] };
        // If nobody takes it, the writer has stopped, and says why.
        sender.send(Piece { at, buffer, digest }).map_err(io::Error::other)
    });
    match result {
        Err(_) if cancelled || watch.is_cancelled() => Err(WriteError::Cancelled),
        Err(error) => match digests.and_then(|digests| digests.wrong) {
            Some(at) => Err(WriteError::Map { at }),
            None => Err(WriteError::Read(error)),
        },
        Ok(()) => Ok(()),
    }
}

fn verify(target: &Target, written: &[Written], total: u64, watch: &dyn Watch) -> Result<(), WriteError> {
    watch.begin("Verifying", total);
    for piece in written {
        if watch.is_cancelled() {
            return Err(WriteError::Unverified);
        }
        let mut buffer = Buffer::new(piece.length);
        target.read_back(piece.at, buffer.get_mut()).map_err(|source| WriteError::ReadBack { at: piece.at, source })?;
        let digest: [u8; 32] = Sha256::digest(buffer.get()).into();
        if digest != piece.digest {
            return Err(WriteError::Differs { at: piece.at });
        }
        watch.advance(piece.length as u64);
    }
    Ok(())
}
