//! Images to be written: plain, or packed.

use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use skiff_layout::Bmap;
use skiff_layout::Ranges;
use skiff_tree::Packing;
use skiff_tree::UnpackError;
use skiff_tree::fill;

use crate::Container;
use crate::Device;
use crate::Doubt;
use crate::Layer;
use crate::Refusal;
use crate::Room;
use crate::SourceError;
use crate::block_map;
use crate::container::TAIL;
use crate::contents::Contents;
use crate::contents::HEAD;
use crate::doubt::Judged;
use crate::form::Cancelled;
use crate::form::Form;
use crate::form::Stream;
use crate::form::is_damage;
use crate::form::read_some;
use skiff_text::Shown as _;

/// Bytes of the end of a packed image that are looked at.
const FOOTER: usize = 512;

/// An image in a file, of known size.
#[derive(Debug)]
pub struct ImageSource {
    path: PathBuf,
    map_path: Option<PathBuf>,
    file: File,
    form: Form,
    /// Bytes of the image itself; zeros follow until `size`.
    length: u64,
    /// Its size in bytes, unpacked, in whole sectors of the medium.
    pub size: u64,
    /// What of it matters; everything where nobody knows.
    pub mapped: Ranges,
    /// The digests of what matters, if they are known.
    pub map: Option<Bmap>,
    /// What to tell about it.
    pub notes: Vec<Note>,
    /// What to ask about it.
    pub doubts: Vec<Doubt>,
}

/// Something to know about an image that keeps nobody from writing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// The format's own tool says the same.
    #[error("{count} bytes behind the end of the {layer} data are ignored")]
    Trailing {
        /// How many.
        count: u64,
        /// The format.
        layer: Layer,
    },
    /// Nothing tells whether the map beside it still fits.
    #[error(
        "the block map beside it has no checksums and is not used: the image may have changed since; --bmap names it"
    )]
    UncheckedMap,
    /// A user who cannot change the image can change the map beside it.
    #[error("a block map beside it is not used: users who cannot change the image can change the map; --bmap names it")]
    ForeignMap,
    /// The map beside it leaves out what is there.
    #[error("the block map beside it is not used: it leaves out the data at byte {0}, so the image has changed since")]
    StaleMap(u64),
    /// It is filled up.
    #[error("the image ends in the middle of a sector; {0} zero bytes are written behind it")]
    Padded(u64),
}

/// Fills a buffer with the next bytes of an image.
pub(crate) type Fill<'f> = &'f mut dyn FnMut(&mut [u8]) -> io::Result<()>;

impl ImageSource {
    /// Opens an image that is to be written to a medium, and the map beside it (`IMAGE.bmap`, or `NAME.bmap` beside
    /// `NAME.img.xz`) or the one that is named. A packed one without a map is unpacked once to know its size, no further than
    /// there is room, which also finds out whether it is whole.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn open(
        path: &Path,
        map: Option<&Path>,
        room: Room,
        is_cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, SourceError> {
        let shown = path.shown().to_string();
        let failed = |source| SourceError::Io { path: shown.clone(), source };
        let file = open_file(path)?;
        let named = map.is_some();
        let block_map::Found { map: found, has_foreign } = block_map::find(path, &file, map)?;
        let is_unchecked = |(_, map): &(PathBuf, Bmap)| map.ranges.iter().any(|(_, digest)| digest.is_none());
        let is_ignored = !named && found.as_ref().is_some_and(is_unchecked);
        let (beside, map) = found.filter(|_| !is_ignored).unzip();
        let form = Form::of(&file, is_cancelled).map_err(failed)?;
        let opened = Opened { path, file: &file, form, room: room.size, is_cancelled };
        let look = match Stream::open(&file, form, is_cancelled).map_err(failed)? {
            None => opened.plain()?,
            Some(stream) => opened.unpacked(stream, map.as_ref())?,
        };
        if let (Some(map), Some(path)) = (&map, &beside)
            && map.image_size != look.length
        {
            return Err(SourceError::OtherMap {
                path: path.shown().to_string(),
                map: map.image_size,
                image: look.length,
            });
        }
        if look.length == 0 {
            return Err(SourceError::Empty { path: shown });
        }
        let outside = match (&map, form) {
            (Some(map), Form::Plain) => {
                data_outside(&file, &map.mapped(), look.length, is_cancelled).map_err(|source| opened.error(source))?
            }
            _ => None,
        };
        let (map, beside) = match outside {
            Some(at) if named => return Err(SourceError::StaleMap { path: shown, at }),
            Some(_) => (None, None),
            None => (map, beside),
        };
        let size = look.length.next_multiple_of(u64::from(room.sector.max(512)));
        let mut mapped = map.as_ref().map(Bmap::mapped).unwrap_or_default();
        if map.is_none() {
            mapped.add(0..size);
        }
        if mapped.iter().any(|range| range.end == look.length) {
            mapped.add(look.length..size);
        }
        let mut notes = look.notes;
        if is_ignored {
            notes.push(Note::UncheckedMap);
        }
        if has_foreign {
            notes.push(Note::ForeignMap);
        }
        notes.extend(outside.map(Note::StaleMap));
        if size > look.length {
            notes.push(Note::Padded(size - look.length));
        }
        // A map says what belongs to the image, and packed data whether it is whole.
        let plain = (form == Form::Plain && map.is_none()).then_some(&file);
        let doubts = Judged { head: &look.head, size: look.length, plain, room }.doubts();
        Ok(Self {
            path: path.to_owned(),
            map_path: beside,
            file,
            form,
            length: look.length,
            size,
            mapped,
            map,
            notes,
            doubts,
        })
    }

