//! Unpacking streams, with bounds: gzip, xz, LZMA, Zstandard, bzip2 and LZ4.

use std::fmt;
use std::io;
use std::io::Read;

use liblzma::stream::Stream;

use crate::peek::Peek;

/// Bytes that tell the formats apart.
const MAGIC: usize = 14;

/// The longest header of a Zstandard frame.
const ZSTD_HEADER: usize = 18;

/// The compression of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// gzip (RFC 1952), one member or more.
    Gzip,
    /// xz, one stream or more.
    Xz,
    /// What xz wrote before: `.lzma`.
    Lzma,
    /// Zstandard (RFC 8878), one frame or more.
    Zstd,
    /// bzip2, one stream or more.
    Bzip2,
    /// LZ4 frames.
    Lz4,
}

impl Packing {
    /// Returns the compression of a stream that starts so. Frames that decoders skip (pzstd, LZ4) are to be left out first:
    /// see [`skippable`].
    pub fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Some(Self::Bzip2),
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Self::Lz4),
            _ => is_lzma(start).then_some(Self::Lzma),
        }
    }

    /// Whether the format's own tool ignores bytes behind the end that belong to no further stream.
    fn ignores_garbage(self) -> bool {
        matches!(self, Self::Gzip | Self::Bzip2 | Self::Lz4)
    }

    /// Whether frames to be skipped may stand in it.
    fn has_skippable(self) -> bool {
        matches!(self, Self::Zstd | Self::Lz4)
    }

    /// The program that unpacks it.
    pub fn tool(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Lzma => "xz --format=lzma",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Lz4 => "lz4",
        }
    }
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Lzma => "LZMA",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Lz4 => "LZ4",
        })
    }
}

/// Returns the length of the frame that starts so, if it is one that decoders of Zstandard and LZ4 skip.
pub fn skippable(start: &[u8]) -> Option<u64> {
    let [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, ..] = *start else { return None };
    Some(8 + u64::from(u32::from_le_bytes([a, b, c, d])))
}

/// `.lzma` has no magic. xz takes a file for one whose dictionary is 2^n or 2^n + 2^(n-1) bytes and whose size is unknown or
/// below 256 GiB; everyone writes the properties 0x5d, and the coder starts with a zero.
fn is_lzma(start: &[u8]) -> bool {
    let Some([0x5d, header @ .., 0]) = start.first_chunk::<MAGIC>() else { return false };
    let Some((dictionary, size)) = header.split_first_chunk::<4>() else { return false };
    let dictionary = u32::from_le_bytes(*dictionary);
    let size = size.first_chunk::<8>().map_or(0, |size| u64::from_le_bytes(*size));
    let low = dictionary & dictionary.wrapping_neg();
    let is_round = dictionary == low || dictionary == low | (low << 1);
    dictionary >= 4096 && is_round && (size == u64::MAX || size > 0 && size < 1 << 38)
}

/// Why a stream is not unpacked. It is inside the [`io::Error`] of a reader of [`Unpacked`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// It takes more memory than it may.
    #[error("unpacking it takes {} MiB of memory, and the limit is {} MiB", needs.div_ceil(1 << 20), limit >> 20)]
    Window {
        /// What it takes, in bytes.
        needs: u64,
        /// What it may take.
        limit: u64,
    },
    /// It takes more memory than it may, and does not say how much.
    #[error("unpacking it takes more than {} MiB of memory, which is the limit", limit >> 20)]
    Memory {
        /// What it may take.
        limit: u64,
    },
    /// Something stands behind it.
    #[error("the {packing} data ends at byte {at}, and what follows is not {packing} data")]
    Trailing {
        /// The format.
        packing: Packing,
        /// Where its data ends.
        at: u64,
    },
    /// It is something else.
    #[error("it is not {0} data")]
    Form(Packing),
    /// It ends too early.
    #[error("the {0} data ends too early")]
    Truncated(Packing),
}

impl UnpackError {
    /// The error of a read, if it is one of these.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref()).copied()
    }
}

impl From<UnpackError> for io::Error {
    fn from(error: UnpackError) -> Self {
        let kind = match error {
            UnpackError::Truncated(_) => io::ErrorKind::UnexpectedEof,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

/// Reads what a stream holds, in a bounded amount of memory. How much that comes to is for the reader to bound.
pub struct Unpacked<'r, R> {
    packing: Packing,
    memory: u64,
    state: State<'r, R>,
    is_first: bool,
    end: Option<u64>,
}

enum State<'r, R> {
    Inside(Box<dyn Section<R> + Send + 'r>),
    Between(Peek<R>),
    Over,
}

impl<'r, R: Read + Send + 'r> Unpacked<'r, R> {
    /// Unpacks what `reader` reads. `memory` bounds what a decoder keeps (the dictionary or window), in bytes.
    pub fn new(packing: Packing, reader: R, memory: u64) -> Self {
        Self { packing, memory, state: State::Between(Peek::new(reader)), is_first: true, end: None }
    }
}

impl<R: Read> Unpacked<'_, R> {
    /// Where the packed data ends, if bytes follow that belong to nothing and that the format's own tool ignores. Known when
    /// everything has been read.
    pub fn end(&self) -> Option<u64> {
        self.end
    }
}

impl<'r, R: Read + Send + 'r> Read for Unpacked<'r, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::Over => return Ok(0),
                State::Between(mut input) => {
                    if self.next(&mut input)? {
                        self.state = State::Inside(section(self.packing, input, self.memory)?);
                    }
                }
                State::Inside(mut section) => match section.read(buffer).map_err(|error| self.explained(error))? {
                    0 => self.state = State::Between(section.into_input()),
                    count => {
                        self.state = State::Inside(section);
                        return Ok(count);
                    }
                },
            }
        }
    }
}

