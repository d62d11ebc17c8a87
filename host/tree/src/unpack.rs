//! Unpacking archives of strangers.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Component;
use std::path::Path;

use cap_std::fs::Dir;
use rustix::fs::Mode;
use tar::EntryType;

use crate::Amount;
use crate::MAX_DEPTH;
use crate::PLAIN_MODE;
use crate::Packing;
use crate::Stopped;
use crate::TreeError;
use crate::TreePath;
use crate::Unpacked;
use crate::Watch;
use crate::copy::c_name;
use crate::copy::create;
use crate::copy::make_link;
use crate::copy::open_folder;
use crate::entry::reopen;
use crate::watched::Watched;

/// Bytes that may stand between the contents of two members: headers, long names, extended attributes. The reader of
/// archives takes these into memory.
const MAX_HEADERS: u64 = 1 << 20;

/// Bytes of memory that unpacking may take; level 9 of xz takes 65 MiB, and zstd's own limit is 128.
const MEMORY: u64 = 128 << 20;

/// What an archive may hold at most.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Files, directories and links.
    pub entries: u64,
    /// Bytes after decompression.
    pub bytes: u64,
}

impl Bounds {
    /// Returns the bounds for an archive of a size in bytes: a small file that unpacks to gigabytes is a bomb.
    pub fn for_size(size: u64) -> Self {
        Self { entries: 1_000_000, bytes: size.saturating_mul(100).clamp(1 << 30, 16 << 30) }
    }
}

/// Unpacks a tar archive, plain or compressed, below a path of a tree, leaving out the first `strip` parts of each name.
///
/// # Errors
/// [`TreeError`]: it is none or broken, names something outside of it, holds devices or too much; what was unpacked
/// until then stays.
pub fn unpack(
    archive: &File,
    into: &Dir,
    to: &TreePath,
    strip: usize,
    bounds: Bounds,
    watch: Watch<'_>,
) -> Result<Amount, TreeError> {
    rustix::fs::seek(archive, rustix::fs::SeekFrom::Start(0)).map_err(TreeError::errno("the archive"))?;
    let room = Room { all: Cell::new(bounds.bytes), headers: Cell::new(MAX_HEADERS) };
    let reader = Bounded { reader: Watched::new(decompressed(archive)?, watch), room: &room };
    let unpack = Unpack { into: open_folder(into, to)?, strip, bounds, room: &room, watch };
    match unpack.run(tar::Archive::new(reader)) {
        // Whatever the reader of archives makes of it, this is the reason.
        Err(_) if room.all.get() == 0 => Err(TreeError::TooLarge(format!("{} MiB", bounds.bytes >> 20))),
        Err(_) if room.headers.get() == 0 => Err(TreeError::TooLarge(format!("{MAX_HEADERS} bytes in one header"))),
        unpacked => unpacked,
    }
}

fn decompressed(mut archive: &File) -> Result<Box<dyn Read>, TreeError> {
    let mut start = [0; 262];
    let length = crate::packing::fill(&mut archive, &mut start).map_err(TreeError::at("the archive"))?;
    rustix::fs::seek(archive, rustix::fs::SeekFrom::Start(0)).map_err(TreeError::errno("the archive"))?;
    let start = start.get(..length).unwrap_or_default();
    let archive = archive.try_clone().map_err(TreeError::at("the archive"))?;
    match Packing::of(start) {
        Some(packing) => Ok(Box::new(Unpacked::new(packing, archive, MEMORY))),
        None if start.get(257..262) == Some(b"ustar") => Ok(Box::new(BufReader::with_capacity(1 << 16, archive))),
        None => Err(TreeError::Archive("neither tar nor gzip, xz, LZMA, zstd, bzip2 or LZ4".into())),
    }
}

/// Bytes that may still be read.
struct Room {
    all: Cell<u64>,
    /// Until the contents of the next member.
    headers: Cell<u64>,
}

/// Reads no more than there is room for.
struct Bounded<'r, R> {
    reader: R,
    room: &'r Room,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Room { all, headers } = self.room;
        let left = all.get().min(headers.get());
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if room == 0 && !buffer.is_empty() {
            return Err(io::Error::other("too much"));
        }
        let count = self.reader.read(buffer.get_mut(..room).unwrap_or_default())?;
        for left in [all, headers] {
            left.set(left.get().saturating_sub(count as u64));
        }
        Ok(count)
    }
}

struct Unpack<'w> {
    into: Dir,
    strip: usize,
    bounds: Bounds,
    room: &'w Room,
    watch: Watch<'w>,
}

