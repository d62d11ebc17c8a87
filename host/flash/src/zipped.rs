//! The one file of a zip archive, read from its start to its end.

use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;

use skiff_tree::Packing;
use skiff_tree::Unpacked;

use crate::form::Cancelled;
use crate::form::memory;

/// Bytes that are read to find the one file of an archive. An archive of a system's image has a few entries of about 100 bytes.
const MAX_DIRECTORY: u64 = 16 << 20;

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
    /// Returns the only file of an archive; `None` if there are none or several, if it cannot be unpacked here, or if its directory
    /// is larger than [`MAX_DIRECTORY`].
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn find(file: &File, is_cancelled: Cancelled<'_>) -> io::Result<Option<Self>> {
        let mut file = file.try_clone()?;
        file.rewind()?;
        let bounded = Bounded { file, left: MAX_DIRECTORY, is_cancelled };
        let Ok(mut archive) = zip::ZipArchive::new(BufReader::new(bounded)) else { return Ok(None) };
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

/// The file of an archive, of which only so much is read: the directory is kept in memory, several times its size.
struct Bounded<'c> {
    file: File,
    left: u64,
    is_cancelled: Cancelled<'c>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || (self.is_cancelled)() {
            return Err(io::Error::other("the directory is too large, or the user asked to stop"));
        }
        let count = self.file.read(buffer)?;
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

impl Seek for Bounded<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn archive(directories: usize) -> File {
        let mut archive = zip::ZipWriter::new(tempfile::tempfile().unwrap());
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for number in 0..directories {
            archive.add_directory(format!("directory with a rather long name {number:0200}"), options).unwrap();
        }
        archive.start_file("disk.img", options).unwrap();
        archive.write_all(b"image").unwrap();
        archive.finish().unwrap()
    }

    #[test]
    fn the_directory_of_an_archive_is_read_within_bounds() {
        assert!(Zipped::find(&archive(10), &|| false).unwrap().is_some());
        assert_eq!(Zipped::find(&archive(60_000), &|| false).unwrap(), None);
        assert_eq!(Zipped::find(&archive(10), &|| true).unwrap(), None, "the user wants to stop");
    }
}
