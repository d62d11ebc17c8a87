//! Reading files that the user names. Those of layers are read through [`crate::LayerDir`].

use std::io;
use std::path::Path;

use skiff_file::open_file;
use skiff_file::read_up_to;

use crate::Location;
use crate::ReadError;

/// Bytes that a text may have which the user names.
const MAX_TEXT: u64 = 4 << 20;

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

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
