//! What an image is published as.

use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;
use tempfile::NamedTempFile;

use crate::BuildError;
use crate::Image;
use crate::Watch;
use crate::unfinished_file;
use skiff_text::Shown as _;

/// zstd's level: higher ones take many times as long for a few percent.
const LEVEL: i32 = 3;

/// Bytes of a list of digests that is there already.
const MAX_SUMS: u64 = 1 << 20;

/// Bytes handled at a time.
const CHUNK: usize = 1 << 20;

/// What to make of an image.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// Whether everything is made that others need to write it: a packed image, digests of all files and in the map, and an
    /// entry for Raspberry Pi Imager. To pack takes longer than to make it.
    pub publish: bool,
    /// What the system is called.
    pub name: String,
    /// When it was released, in seconds since 1970.
    pub date: u32,
}

/// An entry of the list that Raspberry Pi Imager reads (`doc/json-schema/os-list-schema.json` of rpi-imager).
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    description: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bmap_url: Option<String>,
    extract_size: u64,
    extract_sha256: String,
    image_download_size: u64,
    image_download_sha256: String,
    release_date: String,
}

impl Outputs {
    /// The files that [`Self::publish`] makes for the image `path`.
    pub fn files(&self, path: &Path) -> Vec<PathBuf> {
        let mut files = vec![path.to_owned(), with_end(path, "bmap")];
        if self.publish {
            files.extend([with_end(path, "zst"), with_end(path, "rpi-imager.json"), path.with_file_name("SHA256SUMS")]);
        }
        files
    }

    /// Puts an image where it belongs, with its map and whatever else is wanted beside it. All are made before the first takes its
    /// place. Returns the files.
    ///
    /// # Errors
    /// [`BuildError`]; an image that was there before stays.
    pub fn publish(
        &self,
        image: Image,
        file: NamedTempFile,
        path: &Path,
        watch: &dyn Watch,
    ) -> Result<Vec<PathBuf>, BuildError> {
        let at = |path: &Path| {
            let path = path.shown().to_string();
            move |source| BuildError::Io { path, source }
        };
        let map_path = with_end(path, "bmap");
        let packed_path = with_end(path, "zst");
        let list_path = with_end(path, "rpi-imager.json");
        let sums_path = path.with_file_name("SHA256SUMS");
        // By its digests `flash` notices that the image has changed since. The disk is busy meanwhile.
        let map = std::thread::scope(|scope| {
            let written = scope.spawn(|| image.file.sync_data());
            let map = image.map()?;
            written.join().unwrap_or_else(|_| Err(io::Error::other("a thread failed")))?;
            Ok(map.text())
        });
        let map = map.map_err(at(path))?;
        let mut beside = Vec::new();
        if self.publish {
            let mut packed = folder_file(&packed_path).map_err(at(&packed_path))?;
            let digest = self.pack(&image, &mut packed, watch).map_err(at(&packed_path))?;
            let (packed_size, packed_digest) = digest_of(packed.reopen()).map_err(at(&packed_path))?;
            let entry = Entry {
                name: self.name.clone(),
                description: format!("{}, built with skiff", self.name),
                url: file_name(&packed_path),
                bmap_url: Some(file_name(&map_path)),
                extract_size: image.size,
                extract_sha256: digest.clone(),
                image_download_size: packed_size,
                image_download_sha256: packed_digest.clone(),
                release_date: day(self.date),
            };
            let list = serde_json::json!({"os_list": [entry]});
            let list = written(&list_path, format!("{list:#}\n").as_bytes()).map_err(at(&list_path))?;
            let sums = [
                (path.to_owned(), digest),
                (map_path.clone(), hex(&Sha256::digest(&map))),
                (packed_path.clone(), packed_digest),
            ];
            let sums = with_sums(&sums_path, &sums).map_err(at(&sums_path))?;
            beside.extend([(packed_path, packed), (list_path, list), (sums_path, sums)]);
        }
        let map = written(&map_path, map.as_bytes()).map_err(at(&map_path))?;
        drop(image);
        // An image never stands beside the map of another.
        match std::fs::remove_file(&map_path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&map_path)(error)),
            _ => {}
        }
        let mut made = Vec::new();
        for (path, file) in [(path.to_owned(), file), (map_path, map)].into_iter().chain(beside) {
            publish(file, &path).map_err(at(&path))?;
            made.push(path);
        }
        Ok(made)
    }

    /// Packs the image, and takes its digest on the way.
    fn pack(&self, image: &Image, packed: &mut NamedTempFile, watch: &dyn Watch) -> io::Result<String> {
        watch.begin("Packing", image.size);
        let mut encoder = zstd::Encoder::new(packed, LEVEL)?;
        // So that whoever unpacks it knows before the end whether there is room.
        encoder.set_pledged_src_size(Some(image.size))?;
        encoder.include_contentsize(true)?;
        let mut digest = Sha256::new();
        let mut buffer = vec![0; CHUNK];
        let mut at = 0;
        while at < image.size {
            if watch.is_cancelled() {
                return Err(io::Error::other("cancelled"));
            }
            let length = (image.size - at).min(CHUNK as u64) as usize;
            let part = buffer.get_mut(..length).unwrap_or_default();
            // To read what is not there takes longer than everything else.
            match image.mapped.within(at..at + length as u64).total() {
                0 => part.fill(0),
                _ => image.file.read_exact_at(part, at)?,
            }
            digest.update(&*part);
            encoder.write_all(part)?;
            at += length as u64;
            watch.advance(length as u64);
        }
        encoder.finish()?;
        Ok(hex(&digest.finalize()))
    }
}

