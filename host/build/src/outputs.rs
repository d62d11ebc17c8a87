//! What a build left behind, with digests, so that the next run knows whether it is still there.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;
use skiff_plan::Digest;
use skiff_plan::DigestBuilder;

use crate::FileError;
use crate::atomic::write_file;
use crate::images::Images;

/// The file of digests beside the images, in the format of `sha256sum`.
pub(crate) const SUMS: &str = "SHA256SUMS";

/// The record of a finished build.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BuildRecord {
    /// For each stage, the digest of everything it was made from.
    pub(crate) stages: BTreeMap<String, String>,
    /// The digest of `SHA256SUMS`.
    pub(crate) outputs: String,
}

impl BuildRecord {
    pub(crate) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Makes sure that there is no record.
    pub(crate) fn remove(path: &Path) -> Result<(), FileError> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::at("remove", path)(error)),
            _ => Ok(()),
        }
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), FileError> {
        write_file(path, format!("{:#}\n", serde_json::json!(self)).as_bytes())
    }
}

/// Returns the digest of a file.
pub(crate) fn digest_file(path: &Path) -> Result<Digest, FileError> {
    File::open(path).and_then(Digest::of_reader).map_err(FileError::at("read", path))
}

/// Writes `SHA256SUMS` for all files of a folder and returns its digest.
pub(crate) fn write_sums(images: &Images) -> Result<Digest, FileError> {
    let text = sums(images.path())?;
    let write = || images.create(SUMS)?.write_all(text.as_bytes());
    write().map_err(FileError::at("write", images.path().join(SUMS)))?;
    Ok(Digest::of(text.as_bytes()))
}

/// Returns whether the files of a folder are those of its `SHA256SUMS`, and that file the recorded one.
pub(crate) fn are_intact(folder: &Path, recorded: &str) -> bool {
    sums(folder).is_ok_and(|text| Digest::of(text.as_bytes()).to_string() == recorded)
}

fn sums(folder: &Path) -> Result<String, FileError> {
    let mut text = String::new();
    for name in Images::files(folder)?.iter().filter(|name| *name != Path::new(SUMS)) {
        text += &format!("{}  {}\n", digest_file(&folder.join(name))?, name.display());
    }
    Ok(text)
}

/// Digests stages one after the other: each includes the one before it.
pub(crate) struct Stages {
    digests: BTreeMap<String, String>,
    previous: Option<Digest>,
}

impl Stages {
    pub(crate) fn new() -> Self {
        Self { digests: BTreeMap::new(), previous: None }
    }

    /// Adds a stage made from these inputs and all stages before.
    pub(crate) fn add(&mut self, name: &str, inputs: &[&[u8]]) {
        let mut builder = DigestBuilder::default();
        if let Some(previous) = self.previous {
            builder.field(previous.bytes());
        }
        for input in inputs {
            builder.field(input);
        }
        let digest = builder.finish();
        self.digests.insert(name.to_owned(), digest.to_string());
        self.previous = Some(digest);
    }

    pub(crate) fn finish(self) -> BTreeMap<String, String> {
        self.digests
    }
}