    /// Takes an image that was made just now.
    ///
    /// # Errors
    /// Those of the system.
    pub fn of_image(path: &Path, image: &crate::Image) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            map_path: None,
            file: image.file.try_clone()?,
            form: Form::Plain,
            length: image.size,
            size: image.size,
            mapped: image.mapped.clone(),
            map: None,
            notes: Vec::new(),
            doubts: Vec::new(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks that writing to a device does not destroy the image or its map.
    ///
    /// # Errors
    /// [`Refusal::Source`].
    pub fn check_apart(&self, device: &Device) -> Result<(), Refusal> {
        let is_lost = self.file.metadata().is_ok_and(|metadata| device.holds(&metadata));
        let map = self.map_path.as_ref().filter(|path| path.metadata().is_ok_and(|metadata| device.holds(&metadata)));
        match is_lost.then_some(&self.path).or(map) {
            Some(path) => {
                Err(Refusal::Source { name: device.path.shown().to_string(), source_path: path.shown().to_string() })
            }
            None => Ok(()),
        }
    }

    /// Calls `chunk` with what matters, in rising order, in pieces of up to `step` bytes that end at its multiples, and at
    /// `edge`. It is to call the function that it gets once, with a buffer of the length that it gets.
    pub(crate) fn chunks(
        &self,
        edge: u64,
        step: u64,
        is_cancelled: Cancelled<'_>,
        chunk: &mut dyn FnMut(u64, Fill<'_>, u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut stream = Stream::open(&self.file, self.form, is_cancelled)?;
        let mut at = 0;
        for range in self.mapped.iter() {
            let mut start = range.start;
            while start < range.end {
                let mut length = (step - start % step).min(range.end - start);
                if start < edge {
                    length = length.min(edge - start);
                }
                // What follows the image is zero.
                let own = self.length.saturating_sub(start).min(length);
                let own = usize::try_from(own).unwrap_or(usize::MAX);
                match &mut stream {
                    None => chunk(
                        start,
                        &mut |buffer| match buffer.get_mut(..own) {
                            Some(buffer) => self.file.read_exact_at(buffer, start),
                            None => Ok(()),
                        },
                        length,
                    )?,
                    Some(stream) => {
                        stream.skip_zeros(at, start.saturating_sub(at))?;
                        chunk(
                            start,
                            &mut |buffer| match buffer.get_mut(..own) {
                                Some(buffer) => stream.read_exact(buffer),
                                None => Ok(()),
                            },
                            length,
                        )?;
                        at = start + own as u64;
                    }
                }
                start += length;
            }
        }
        if let Some(stream) = &mut stream {
            stream.skip_zeros(at, self.length.saturating_sub(at))?;
            if stream.read(&mut [0])? != 0 {
                let message = format!("it unpacks to more than {} bytes", self.length);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        Ok(())
    }
}

/// Returns where an image has data that its map leaves out: whoever wrote by the map would lose it. Holes are not read.
fn data_outside(file: &File, mapped: &Ranges, length: u64, is_cancelled: Cancelled<'_>) -> io::Result<Option<u64>> {
    let mut buffer = vec![0; 1 << 20];
    let ends = mapped.iter().map(|range| range.end.min(length));
    let starts = mapped.iter().map(|range| range.start.min(length)).chain([length]);
    for (mut at, end) in [0].into_iter().chain(ends).zip(starts) {
        while at < end {
            match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(at)) {
                Ok(data) => at = at.max(data),
                Err(rustix::io::Errno::NXIO) => return Ok(None),
                // A file system without holes.
                Err(_) => {}
            }
            if is_cancelled() {
                return Err(io::Error::other("cancelled"));
            }
            let part = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX).min(buffer.len());
            let part = buffer.get_mut(..part).unwrap_or_default();
            file.read_exact_at(part, at)?;
            if let Some(first) = part.iter().position(|byte| *byte != 0) {
                return Ok(Some(at + first as u64));
            }
            at += part.len() as u64;
        }
    }
    Ok(None)
}

/// A file whose contents are looked at.
struct Opened<'o> {
    path: &'o Path,
    file: &'o File,
    form: Form,
    room: u64,
    is_cancelled: Cancelled<'o>,
}

/// What was seen.
struct Look {
    length: u64,
    head: Vec<u8>,
    notes: Vec<Note>,
}

impl Opened<'_> {
    fn plain(&self) -> Result<Look, SourceError> {
        let length = self.file.metadata().map_err(|source| self.error(source))?.len();
        let mut head = vec![0; HEAD];
        let count = read_some(self.file, 0, &mut head).map_err(|source| self.error(source))?;
        head.truncate(count);
        let mut tail = vec![0; TAIL];
        let at = length.saturating_sub(TAIL as u64);
        let count = read_some(self.file, at, &mut tail).map_err(|source| self.error(source))?;
        tail.truncate(count);
        self.check(&head, &tail)?;
        Ok(Look { length, head, notes: Vec::new() })
    }

