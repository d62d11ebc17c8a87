//! Putting a tree into one file.

use std::ffi::OsStr;
use std::io;
use std::io::BufWriter;
use std::io::Write;
use std::os::fd::AsFd as _;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use cap_std::fs::Dir;

use crate::Amount;
use crate::MAX_DEPTH;
use crate::PLAIN_MODE;
use crate::TreeError;
use crate::TreePath;
use crate::Watch;
use crate::copy::c_name;
use crate::copy::identity;
use crate::copy::kind;
use crate::copy::open_file;
use crate::copy::open_inner;
use crate::copy::replace;
use crate::entry::Bound;
use crate::entry::Entry;
use crate::entry::Kind;
use crate::entry::sorted;
use crate::watched::Watched;

/// zstd's level: higher ones take many times as long for a few percent.
const ZSTD_LEVEL: i32 = 3;

/// The usual level of xz; it takes 94 MiB of memory.
const XZ_LEVEL: u32 = 6;

/// The form of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// How entries follow each other.
    pub archive: Archive,
    /// How the whole is compressed.
    pub compression: Compression,
}

/// How entries follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archive {
    /// GNU tar.
    Tar,
    /// `newc`, as the kernel takes it for an initramfs.
    Cpio,
}

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip at its usual level, without name or time.
    Gzip,
    /// xz as the kernel can unpack it, with CRC-32.
    Xz,
    /// zstd.
    Zstd,
}

/// Packs what is at a path into a file of another tree, completely or not at all. Entries have the names that they
/// have below the path, are sorted, belong to root and bear the time `epoch` (seconds since 1970).
///
/// # Errors
/// [`TreeError`]; the file is then as it was.
pub fn pack(
    source: &Dir,
    path: &TreePath,
    format: Format,
    epoch: u32,
    into: &Dir,
    to: &TreePath,
    watch: Watch<'_>,
) -> Result<Amount, TreeError> {
    replace(into, to, 0o644, |folder, file| {
        // What is packed must not hold what it is packed into, or grows while it is read.
        let destination = Destination { folder: identity(folder, to.as_str())?, shown: to.to_string() };
        let source = &Source { tree: source, path, destination };
        let writer = BufWriter::with_capacity(1 << 20, file);
        let failed = TreeError::at(to);
        match format.compression {
            Compression::None => {
                let (amount, mut writer) = archive(source, format.archive, epoch, writer, watch)?;
                writer.flush().map(|()| amount).map_err(failed)
            }
            Compression::Gzip => {
                let encoder = flate2::GzBuilder::new().write(writer, flate2::Compression::default());
                let (amount, encoder) = archive(source, format.archive, epoch, encoder, watch)?;
                encoder.finish().and_then(|mut writer| writer.flush()).map(|()| amount).map_err(failed)
            }
            Compression::Xz => {
                let stream = liblzma::stream::Stream::new_easy_encoder(XZ_LEVEL, liblzma::stream::Check::Crc32);
                let stream = stream.map_err(|error| TreeError::at(to)(error.into()))?;
                let encoder = liblzma::write::XzEncoder::new_stream(writer, stream);
                let (amount, encoder) = archive(source, format.archive, epoch, encoder, watch)?;
                encoder.finish().and_then(|mut writer| writer.flush()).map(|()| amount).map_err(failed)
            }
            Compression::Zstd => {
                let encoder = zstd::Encoder::new(writer, ZSTD_LEVEL).map_err(TreeError::at(to))?;
                let (amount, encoder) = archive(source, format.archive, epoch, encoder, watch)?;
                encoder.finish().and_then(|mut writer| writer.flush()).map(|()| amount).map_err(failed)
            }
        }
    })
}

/// What is packed, and the directory that it must not hold.
struct Source<'s> {
    tree: &'s Dir,
    path: &'s TreePath,
    destination: Destination,
}

struct Destination {
    folder: (u64, u64),
    shown: String,
}

fn archive<W: Write>(
    source: &Source<'_>,
    archive: Archive,
    epoch: u32,
    writer: W,
    watch: Watch<'_>,
) -> Result<(Amount, W), TreeError> {
    match archive {
        Archive::Tar => Pack::new(Tar { builder: tar::Builder::new(writer), epoch }, source, watch).run(),
        Archive::Cpio => Pack::new(Cpio { writer, epoch, inode: 0 }, source, watch).run(),
    }
}

/// Something that entries are written to.
trait Sink {
    type Writer;
    fn folder(&mut self, name: &OsStr, mode: u32) -> io::Result<()>;
    fn link(&mut self, name: &OsStr, target: &OsStr) -> io::Result<()>;
    fn file(&mut self, name: &OsStr, mode: u32, size: u64, contents: &mut dyn io::Read) -> io::Result<()>;
    fn finish(self) -> io::Result<Self::Writer>;
}