impl<R: Read> Unpacked<'_, R> {
    /// Whether another member, stream or frame follows.
    fn next(&mut self, input: &mut Peek<R>) -> io::Result<bool> {
        let packing = self.packing;
        while packing.has_skippable()
            && let Some(length) = skippable(input.peek(8)?)
        {
            if input.skip(length)? < length {
                return Err(UnpackError::Truncated(packing).into());
            }
        }
        let start = input.peek(ZSTD_HEADER)?;
        let is_one = match packing {
            // One stream is all.
            Packing::Lzma => self.is_first,
            _ => Packing::of(start) == Some(packing),
        };
        if is_one {
            if let Some(needs) = window(start).filter(|needs| packing == Packing::Zstd && *needs > self.memory) {
                return Err(UnpackError::Window { needs, limit: self.memory }.into());
            }
            self.is_first = false;
            return Ok(true);
        }
        if start.is_empty() {
            return match self.is_first {
                true => Err(UnpackError::Truncated(packing).into()),
                false => Ok(false),
            };
        }
        let at = input.position();
        if self.is_first {
            return Err(UnpackError::Form(packing).into());
        }
        if packing.ignores_garbage() {
            self.end = Some(at);
            return Ok(false);
        }
        // Streams of xz are padded with zeros, four at a time.
        if packing == Packing::Xz {
            let zeros = input.skip_zeros()?;
            let start = input.peek(MAGIC)?;
            if zeros.is_multiple_of(4) && (start.is_empty() || zeros > 0 && Packing::of(start) == Some(Packing::Xz)) {
                return Ok(!start.is_empty());
            }
        }
        Err(UnpackError::Trailing { packing, at }.into())
    }

    fn explained(&self, error: io::Error) -> io::Error {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<liblzma::stream::Error>());
        match (inner, error.kind()) {
            (Some(liblzma::stream::Error::MemLimit), _) => UnpackError::Memory { limit: self.memory }.into(),
            (_, io::ErrorKind::UnexpectedEof) => UnpackError::Truncated(self.packing).into(),
            _ => error,
        }
    }
}

/// A member, stream or frame, which ends by itself.
trait Section<R>: Read {
    /// Returns what stands behind it.
    fn into_input(self: Box<Self>) -> Peek<R>;
}

impl<R: Read> Section<R> for flate2::bufread::GzDecoder<Peek<R>> {
    fn into_input(self: Box<Self>) -> Peek<R> {
        self.into_inner()
    }
}

impl<R: Read> Section<R> for liblzma::bufread::XzDecoder<Peek<R>> {
    fn into_input(self: Box<Self>) -> Peek<R> {
        self.into_inner()
    }
}

impl<R: Read> Section<R> for zstd::Decoder<'static, Peek<R>> {
    fn into_input(self: Box<Self>) -> Peek<R> {
        self.finish()
    }
}

impl<R: Read> Section<R> for bzip2::bufread::BzDecoder<Peek<R>> {
    fn into_input(self: Box<Self>) -> Peek<R> {
        self.into_inner()
    }
}

/// A frame of LZ4. Its decoder takes the end of the input for the end of the frame.
struct Lz4<R: Read> {
    decoder: lz4_flex::frame::FrameDecoder<Peek<R>>,
}

impl<R: Read> Read for Lz4<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.decoder.read(buffer)? {
            0 if self.decoder.get_ref().has_ended() => Err(io::ErrorKind::UnexpectedEof.into()),
            count => Ok(count),
        }
    }
}

impl<R: Read> Section<R> for Lz4<R> {
    fn into_input(self: Box<Self>) -> Peek<R> {
        self.decoder.into_inner()
    }
}

fn section<'r, R: Read + Send + 'r>(
    packing: Packing,
    input: Peek<R>,
    memory: u64,
) -> io::Result<Box<dyn Section<R> + Send + 'r>> {
    Ok(match packing {
        Packing::Gzip => Box::new(flate2::bufread::GzDecoder::new(input)),
        Packing::Xz => Box::new(liblzma::bufread::XzDecoder::new_stream(input, Stream::new_stream_decoder(memory, 0)?)),
        Packing::Lzma => Box::new(liblzma::bufread::XzDecoder::new_stream(input, Stream::new_lzma_decoder(memory)?)),
        Packing::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(input)?.single_frame();
            decoder.window_log_max(memory.ilog2().clamp(10, 31))?;
            Box::new(decoder)
        }
        Packing::Bzip2 => Box::new(bzip2::bufread::BzDecoder::new(input)),
        Packing::Lz4 => Box::new(Lz4 { decoder: lz4_flex::frame::FrameDecoder::new(input) }),
    })
}

/// The bytes of what it has unpacked that a decoder of a Zstandard frame has to keep (RFC 8878, 3.1.1.1).
fn window(frame: &[u8]) -> Option<u64> {
    let [_, _, _, _, flags, rest @ ..] = frame else { return None };
    let byte = |at: usize| rest.get(at).copied().map(u64::from);
    if flags & 0x20 == 0 {
        let window = byte(0)?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some(base + base / 8 * (window & 7));
    }
    // One segment: all of it.
    let dictionary = [0, 1, 2, 4].get(usize::from(flags & 3)).copied()?;
    let (length, plus) = match flags >> 6 {
        0 => (1, 0),
        1 => (2, 256),
        2 => (4, 0),
        _ => (8, 0),
    };
    (0..length).rev().try_fold(0_u64, |size, at| Some(size << 8 | byte(dictionary + at)?))?.checked_add(plus)
}

/// Fills a buffer as far as a reader has bytes; returns how many.
///
/// # Errors
/// Those of the reader.
pub fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
