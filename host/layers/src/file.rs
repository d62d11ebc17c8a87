//! Reading files that the user names. Those of layers are read through [`crate::LayerDir`].

use std::fs;
use std::io;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::Location;
use crate::ReadError;

/// Bytes that a text may have which the user names.
const MAX_TEXT: u64 = 4 << 20;

/// Opens a file to be read; `None` when something else is there. Opening a pipe would wait for somebody to write into it.
///
/// # Errors
/// When it cannot be opened.
pub fn open_file(path: &Path) -> io::Result<Option<fs::File>> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = fs::File::options().read(true).custom_flags(flags).open(path)?;
    Ok(file.metadata()?.is_file().then_some(file))
}

/// Reads a text file of at most 4 MiB, or returns `None` when it is not there. Bytes that are not UTF-8 become U+FFFD.
///
/// # Errors
/// As for [`optional_bytes`].
pub fn optional_text(path: &Path) -> Result<Option<String>, ReadError> {
    Ok(optional_bytes(path, MAX_TEXT)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Reads a file of at most `most` bytes, or returns `None` when it is not there.
///
/// # Errors
/// [`ReadError`] when something else is there, or more bytes, or it cannot be read.
pub fn optional_bytes(path: &Path, most: u64) -> Result<Option<Vec<u8>>, ReadError> {
    let failed = |source| ReadError::Io { path: path.to_owned(), source };
    let file = match open_file(path) {
        Err(error) if absent(&error) => return Ok(None),
        file => file.map_err(failed)?,
    };
    let Some(file) = file else { return Err(ReadError::NotAFile { at: Location::whole(path) }) };
    match read_up_to(&file, most).map_err(failed)? {
        None => Err(ReadError::TooLarge { path: path.to_owned(), most }),
        bytes => Ok(bytes),
    }
}

/// Reads an open file; `None` when it has more than `most` bytes. Its size is no more than a hint: what the kernel makes up
/// (`/proc`) says none, and has no end.
///
/// # Errors
/// Those of reading.
pub fn read_up_to(file: &fs::File, most: u64) -> io::Result<Option<Vec<u8>>> {
    let hint = file.metadata()?.len().min(most).saturating_add(1);
    let mut bytes = Vec::with_capacity(usize::try_from(hint).unwrap_or_default());
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