struct Pack<'w, S> {
    sink: S,
    source: &'w Source<'w>,
    amount: Amount,
    bound: Bound<'w>,
    watch: Watch<'w>,
}

impl<'w, S: Sink> Pack<'w, S> {
    fn new(sink: S, source: &'w Source<'w>, watch: Watch<'w>) -> Self {
        Self { sink, source, amount: Amount::default(), bound: Bound::new(watch), watch }
    }

    fn run(mut self) -> Result<(Amount, S::Writer), TreeError> {
        let Source { tree: source, path, .. } = *self.source;
        match path.split() {
            None => self.folder(source.as_fd(), Path::new(""), 0)?,
            Some((folder, name)) => {
                let folder = source.open_dir(folder.or_dot()).map_err(TreeError::at(path))?;
                let entry = Entry { kind: kind(&folder, name, path)?, name: c_name(name, path)? };
                match entry.kind {
                    Kind::Folder => {
                        let inner = open_inner(&folder, &entry.name, path.as_str())?;
                        self.folder(inner.as_fd(), Path::new(""), 0)?;
                    }
                    _ => self.entry(folder.as_fd(), &entry, Path::new(name), 0)?,
                }
            }
        }
        let amount = self.amount;
        Ok((amount, self.sink.finish().map_err(TreeError::at(path))?))
    }

    fn folder(&mut self, folder: BorrowedFd<'_>, path: &Path, depth: usize) -> Result<(), TreeError> {
        let shown = path.to_string_lossy().into_owned();
        if depth > MAX_DEPTH {
            return Err(TreeError::TooDeep { path: crate::error::tail(&shown) });
        }
        let Destination { folder: destination, shown: into } = &self.source.destination;
        if identity(folder, &shown)? == *destination {
            return Err(TreeError::IntoItself { path: into.clone() });
        }
        for entry in sorted(folder, &shown, &mut self.bound)? {
            let name = path.join(OsStr::from_bytes(entry.name.as_bytes()));
            self.entry(folder, &entry, &name, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, folder: BorrowedFd<'_>, entry: &Entry, path: &Path, depth: usize) -> Result<(), TreeError> {
        (self.watch)()?;
        self.amount.entries += 1;
        let shown = path.to_string_lossy().into_owned();
        let name = path.as_os_str();
        let failed = TreeError::at(&shown);
        match entry.kind {
            Kind::Folder => {
                let inner = open_inner(folder, &entry.name, &shown)?;
                let stat = rustix::fs::fstat(&inner).map_err(TreeError::errno(&shown))?;
                self.sink.folder(name, stat.st_mode & PLAIN_MODE).map_err(failed)?;
                self.folder(inner.as_fd(), path, depth + 1)
            }
            Kind::File => {
                let (mut file, stat) = open_file(folder, &entry.name, &shown)?;
                let size = u64::try_from(stat.st_size).map_err(|_| TreeError::Unfit { path: shown.clone() })?;
                self.amount.bytes += size;
                let mut contents = Watched::new(&mut file, self.watch);
                self.sink.file(name, stat.st_mode & PLAIN_MODE, size, &mut contents).map_err(TreeError::watched(&shown))
            }
            Kind::Link => {
                let target = rustix::fs::readlinkat(folder, &entry.name, Vec::new());
                let target = target.map_err(TreeError::errno(&shown))?;
                self.sink.link(name, OsStr::from_bytes(target.as_bytes())).map_err(failed)
            }
            Kind::Special(kind) => Err(TreeError::Special { path: path.to_string_lossy().into_owned(), kind }),
        }
    }
}

struct Tar<W: Write> {
    builder: tar::Builder<W>,
    epoch: u32,
}

impl<W: Write> Tar<W> {
    fn header(&self, kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(self.epoch.into());
        header.set_size(size);
        header
    }
}

impl<W: Write> Sink for Tar<W> {
    type Writer = W;

    fn folder(&mut self, name: &OsStr, mode: u32) -> io::Result<()> {
        let mut header = self.header(tar::EntryType::Directory, mode, 0);
        self.builder.append_data(&mut header, Path::new(name).join(""), io::empty())
    }

    fn link(&mut self, name: &OsStr, target: &OsStr) -> io::Result<()> {
        let mut header = self.header(tar::EntryType::Symlink, 0o777, 0);
        self.builder.append_link(&mut header, name, target)
    }

    fn file(&mut self, name: &OsStr, mode: u32, size: u64, contents: &mut dyn io::Read) -> io::Result<()> {
        let mut header = self.header(tar::EntryType::Regular, mode, size);
        // A file that changes while it is read must not shift all that comes behind it.
        let mut exact = Exactly { reader: contents, left: size };
        self.builder.append_data(&mut header, name, &mut exact)
    }

    fn finish(self) -> io::Result<W> {
        self.builder.into_inner()
    }
}

struct Cpio<W> {
    writer: W,
    epoch: u32,
    inode: u32,
}

impl<W: Write> Cpio<W> {
    fn add(
        &mut self,
        name: &OsStr,
        kind: cpio::newc::ModeFileType,
        mode: u32,
        size: u64,
        contents: &mut dyn io::Read,
    ) -> io::Result<()> {
        let fits =
            |what: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("its {what} does not fit into cpio"));
        let name = name.to_str().ok_or_else(|| fits("name"))?;
        let length = u32::try_from(size).map_err(|_| fits("size"))?;
        self.inode += 1;
        let header = cpio::newc::Builder::new(name).ino(self.inode).mode(mode).nlink(1).mtime(self.epoch).uid(0).gid(0);
        let mut entry = header.set_mode_file_type(kind).write(&mut self.writer, length);
        io::copy(&mut Exactly { reader: contents, left: size }, &mut entry)?;
        entry.finish().map(drop)
    }
}

impl<W: Write> Sink for Cpio<W> {
    type Writer = W;

