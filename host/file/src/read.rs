use std::fs::File;
use std::io;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Opens a file to be read; `None` when something else is there. Opening a pipe would wait for somebody to write into it.
///
/// # Errors
/// When it cannot be opened.
pub fn open_file(path: &Path) -> io::Result<Option<File>> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    Ok(file.metadata()?.is_file().then_some(file))
}

/// Reads a file of at most `most` bytes; `None` when it is not there.
///
/// # Errors
/// Those of the system, that something else stands there, or that it has more bytes.
pub fn read_optional(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let wrong = |kind, what: String| io::Error::new(kind, what);
    let file = match open_file(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        file => file?,
    };
    let file = file.ok_or_else(|| wrong(io::ErrorKind::InvalidInput, "expected a regular file".into()))?;
    let bytes = read_up_to(&file, most)?;
    bytes.map(Some).ok_or_else(|| wrong(io::ErrorKind::FileTooLarge, format!("it is larger than {} KiB", most >> 10)))
}

/// Bytes that most of the files have at most that skiff reads as a whole: one allocation, and no question for the size.
const USUAL: usize = 8 << 10;

/// Reads an open file; `None` when it has more than `most` bytes. Its size is not asked for: what the kernel makes up
/// (`/proc`) says none, and has no end.
///
/// # Errors
/// Those of reading.
pub fn read_up_to(file: &File, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::with_capacity(USUAL);
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}
