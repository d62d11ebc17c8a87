//! Block maps beside images: where they are, and whether an image is what its map says.

use std::ffi::OsString;
use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::io::Read as _;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;

use skiff_layout::Bmap;
use skiff_layout::Hasher;

use crate::SourceError;
use skiff_text::Shown as _;

/// Bytes of a map that are read. A map has about 110 bytes for each run of blocks.
const MAX: u64 = 64 << 20;

/// How names of packed images end.
const ENDS: [&str; 7] = ["gz", "xz", "zst", "bz2", "lz4", "lzma", "zip"];

/// Where the map of an image may be.
pub fn maps_of(path: &Path) -> Vec<PathBuf> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let plain = ENDS.iter().find_map(|end| name.strip_suffix(&format!(".{end}"))).unwrap_or(name);
    let stem = plain.rsplit_once('.').map_or(plain, |(stem, _)| stem);
    let names = [format!("{name}.bmap"), format!("{plain}.bmap"), format!("{stem}.bmap")];
    names.iter().map(|name| path.with_file_name(name)).collect()
}

/// Returns whether a file is the map of an image of `size` bytes.
pub fn is_map_for(path: &Path, size: u64) -> bool {
    path.is_file() && read(path).is_ok_and(|map| map.image_size == size)
}

/// A map, and what to know about it.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Where it is, and the map.
    pub(crate) map: Option<(PathBuf, Bmap)>,
    /// Whether a map was passed over that another user could have put beside the image.
    pub(crate) has_foreign: bool,
}

/// The map that the user names, or the one beside the image. A map beside the image counts if everyone who can change it can
/// also change the image: it decides which bytes of the medium are written.
///
/// bmaptool verifies a signature that lies beside a map (`MAP.sig`, `MAP.asc`). skiff has no keys: it refuses such a map unless
/// the user names it, which says that it has been verified.
pub(crate) fn find(image: &Path, file: &File, named: Option<&Path>) -> Result<Found, SourceError> {
    if let Some(path) = named {
        let map = Some((path.to_owned(), read(path)?));
        return Ok(Found { map, has_foreign: false });
    }
    let failed = |path: &Path| {
        let path = path.shown().to_string();
        move |source| SourceError::Io { path, source }
    };
    let own = file.metadata().map_err(failed(image))?;
    let mut has_foreign = false;
    let mut opened = None;
    for path in maps_of(image).into_iter().filter(|path| path.is_file()) {
        let file = open_file(&path).map_err(failed(&path))?;
        if is_foreign(&file.metadata().map_err(failed(&path))?, &own) {
            has_foreign = true;
        } else {
            opened = Some((path, file));
            break;
        }
    }
    let Some((path, file)) = opened else { return Ok(Found { map: None, has_foreign }) };
    let with_end = |end: &str| PathBuf::from([path.as_os_str(), end.as_ref()].into_iter().collect::<OsString>());
    match [with_end(".sig"), with_end(".asc")].into_iter().find(|signature| signature.exists()) {
        Some(signature) => Err(SourceError::SignedMap {
            path: path.shown().to_string(),
            signature: signature.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        }),
        None => {
            let map = read_from(&path, file)?;
            Ok(Found { map: Some((path, map)), has_foreign })
        }
    }
}

/// Whether someone can change a map who cannot change the image. The user and root can change both.
fn is_foreign(map: &Metadata, image: &Metadata) -> bool {
    const WRITABLE: u32 = 0o022;
    let own = [0, rustix::process::geteuid().as_raw(), image.uid()];
    let group = if map.gid() == image.gid() { image.mode() & WRITABLE } else { 0 };
    !own.contains(&map.uid()) || map.mode() & WRITABLE & !group != 0
}

/// Opens a regular file. Opening a pipe would wait for a writer.
fn open_file(path: &Path) -> io::Result<File> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, "expected a regular file");
    skiff_file::open_file(path)?.ok_or_else(wrong)
}