    fn folder(&mut self, name: &OsStr, mode: u32) -> io::Result<()> {
        self.add(name, cpio::newc::ModeFileType::Directory, mode, 0, &mut io::empty())
    }

    fn link(&mut self, name: &OsStr, target: &OsStr) -> io::Result<()> {
        let mut target = target.as_bytes();
        self.add(name, cpio::newc::ModeFileType::Symlink, 0o777, target.len() as u64, &mut target)
    }

    fn file(&mut self, name: &OsStr, mode: u32, size: u64, contents: &mut dyn io::Read) -> io::Result<()> {
        self.add(name, cpio::newc::ModeFileType::Regular, mode, size, contents)
    }

    fn finish(self) -> io::Result<W> {
        cpio::newc::trailer(self.writer)
    }
}

/// Gives exactly as many bytes as were announced, or fails.
struct Exactly<'r, R: ?Sized> {
    reader: &'r mut R,
    left: u64,
}

impl<R: io::Read + ?Sized> io::Read for Exactly<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if room == 0 {
            return Ok(0);
        }
        let count = self.reader.read(buffer.get_mut(..room).unwrap_or_default())?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it has become shorter while it was read"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::fs::File;

    use cap_std::ambient_authority;

    use super::*;
    use crate::Bounds;

    const ALL: [Format; 8] = [
        Format { archive: Archive::Tar, compression: Compression::None },
        Format { archive: Archive::Tar, compression: Compression::Gzip },
        Format { archive: Archive::Tar, compression: Compression::Xz },
        Format { archive: Archive::Tar, compression: Compression::Zstd },
        Format { archive: Archive::Cpio, compression: Compression::None },
        Format { archive: Archive::Cpio, compression: Compression::Gzip },
        Format { archive: Archive::Cpio, compression: Compression::Xz },
        Format { archive: Archive::Cpio, compression: Compression::Zstd },
    ];

    #[test]
    fn what_is_packed_is_unpacked_again_and_equal_trees_give_equal_bytes() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("tree/b/inner")).unwrap();
        fs::write(root.path().join("tree/b/inner/file"), "contents").unwrap();
        fs::write(root.path().join("tree").join("n".repeat(200)), "a long name").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.path().join("tree/link")).unwrap();
        let dir = Dir::open_ambient_dir(root.path(), ambient_authority()).unwrap();
        let path = |text: &str| TreePath::new(text).unwrap();
        let before = crate::digest(&dir, &path("tree"), &|| Ok(())).unwrap();
        for format in ALL {
            let packed = pack(&dir, &path("tree"), format, 7, &dir, &path("out/packed"), &|| Ok(())).unwrap();
            assert_eq!(packed, Amount { entries: 5, bytes: 19 });
            let once = fs::read(root.path().join("out/packed")).unwrap();
            pack(&dir, &path("tree"), format, 7, &dir, &path("out/packed"), &|| Ok(())).unwrap();
            assert_eq!(once, fs::read(root.path().join("out/packed")).unwrap());
            if format.archive == Archive::Tar {
                let file = File::open(root.path().join("out/packed")).unwrap();
                let size = file.metadata().unwrap().len();
                let unpacked =
                    crate::unpack(&file, &dir, &path("back"), 0, Bounds::for_size(size), &|| Ok(())).unwrap();
                assert_eq!(unpacked, packed);
                assert_eq!(crate::digest(&dir, &path("back"), &|| Ok(())).unwrap(), before);
            }
        }
        for into in ["out", "tree/out", "tree/b/inner/out"] {
            let from = path(if into == "out" { "" } else { "tree" });
            let packed = pack(&dir, &from, ALL[0], 7, &dir, &path(into), &|| Ok(()));
            assert!(matches!(packed, Err(TreeError::IntoItself { .. }) | Err(TreeError::Folder { .. })), "{into}");
        }
        assert_eq!(fs::read_dir(root.path().join("out")).unwrap().count(), 1, "nothing unfinished is left");
    }
}