impl Unpack<'_> {
    fn run<R: Read>(&self, mut archive: tar::Archive<R>) -> Result<Amount, TreeError> {
        let mut amount = Amount::default();
        let mut folders = Vec::new();
        let broken = |error: io::Error| match error.get_ref().and_then(|inner| inner.downcast_ref::<Stopped>()) {
            Some(stopped) => TreeError::Stopped(*stopped),
            None => TreeError::Archive(error.to_string()),
        };
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            // What comes before the next one is read again from here.
            self.room.headers.set(MAX_HEADERS);
            let name = entry.path_bytes().into_owned();
            let Some(path) = self.path(&name)? else {
                // What it holds is read over on the way to the next one.
                self.room.headers.set(entry.size().saturating_add(MAX_HEADERS));
                continue;
            };
            amount.entries += 1;
            if amount.entries > self.bounds.entries {
                return Err(TreeError::TooLarge(format!("{} entries", self.bounds.entries)));
            }
            let mode = entry.header().mode().map_err(broken)? & PLAIN_MODE;
            match entry.header().entry_type() {
                EntryType::Directory => {
                    open_folder(&self.into, &path)?;
                    folders.push((path, mode | 0o700));
                }
                EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                    let room = self.bounds.bytes.saturating_sub(amount.bytes);
                    self.room.headers.set(u64::MAX);
                    amount.bytes += self.file(&path, mode, room, &mut entry)?;
                    self.room.headers.set(MAX_HEADERS);
                }
                EntryType::Symlink => {
                    let target = entry.link_name_bytes().unwrap_or_default().into_owned();
                    self.link(&path, &target)?;
                }
                EntryType::Link => {
                    let target = entry.link_name_bytes().unwrap_or_default().into_owned();
                    self.hard_link(&path, &target)?;
                }
                EntryType::Block | EntryType::Char => {
                    return Err(TreeError::Special { path: path.to_string(), kind: "a device" });
                }
                EntryType::Fifo => return Err(TreeError::Special { path: path.to_string(), kind: "a pipe" }),
                // Comments of the archive about itself.
                EntryType::XGlobalHeader => amount.entries -= 1,
                _ => return Err(TreeError::Special { path: path.to_string(), kind: "of an unknown kind" }),
            }
        }
        // Last, so that a directory that may not be written to can be filled first; the innermost first of all.
        for (path, mode) in folders.into_iter().rev() {
            let folder = self.into.open_dir(path.or_dot()).map_err(TreeError::at(&path))?;
            let folder = reopen(&folder, path.as_str())?;
            rustix::fs::fchmod(&folder, Mode::from_raw_mode(mode)).map_err(TreeError::errno(&path))?;
        }
        Ok(amount)
    }

    /// Returns where a member goes, or `None` when nothing of its name is left.
    fn path(&self, name: &[u8]) -> Result<Option<TreePath>, TreeError> {
        let shown = String::from_utf8_lossy(name).into_owned();
        let mut parts = Vec::new();
        for part in Path::new(std::ffi::OsStr::from_bytes(name)).components() {
            match part {
                Component::CurDir => {}
                Component::Normal(part) => match part.to_str() {
                    Some(part) => parts.push(part),
                    None => return Err(TreeError::Archive(format!("the name `{shown}` is not UTF-8"))),
                },
                Component::RootDir | Component::ParentDir | Component::Prefix(_) => {
                    return Err(TreeError::Outside { name: shown });
                }
            }
        }
        let parts = parts.get(self.strip..).unwrap_or_default();
        let rest = parts.join("/");
        if parts.len() > MAX_DEPTH {
            return Err(TreeError::TooDeep { path: crate::error::tail(&rest) });
        }
        let path = TreePath::new(&rest).map_err(|_| TreeError::Outside { name: shown })?;
        Ok((!path.is_root()).then_some(path))
    }

    fn file(&self, path: &TreePath, mode: u32, room: u64, contents: &mut impl Read) -> Result<u64, TreeError> {
        let Some((parent, name)) = path.split() else { return Ok(0) };
        let folder = open_folder(&self.into, &parent)?;
        let mut file = create(folder.as_fd(), &c_name(name, path)?, mode | 0o600).map_err(TreeError::errno(path))?;
        let mut buffer = vec![0; 1 << 16];
        let mut written = 0;
        loop {
            let count = contents.read(&mut buffer).map_err(TreeError::watched(path.as_str()))?;
            if count == 0 {
                return Ok(written);
            }
            // What an archive says is a hole is not read from it, and fills the disk all the same.
            if written + count as u64 > room {
                return Err(TreeError::TooLarge(format!("{} MiB", self.bounds.bytes >> 20)));
            }
            io::Write::write_all(&mut file, buffer.get(..count).unwrap_or_default()).map_err(TreeError::at(path))?;
            written += count as u64;
            (self.watch)()?;
        }
    }

    fn link(&self, path: &TreePath, target: &[u8]) -> Result<(), TreeError> {
        let Some((parent, name)) = path.split() else { return Ok(()) };
        let folder = open_folder(&self.into, &parent)?;
        let target = std::ffi::CString::new(target).map_err(|error| TreeError::at(path)(error.into()))?;
        make_link(folder.as_fd(), &c_name(name, path)?, &target).map_err(TreeError::errno(path))
    }

    /// A hard link gives a second name to what lies below the same path, whether the archive has brought it or not: its
    /// other name is looked up like that of a member.
    fn hard_link(&self, path: &TreePath, target: &[u8]) -> Result<(), TreeError> {
        let outside = || TreeError::Outside { name: String::from_utf8_lossy(target).into_owned() };
        let target = self.path(target)?.ok_or_else(outside)?;
        self.into.symlink_metadata(target.as_str()).map_err(TreeError::at(&target))?;
        if let Some((parent, _)) = path.split() {
            open_folder(&self.into, &parent)?;
        }
        let linked = self.into.hard_link(target.as_str(), &self.into, path.as_str());
        let linked = match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && target != *path => {
                self.into.remove_file(path.as_str()).map_err(TreeError::at(path))?;
                self.into.hard_link(target.as_str(), &self.into, path.as_str())
            }
            linked => linked,
        };
        linked.map_err(TreeError::at(path))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use cap_std::ambient_authority;

    use super::*;

    type Member<'m> = (&'m str, EntryType, &'m str);

    /// Makes an archive whose names nobody has checked.
    fn archive(members: &[Member<'_>]) -> File {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind, data) in members {
            let mut header = tar::Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o4755);
            let is_link = matches!(kind, EntryType::Link | EntryType::Symlink);
            header.set_size(if is_link { 0 } else { data.len() as u64 });
            if is_link {
                header.as_old_mut().linkname[..data.len()].copy_from_slice(data.as_bytes());
            }
            header.set_cksum();
            builder.append(&header, if is_link { &[] } else { data.as_bytes() }).unwrap();
        }
        file(&builder.into_inner().unwrap())
    }

    /// Makes an archive of one empty file with a name of any length.
    fn long_name(name: &str) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, io::empty()).unwrap();
        builder.into_inner().unwrap()
    }

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn unpacked(archive: &File, strip: usize) -> (tempfile::TempDir, Result<Amount, TreeError>) {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("into")).unwrap();
        fs::write(root.path().join("victim"), "precious").unwrap();
        let into = Dir::open_ambient_dir(root.path().join("into"), ambient_authority()).unwrap();
        let bounds = Bounds { entries: 100, bytes: 1 << 20 };
        let result = unpack(archive, &into, &TreePath::new("x").unwrap(), strip, bounds, &|| Ok(()));
        assert_eq!(fs::read_to_string(root.path().join("victim")).unwrap(), "precious");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
        (root, result)
    }

    #[test]
    fn files_links_and_folders_are_unpacked_without_their_first_parts() {
        let members = [
            ("top", EntryType::Directory, ""),
            ("top/a", EntryType::Directory, ""),
            ("top/a/file", EntryType::Regular, "data"),
            ("./top/link", EntryType::Symlink, "/a/file"),
            ("top/hard", EntryType::Link, "top/a/file"),
            ("top/a/file", EntryType::Regular, "newer"),
        ];
        let (root, result) = unpacked(&archive(&members), 1);
        assert_eq!(result.unwrap(), Amount { entries: 5, bytes: 9 });
        let at = |name: &str| root.path().join("into/x").join(name);
        assert_eq!(fs::read_to_string(at("a/file")).unwrap(), "newer");
        assert_eq!(fs::read_to_string(at("hard")).unwrap(), "data");
        assert_eq!(fs::read_link(at("link")).unwrap(), Path::new("/a/file"));
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(at("a/file")).unwrap());
        assert_eq!(mode & 0o7777, 0o755, "no set-user-id");
    }

    #[test]
    fn nothing_leads_out_of_the_archive() {
        let regular = EntryType::Regular;
        let out: [&[Member<'_>]; 9] = [
            &[("../victim", regular, "x")],
            &[("/victim", regular, "x")],
            &[("a/../../victim", regular, "x")],
            &[("link", EntryType::Symlink, "../.."), ("link/victim", regular, "x")],
            &[("link", EntryType::Symlink, "/"), ("link/victim", regular, "x")],
            &[("hard", EntryType::Link, "../../victim")],
            &[("link", EntryType::Symlink, "../.."), ("hard", EntryType::Link, "link/victim")],
            &[("pipe", EntryType::Fifo, "")],
            &[("null", EntryType::Char, "")],
        ];
        for members in out {
            let (_, result) = unpacked(&archive(members), 0);
            assert!(result.is_err(), "{members:?}");
        }
        let deep = format!("{}f", "d/".repeat(150));
        let (_, result) = unpacked(&archive(&[(&deep[..90], regular, "x")]), 0);
        result.unwrap();
        let said = unpacked(&file(&long_name(&deep)), 0).1.unwrap_err().to_string();
        assert!(said.ends_with("directories are nested more than 100 deep"), "{said}");
        // What has taken the place of a link is a file, and what the link named is as it was.
        let members = [("f", EntryType::Symlink, "../../victim"), ("f", regular, "mine")];
        let (root, result) = unpacked(&archive(&members), 0);
        result.unwrap();
        assert!(root.path().join("into/x/f").symlink_metadata().unwrap().is_file());
    }

    /// Names come into memory as a whole, so an archive must not be believed how long they are.
    #[test]
    fn names_without_end_are_refused_and_long_ones_are_not() {
        for kind in [EntryType::GNULongName, EntryType::XHeader] {
            let mut bomb = zstd::Encoder::new(Vec::new(), 3).unwrap();
            let mut header = tar::Header::new_gnu();
            header.set_path("long").unwrap();
            header.set_entry_type(kind);
            header.set_size(4 << 30);
            header.set_cksum();
            bomb.write_all(header.as_bytes()).unwrap();
            bomb.write_all(&vec![b'x'; 64 << 20]).unwrap();
            let bomb = file(&bomb.finish().unwrap());
            let into = Dir::open_ambient_dir(tempfile::tempdir().unwrap().path(), ambient_authority()).unwrap();
            let bounds = Bounds::for_size(1 << 30);
            let said = unpack(&bomb, &into, &TreePath::default(), 0, bounds, &|| Ok(())).unwrap_err().to_string();
            assert_eq!(said, "the archive holds more than 1048576 bytes in one header");
        }
        let mut builder = tar::Builder::new(Vec::new());
        let long = format!("{}/file", "n".repeat(150));
        for name in ["a", &long, "b"] {
            let mut header = tar::Header::new_gnu();
            header.set_size(3 << 20);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, io::repeat(b'x').take(3 << 20)).unwrap();
        }
        let archive = file(&builder.into_inner().unwrap());
        let root = tempfile::tempdir().unwrap();
        let into = Dir::open_ambient_dir(root.path(), ambient_authority()).unwrap();
        let unpacked = unpack(&archive, &into, &TreePath::default(), 0, Bounds::for_size(0), &|| Ok(())).unwrap();
        assert_eq!(unpacked, Amount { entries: 3, bytes: 9 << 20 });
        let stopped = unpack(&archive, &into, &TreePath::default(), 0, Bounds::for_size(0), &|| Err(Stopped::Late));
        assert!(matches!(stopped, Err(TreeError::Stopped(_))), "{stopped:?}");
    }

    /// What is left out by its name may be as large as it likes.
    #[test]
    fn large_members_that_are_stripped_are_read_over() {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, size) in [("README", 3 << 20), ("top/file", 5), ("LICENSE", 2 << 20), ("top/last", 1)] {
            let mut header = tar::Header::new_gnu();
            header.set_size(size);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, io::repeat(b'x').take(size)).unwrap();
        }
        let archive = file(&builder.into_inner().unwrap());
        let root = tempfile::tempdir().unwrap();
        let into = Dir::open_ambient_dir(root.path(), ambient_authority()).unwrap();
        let unpacked = unpack(&archive, &into, &TreePath::default(), 1, Bounds::for_size(0), &|| Ok(())).unwrap();
        assert_eq!(unpacked, Amount { entries: 2, bytes: 6 });
    }

    #[test]
    fn bombs_and_rubbish_are_told_apart() {
        let mut bomb = zstd::Encoder::new(Vec::new(), 3).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_path("zeros").unwrap();
        header.set_size(1 << 40);
        header.set_mode(0o644);
        header.set_cksum();
        bomb.write_all(header.as_bytes()).unwrap();
        bomb.write_all(&vec![0; 8 << 20]).unwrap();
        let (_, result) = unpacked(&file(&bomb.finish().unwrap()), 0);
        assert_eq!(result.unwrap_err().to_string(), "the archive holds more than 1 MiB");
        let many: Vec<_> = (0..200).map(|_| ("f", EntryType::Regular, "")).collect();
        let (_, result) = unpacked(&archive(&many), 0);
        assert_eq!(result.unwrap_err().to_string(), "the archive holds more than 100 entries");
        for bytes in [&b""[..], b"rubbish", &[0x1f, 0x8b, 8, 0], &[0; 1024]] {
            assert!(unpacked(&file(bytes), 0).1.is_err(), "{bytes:?}");
        }
    }
}
