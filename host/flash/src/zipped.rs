//! The one file of a zip archive, read from its start to its end.

use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Seek as _;
use std::io::SeekFrom;

use skiff_tree::Packing;
use skiff_tree::Unpacked;

use crate::form::memory;

/// The one file of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Zipped {
    start: u64,
    length: u64,
    method: Method,
    size: u64,
    sum: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Stored,
    Deflated,
    Packed(Packing),
}

impl Zipped {
    /// Returns the only file of an archive; `None` if there are none or several, or it cannot be unpacked here.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn find(file: &File) -> io::Result<Option<Self>> {
        let mut file = file.try_clone()?;
        file.rewind()?;
        let Ok(mut archive) = zip::ZipArchive::new(BufReader::new(file)) else { return Ok(None) };
        let mut found = None;
        for index in 0..archive.len() {
            let Ok(entry) = archive.by_index_raw(index) else { return Ok(None) };
            if entry.is_dir() {
                continue;
            }
            let method = match entry.compression() {
                zip::CompressionMethod::Stored => Some(Method::Stored),
                zip::CompressionMethod::DEFLATE => Some(Method::Deflated),
                zip::CompressionMethod::BZIP2 => Some(Method::Packed(Packing::Bzip2)),
                zip::CompressionMethod::ZSTD => Some(Method::Packed(Packing::Zstd)),
                zip::CompressionMethod::XZ => Some(Method::Packed(Packing::Xz)),
                _ => None,
            };
            let (Some(method), Some(start), false, true) =
                (method, entry.data_start(), entry.encrypted(), entry.is_file())
            else {
                return Ok(None);
            };
            let one = Self { start, length: entry.compressed_size(), method, size: entry.size(), sum: entry.crc32() };
            if found.replace(one).is_some() {
                return Ok(None);
            }
        }
        Ok(found)
    }

    /// Reads it through `wrap`, which gets the packed bytes. The checksum is compared at the end.
    pub(crate) fn reader<'r, R: Read + Send + 'r>(
        self,
        file: &File,
        wrap: impl FnOnce(File) -> R,
    ) -> io::Result<Box<dyn Read + Send + 'r>> {
        let mut file = file.try_clone()?;
        file.seek(SeekFrom::Start(self.start))?;
        let packed = wrap(file).take(self.length);
        let reader: Box<dyn Read + Send + 'r> = match self.method {
            Method::Stored => Box::new(packed),
            Method::Deflated => Box::new(flate2::read::DeflateDecoder::new(packed)),
            Method::Packed(packing) => Box::new(Unpacked::new(packing, packed, memory(packing))),
        };
        Ok(Box::new(Checked { reader, zipped: self, sum: crc32fast::Hasher::new(), count: 0 }))
    }
}

/// Compares what is read with the checksum and the size that the archive says.
struct Checked<'r> {
    reader: Box<dyn Read + Send + 'r>,
    zipped: Zipped,
    sum: crc32fast::Hasher,
    count: u64,
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.sum.update(buffer.get(..count).unwrap_or_default());
        self.count += count as u64;
        let is_over = count == 0 && !buffer.is_empty();
        if is_over && (self.count, self.sum.clone().finalize()) != (self.zipped.size, self.zipped.sum) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file in the zip archive has another checksum"));
        }
        Ok(count)
    }
}
