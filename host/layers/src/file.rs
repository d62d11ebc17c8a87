//! Reading small files and folders with errors that name the path.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::Location;
use crate::ReadError;

/// Bytes that a text of a layer may have.
const MAX_TEXT: u64 = 64 << 20;

/// Reads a text file, or `None` when it is not there. Bytes that are no UTF-8 become U+FFFD.
///
/// # Errors
/// [`ReadError`] when something else is there, or a text of more than 64 MiB, or it cannot be read.
pub fn optional_text(path: &Path) -> Result<Option<String>, ReadError> {
    match fs::metadata(path) {
        // Opening a pipe would wait for somebody to write into it.
        Ok(metadata) if !metadata.is_file() => return Err(ReadError::NotAFile { at: Location::whole(path) }),
        Ok(metadata) if metadata.len() > MAX_TEXT => {
            let source = io::Error::new(io::ErrorKind::FileTooLarge, "a text of a layer has at most 64 MiB");
            return Err(ReadError::Io { path: path.to_owned(), source });
        }
        _ => {}
    }
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if absent(&error) => Ok(None),
        Err(source) => Err(ReadError::Io { path: path.to_owned(), source }),
    }
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

/// Bytes that a document of YAML may have. With aliases a reader makes up to a hundred times as much of it, so this is
/// what bounds the memory that a hostile one can take.
const MAX_YAML: usize = 256 << 10;

/// Parses YAML of a documented shape.
///
/// # Errors
/// [`ReadError::Yaml`] with the line.
pub fn parse_yaml<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, ReadError> {
    if text.len() > MAX_YAML {
        let message = format!("it has {} bytes; skiff reads at most {} KiB", text.len(), MAX_YAML >> 10);
        return Err(ReadError::Yaml { at: Location::whole(path), message });
    }
    serde_yaml::from_str(text).map_err(|error| {
        let line = error.location().map(|location| location.line());
        let message = error.to_string();
        // The position stands in front already.
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        ReadError::Yaml { at: Location { file: path.to_owned(), line }, message }
    })
}
