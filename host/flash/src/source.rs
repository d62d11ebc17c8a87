//! Images to be written: plain, or compressed.

use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Seek as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use skiff_layout::Bmap;
use skiff_layout::Ranges;

use crate::block_map;

/// How an image is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// It is not.
    Plain,
    /// gzip.
    Gzip,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
}

/// An image in a file, of known size.
#[derive(Debug)]
pub struct ImageSource {
    path: PathBuf,
    file: File,
    packing: Packing,
    /// Its size in bytes, unpacked.
    pub size: u64,
    /// What of it matters; everything where nobody knows.
    pub mapped: Ranges,
    /// The digests of what matters, if they are known.
    pub map: Option<Bmap>,
}

/// Why an image cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be read, or is damaged.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Its map is none.
    #[error("{path}: {source}")]
    Map {
        /// Which.
        path: String,
        /// Why.
        source: skiff_layout::BmapError,
    },
    /// A signature lies beside the map, which skiff does not verify.
    #[error("{path} has a signature, {signature}, which skiff does not verify")]
    SignedMap {
        /// The map.
        path: String,
        /// The signature.
        signature: String,
    },
    /// The map is that of another image.
    #[error("{path} is the map of an image of {map} bytes, and the image has {image}")]
    OtherMap {
        /// The map.
        path: String,
        /// The size that it says.
        map: u64,
        /// The size of the image.
        image: u64,
    },
    /// The size is none that a medium can have.
    #[error("{path} has {size} bytes, which is no whole number of sectors")]
    Size {
        /// Which.
        path: String,
        /// Its size.
        size: u64,
    },
}

/// Fills a buffer with the next bytes of an image.
pub(crate) type Fill<'f> = &'f mut dyn FnMut(&mut [u8]) -> io::Result<()>;

impl ImageSource {
    /// Opens an image, and the map beside it (`IMAGE.bmap`, or `NAME.bmap` beside `NAME.img.xz`) or the one that is named. A packed
    /// one without a map is unpacked once to know its size, which also finds out whether it is whole.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn open(path: &Path, map: Option<&Path>, is_cancelled: &dyn Fn() -> bool) -> Result<Self, SourceError> {
        let failed = |source| SourceError::Io { path: path.display().to_string(), source };
        // A pipe would be waited for.
        let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
        let mut file = File::options().read(true).custom_flags(flags).open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is no file")));
        }
        let mut magic = [0; 6];
        let count = file.read(&mut magic).map_err(failed)?;
        file.rewind().map_err(failed)?;
        let packing = match magic.get(..count).unwrap_or_default() {
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Packing::Xz,
            [0x1f, 0x8b, ..] => Packing::Gzip,
            _ => Packing::Plain,
        };
        let (beside, map) = block_map::find(path, map)?.unzip();
        let size = match (packing, &map) {
            (Packing::Plain, _) => file.metadata().map_err(failed)?.len(),
            (_, Some(map)) => map.image_size,
            (_, None) => unpacked_size(unpack(&file, packing).map_err(failed)?, is_cancelled).map_err(failed)?,
        };
        if let (Some(map), Some(path)) = (&map, &beside)
            && map.image_size != size
        {
            return Err(SourceError::OtherMap { path: path.display().to_string(), map: map.image_size, image: size });
        }
        if size == 0 || !size.is_multiple_of(512) {
            return Err(SourceError::Size { path: path.display().to_string(), size });
        }
        let mut mapped = map.as_ref().map(Bmap::mapped).unwrap_or_default();
        if map.is_none() {
            mapped.add(0..size);
        }
        Ok(Self { path: path.to_owned(), file, packing, size, mapped, map })
    }

    /// Takes an image that was made just now.
    ///
    /// # Errors
    /// Those of the system.
    pub fn of_image(path: &Path, image: &crate::Image) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: image.file.try_clone()?,
            packing: Packing::Plain,
            size: image.size,
            mapped: image.mapped.clone(),
            map: None,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Calls `chunk` with what matters, in rising order, in pieces of up to `step` bytes that end at its multiples, and at
    /// `edge`. It is to call the function that it gets once, with a buffer of the length that it gets.
    pub(crate) fn chunks(
        &self,
        edge: u64,
        step: u64,
        chunk: &mut dyn FnMut(u64, Fill<'_>, u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut stream = match self.packing {
            Packing::Plain => None,
            packing => Some(unpack(&self.file, packing)?),
        };
        let mut at = 0;
        for range in self.mapped.iter() {
            let mut start = range.start;
            while start < range.end {
                let mut length = (step - start % step).min(range.end - start);
                if start < edge {
                    length = length.min(edge - start);
                }
                match &mut stream {
                    None => chunk(start, &mut |buffer| self.file.read_exact_at(buffer, start), length)?,
                    Some(stream) => {
                        skip(stream, start - at)?;
                        chunk(start, &mut |buffer| stream.read_exact(buffer), length)?;
                        at = start + length;
                    }
                }
                start += length;
            }
        }
        Ok(())
    }
}

fn unpack(file: &File, packing: Packing) -> io::Result<Box<dyn Read + Send>> {
    let mut file = file.try_clone()?;
    file.rewind()?;
    let file = BufReader::with_capacity(1 << 20, file);
    Ok(match packing {
        Packing::Plain => Box::new(file),
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Packing::Xz => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(file)),
        Packing::Zstd => Box::new(zstd::Decoder::with_buffer(file)?),
    })
}

fn unpacked_size(mut stream: impl Read, is_cancelled: &dyn Fn() -> bool) -> io::Result<u64> {
    let mut buffer = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        if is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        match stream.read(&mut buffer)? {
            0 => return Ok(size),
            count => size += count as u64,
        }
    }
}

fn skip(stream: &mut impl Read, count: u64) -> io::Result<()> {
    match io::copy(&mut stream.take(count), &mut io::sink())? {
        done if done == count => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
