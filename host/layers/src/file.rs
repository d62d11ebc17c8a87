//! Reading small files and folders with errors that name the path.

use std::fs;
use std::io;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use crate::Location;
use crate::ReadError;
use crate::parse_yaml;

/// Bytes that a text of a layer may have.
const MAX_TEXT: u64 = 64 << 20;

/// Opens a file to be read; `None` when something else is there. Opening a pipe would wait for somebody to write into it.
///
/// # Errors
/// When it cannot be opened.
pub fn open_file(path: &Path) -> io::Result<Option<fs::File>> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = fs::File::options().read(true).custom_flags(flags).open(path)?;
    Ok(file.metadata()?.is_file().then_some(file))
}

/// Reads a text file, or `None` when it is not there. Bytes that are no UTF-8 become U+FFFD.
///
/// # Errors
/// [`ReadError`] when something else is there, or a text of more than 64 MiB, or it cannot be read.
pub fn optional_text(path: &Path) -> Result<Option<String>, ReadError> {
    let failed = |source| ReadError::Io { path: path.to_owned(), source };
    let file = match open_file(path) {
        Err(error) if absent(&error) => return Ok(None),
        file => file.map_err(failed)?,
    };
    let Some(file) = file else { return Err(ReadError::NotAFile { at: Location::whole(path) }) };
    // The size is not asked for beforehand: what the kernel makes up (`/proc`) says none, and has no end.
    let mut bytes = Vec::new();
    file.take(MAX_TEXT + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, "a text of a layer has at most 64 MiB")));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Lists the files of a folder in byte order of their names, without dot files; none when there is no folder.
pub(crate) fn sorted_files(folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let unreadable = |source| ReadError::Io { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if absent(&error) => return Ok(Vec::new()),
        Err(source) => return Err(unreadable(source)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        if !path.is_file() {
            return Err(ReadError::NotAFile { at: Location::whole(path) });
        }
        files.push(path);
    }
    files.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    Ok(files)
}

/// Returns the folder if it is there.
pub(crate) fn optional_folder(path: PathBuf) -> Option<PathBuf> {
    path.is_dir().then_some(path)
}

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Reads a YAML file of a documented shape, or `None` when it is not there.
pub(crate) fn optional_yaml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, ReadError> {
    optional_text(path)?.map(|text| parse_yaml(path, &text)).transpose()
}