    fn unpacked(&self, mut stream: Stream<'_>, map: Option<&Bmap>) -> Result<Look, SourceError> {
        let too_large = || SourceError::TooLarge { path: self.path.shown().to_string(), room: self.room };
        let mut head = vec![0; HEAD];
        let count = fill(&mut stream, &mut head).map_err(|source| self.error(source))?;
        head.truncate(count);
        self.check(&head, head.get(head.len().saturating_sub(FOOTER)..).unwrap_or_default())?;
        if let Some(map) = map {
            return match map.image_size > self.room {
                true => Err(too_large()),
                false => Ok(Look { length: map.image_size, head, notes: Vec::new() }),
            };
        }
        let mut length = head.len() as u64;
        let mut tail = head.clone();
        let mut buffer = vec![0; HEAD];
        loop {
            if length > self.room {
                return Err(too_large());
            }
            let count = stream.read(&mut buffer).map_err(|source| self.error(source))?;
            if count == 0 {
                break;
            }
            length += count as u64;
            tail.extend_from_slice(buffer.get(..count).unwrap_or_default());
            tail.drain(..tail.len().saturating_sub(FOOTER));
        }
        self.check(&[], tail.get(tail.len().saturating_sub(FOOTER)..).unwrap_or_default())?;
        let file_length = self.file.metadata().map_err(|source| self.error(source))?.len();
        let trailing =
            |end: u64| Some(Note::Trailing { count: file_length.checked_sub(end)?, layer: self.form.layer()? });
        Ok(Look { length, head, notes: stream.end().and_then(trailing).into_iter().collect() })
    }

    /// Refuses what must not be written as it is.
    fn check(&self, head: &[u8], tail: &[u8]) -> Result<(), SourceError> {
        let nested = match self.form {
            Form::Plain => None,
            _ => Packing::of(head).map(Container::PackedTwice),
        };
        let unknown = || match Contents::of(head).is_known {
            true => None,
            false => Container::of_unknown(head),
        };
        match nested.or_else(|| Container::of(head, tail)).or_else(unknown) {
            Some(container) => {
                Err(SourceError::Container { path: self.path.shown().to_string(), layer: self.form.layer(), container })
            }
            None => Ok(()),
        }
    }

    fn error(&self, source: io::Error) -> SourceError {
        let path = self.path.shown().to_string();
        match (UnpackError::of(&source), self.form) {
            _ if (self.is_cancelled)() => SourceError::Cancelled,
            (Some(UnpackError::Truncated(_)), _) => SourceError::Damaged { path, source },
            (Some(source), Form::Packed(packing)) => SourceError::Unpack { path, packing, source },
            _ if self.form != Form::Plain && is_damage(&source) => SourceError::Damaged { path, source },
            _ => SourceError::Io { path, source },
        }
    }
}

fn open_file(path: &Path) -> Result<File, SourceError> {
    let shown = path.shown().to_string();
    let failed = |source| SourceError::Io { path: shown.clone(), source };
    // A pipe would be waited for.
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = File::options().read(true).custom_flags(flags).open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(SourceError::NotFile { path: shown });
    }
    // Not every file system has locks; then nobody else holds one, either.
    match skiff_file::hold_shared(&file) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Err(SourceError::Busy { path: shown }),
        _ => Ok(file),
    }
}