fn read(path: &Path) -> Result<Bmap, SourceError> {
    let file = open_file(path).map_err(|source| SourceError::Io { path: path.shown().to_string(), source })?;
    read_from(path, file)
}

fn read_from(path: &Path, file: File) -> Result<Bmap, SourceError> {
    let shown = path.shown().to_string();
    let mut text = String::new();
    let read = file.take(MAX + 1).read_to_string(&mut text);
    let read = read.and_then(|count| match count as u64 > MAX {
        true => Err(io::Error::new(io::ErrorKind::InvalidData, "a block map has at most 64 MiB")),
        false => Ok(()),
    });
    read.map_err(|source| SourceError::Io { path: shown.clone(), source })?;
    Bmap::parse(&text).map_err(|source| SourceError::Map { path: shown, source })
}

/// Compares what is read with the digests of a map, range by range.
pub(crate) struct MapDigests<'m> {
    map: &'m Bmap,
    next: usize,
    digest: Hasher,
    /// Where the first range begins that differs from the map.
    pub(crate) wrong: Option<u64>,
}

impl<'m> MapDigests<'m> {
    pub(crate) fn new(map: &'m Bmap) -> Self {
        Self { map, next: 0, digest: map.digest.hasher(), wrong: None }
    }

    /// Takes the next bytes; they may end one range and begin another.
    pub(crate) fn take(&mut self, mut at: u64, mut bytes: &[u8]) -> io::Result<()> {
        while let Some((range, said)) = self.map.ranges.get(self.next).filter(|_| !bytes.is_empty()) {
            let Range { start, end } = *range;
            let count = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len());
            let (own, rest) = bytes.split_at_checked(count).unwrap_or((bytes, &[]));
            self.digest.update(own);
            at += count as u64;
            bytes = rest;
            if at >= end {
                let found = std::mem::replace(&mut self.digest, self.map.digest.hasher()).finish();
                if said.as_ref().is_some_and(|said| *said != found) {
                    self.wrong = Some(start);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "not what the map says"));
                }
                self.next += 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use skiff_layout::DigestKind;

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn ranges_are_compared_with_digests_of_every_kind() {
        use DigestKind::*;
        let image: Vec<u8> = (0..12_288_u32).map(|n| n as u8 ^ (n >> 8) as u8).collect();
        for kind in [Sha1, Sha224, Sha256, Sha384, Sha512] {
            let of = |range: Range<usize>| Some(kind.of(&image[range]));
            let ranges = vec![(0..4096, of(0..4096)), (4096..12_288, of(4096..12_288))];
            let right = Bmap { image_size: 12_288, block_size: 4096, digest: kind, ranges };
            let compare = |map: &Bmap| {
                let mut digests = MapDigests::new(map);
                let pieces = image.chunks(5000).enumerate();
                let whole =
                    pieces.map(|(n, piece)| digests.take(n as u64 * 5000, piece)).collect::<io::Result<Vec<_>>>();
                (whole.is_ok(), digests.wrong)
            };
            assert_eq!(compare(&right), (true, None));
            let mut wrong = right.clone();
            wrong.ranges[1].1 = Some(vec![0; kind.bytes()]);
            assert_eq!(compare(&wrong), (false, Some(4096)), "{kind}");
        }
    }

    #[test]
    fn a_signed_map_is_taken_when_it_is_named() {
        for end in ["sig", "asc"] {
            let folder = folder();
            let (image, map) = (folder.path().join("x.img"), folder.path().join("x.img.bmap"));
            std::fs::write(&map, Bmap::new(4096, vec![(0..4096, None)]).text()).unwrap();
            std::fs::write(&image, "").unwrap();
            let file = File::open(&image).unwrap();
            assert!(find(&image, &file, None).unwrap().map.is_some());
            std::fs::write(folder.path().join(format!("x.img.bmap.{end}")), "signature").unwrap();
            assert!(matches!(find(&image, &file, None), Err(SourceError::SignedMap { .. })));
            assert!(find(&image, &file, Some(&map)).unwrap().map.is_some());
        }
    }
}