/// The size and the digest of a file.
fn digest_of(file: io::Result<File>) -> io::Result<(u64, String)> {
    let mut file = file?;
    let (mut digest, mut size) = (Sha256::new(), 0);
    let mut buffer = vec![0; CHUNK];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((size, hex(&digest.finalize()))),
            count => {
                digest.update(buffer.get(..count).unwrap_or_default());
                size += count as u64;
            }
        }
    }
}

/// `NAME.img.END`.
fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{end}"));
    path.with_file_name(name)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn folder_file(path: &Path) -> io::Result<NamedTempFile> {
    unfinished_file(path.parent().unwrap_or(Path::new(".")))
}

/// A file that will have a name when all are made.
fn written(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = folder_file(path)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// Gives a finished file its name.
fn publish(file: NamedTempFile, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Returns the name in a line of a list of digests: MD5 to SHA-512, of text or (`*`) binary files.
fn listed(line: &str) -> Option<&str> {
    let (digest, name) = line.split_once(' ')?;
    let is_digest =
        matches!(digest.len(), 32 | 40 | 56 | 64 | 96 | 128) && digest.bytes().all(|b| b.is_ascii_hexdigit());
    name.strip_prefix([' ', '*']).filter(|_| is_digest)
}

/// A list of digests with more files, in the place of those of the same names.
fn with_sums(path: &Path, sums: &[(PathBuf, String)]) -> io::Result<NamedTempFile> {
    // What is there under this name may be anything: it is opened without waiting, and read with a bound.
    let read = || -> io::Result<String> {
        let flags = (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW).bits().cast_signed();
        let file = File::options().read(true).custom_flags(flags).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "expected a regular file"));
        }
        let mut text = String::new();
        file.take(MAX_SUMS + 1).read_to_string(&mut text)?;
        match text.len() as u64 > MAX_SUMS {
            true => Err(io::Error::new(io::ErrorKind::FileTooLarge, "a list of digests has at most 1 MiB")),
            false => Ok(text),
        }
    };
    let known = match read() {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let names: Vec<String> = sums.iter().map(|(path, _)| file_name(path)).collect();
    let mut others = Vec::new();
    for (number, line) in (1..).zip(known.lines()) {
        match listed(line) {
            Some(other) if names.iter().any(|name| name == other) => {}
            Some(_) => others.push(line),
            None if line.trim().is_empty() => {}
            // It is not handed on, since the list becomes readable for everybody, and not thrown away either.
            None => {
                let message = format!("line {number} is not a digest and a name: move the file away");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
    }
    let mut lines: Vec<String> = others.into_iter().map(str::to_owned).collect();
    lines.extend(sums.iter().map(|(path, digest)| format!("{digest}  {}", file_name(path))));
    written(path, (lines.join("\n") + "\n").as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The day of a time, as `YYYY-MM-DD`.
fn day(epoch: u32) -> String {
    let (year, month, day) = civil(i64::from(epoch / 86_400));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Year, month and day of a number of days since 1970 (days_from_civil of H. Hinnant, the other way).
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + era * 400 + carry, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_digests_hands_nothing_on_that_is_none() {
        let root = tempfile::tempdir().unwrap();
        let (list, secret) = (root.path().join("SHA256SUMS"), root.path().join("key"));
        std::fs::write(&secret, "BEGIN OPENSSH PRIVATE KEY\n").unwrap();
        let sums = [(root.path().join("new.img"), "1".repeat(64))];
        std::os::unix::fs::symlink(&secret, &list).unwrap();
        assert!(with_sums(&list, &sums).is_err(), "a link");
        std::fs::remove_file(&list).unwrap();
        let known = format!("{0}  other.img\n{0}  new.img\n{0} *binary\n{0}{0}  of sha512\n", "2".repeat(64));
        std::fs::write(&list, &known).unwrap();
        let made = std::fs::read_to_string(with_sums(&list, &sums).unwrap().path()).unwrap();
        let kept = known.replace(&format!("{}  new.img\n", "2".repeat(64)), "");
        assert_eq!(made, format!("{kept}{}  new.img\n", "1".repeat(64)));
        for line in ["BEGIN OPENSSH PRIVATE KEY", "x  y", "# a comment"] {
            std::fs::write(&list, format!("{known}{line}\n")).unwrap();
            assert!(with_sums(&list, &sums).unwrap_err().to_string().contains("line 5 is not a digest"), "{line}");
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!([0, 951_782_400, 1_795_392_000].map(day), ["1970-01-01", "2000-02-29", "2026-11-23"]);
    }
}
