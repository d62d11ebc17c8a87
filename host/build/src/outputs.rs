//! What a build left behind, with digests, so that the next run knows whether it is still there.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use skiff_digest::Digest;
use skiff_plan::Links;
use skiff_plan::PlanError;
use skiff_plan::Workspace;
use skiff_plan::digest_tree;
use skiff_report::Cancel;

use crate::EngineName;
use crate::FileError;
use crate::StageInputs;
use crate::atomic::read_optional;
use crate::atomic::write_file;
use crate::images::Images;
use crate::images::Symlinks;
use skiff_text::Shown as _;

/// The file of digests beside the images, in the format of `sha256sum`.
pub(crate) const SUMS: &str = "SHA256SUMS";

/// The file in a workspace with the record of its last build.
pub(crate) const RECORD: &str = "build.json";

/// The present version of the record.
const VERSION: u32 = 2;

/// The record of a build cannot be read, so nobody knows what is in the workspace. It is never taken for missing: what
/// was built would be thrown away.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file system refuses.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file holds something else.
    #[error("cannot read the build record `{}`: {reason}", path.shown())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// What the outputs of a workspace are made from.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BuildRecord {
    /// The version of its format.
    version: u32,
    /// The engine that has made them.
    pub(crate) engine: EngineName,
    /// The stages with their inputs.
    pub(crate) stages: Vec<StageInputs>,
    /// What else the engine wants to know of that build the next time.
    #[serde(default)]
    pub(crate) details: serde_json::Value,
    /// The digest of `SHA256SUMS`; `None` while a build is under way, or when it did not end well.
    pub(crate) outputs: Option<String>,
}

/// What records of all versions have.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl BuildRecord {
    /// Makes that of a build that begins.
    pub(crate) fn new(engine: EngineName, stages: Vec<StageInputs>) -> Self {
        Self { version: VERSION, engine, stages, details: serde_json::Value::Null, outputs: None }
    }

    /// Reads that of a workspace, if there is one.
    pub(crate) fn read(workspace: &Workspace) -> Result<Option<Self>, RecordError> {
        let path = Self::path(workspace);
        let Some(bytes) = read_optional(&path)? else { return Ok(None) };
        let broken = |path, reason| RecordError::Broken { path, reason };
        // What else stands in it depends on its version.
        match serde_json::from_slice::<Versioned>(&bytes) {
            Ok(Versioned { version: VERSION }) => {}
            Ok(Versioned { version }) => {
                return Err(broken(path, format!("it has version {version}, and this skiff knows {VERSION}")));
            }
            Err(error) => return Err(broken(path, error.to_string())),
        }
        serde_json::from_slice(&bytes).map(Some).map_err(|error| broken(path, error.to_string()))
    }

    /// Returns what the engine wanted to know; nothing when it noted nothing.
    pub(crate) fn details<T: DeserializeOwned + Default>(&self, workspace: &Workspace) -> Result<T, RecordError> {
        if self.details.is_null() {
            return Ok(T::default());
        }
        let broken =
            |error: serde_json::Error| RecordError::Broken { path: Self::path(workspace), reason: error.to_string() };
        T::deserialize(&self.details).map_err(broken)
    }

    fn path(workspace: &Workspace) -> PathBuf {
        workspace.folder().join(RECORD)
    }

    /// Makes sure that there is no record.
    pub(crate) fn remove(workspace: &Workspace) -> Result<(), FileError> {
        let path = Self::path(workspace);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::at("remove", path)(error)),
            _ => Ok(()),
        }
    }

    pub(crate) fn write(&self, workspace: &Workspace) -> Result<(), FileError> {
        write_file(&Self::path(workspace), format!("{:#}\n", serde_json::json!(self)).as_bytes())
    }
}

/// Returns the digest of a file.
pub(crate) fn digest_file(path: &Path) -> Result<Digest, FileError> {
    File::open(path).and_then(Digest::of_reader).map_err(FileError::at("read", path))
}

/// Returns the digest of a directory, or of a file with its holes left out.
pub(crate) fn digest_folder(path: &Path, links: Links, cancel: &Cancel) -> Result<Digest, FileError> {
    let failed = |error| match error {
        PlanError::Cancelled(_) => io::ErrorKind::Interrupted.into(),
        error => io::Error::other(error),
    };
    digest_tree(path, links, cancel).map_err(|error| FileError::at("read", path)(failed(error)))
}

/// What was built last in a workspace, and whether it is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Built {
    /// Nothing was.
    Never,
    /// A build did not come to its end.
    Unfinished(Vec<StageInputs>),
    /// The images are those of the last build, made from this.
    Images(Vec<StageInputs>),
    /// Somebody has changed or removed images since.
    Damaged,
}

impl Built {
    /// Looks at a workspace. Digests all images, which takes a second per gigabyte.
    ///
    /// # Errors
    /// [`RecordError`] when nobody can tell.
    pub fn look(workspace: &Workspace) -> Result<Self, RecordError> {
        Ok(match BuildRecord::read(workspace)? {
            None => Self::Never,
            Some(record) if record.outputs.is_none() => Self::Unfinished(record.stages),
            Some(record) if are_intact(&workspace.images(), record.outputs.as_deref()) => Self::Images(record.stages),
            Some(_) => Self::Damaged,
        })
    }
}

/// Returns the engine that has built in a workspace.
///
/// # Errors
/// [`RecordError`] when nobody can tell.
pub fn built_by(workspace: &Workspace) -> Result<Option<EngineName>, RecordError> {
    Ok(BuildRecord::read(workspace)?.map(|record| record.engine))
}

/// Notes that the outputs of a workspace are not those of its last build any more.
pub(crate) fn mark_unfinished(workspace: &Workspace) -> Result<(), RecordError> {
    match BuildRecord::read(workspace)? {
        Some(record) => Ok(BuildRecord { outputs: None, ..record }.write(workspace)?),
        None => Ok(()),
    }
}

/// Writes `SHA256SUMS` for all files of a directory and returns its digest.
pub(crate) fn write_sums(images: &Images, symlinks: Symlinks) -> Result<Digest, FileError> {
    Images::files(images.path(), symlinks)?;
    let text = sums(images.path())?;
    let write = || images.create(SUMS)?.write_all(text.as_bytes());
    write().map_err(FileError::at("write", images.path().join(SUMS)))?;
    Ok(Digest::of(text.as_bytes()))
}

/// Returns whether the files of a directory are those of its `SHA256SUMS`, and that file the recorded one.
pub(crate) fn are_intact(folder: &Path, recorded: Option<&str>) -> bool {
    sums(folder).is_ok_and(|text| Some(Digest::of(text.as_bytes()).to_string().as_str()) == recorded)
}

fn sums(folder: &Path) -> Result<String, FileError> {
    let mut text = String::new();
    for name in Images::files(folder, Symlinks::Skipped)?.iter().filter(|name| *name != Path::new(SUMS)) {
        text += &format!("{}  {}\n", digest_file(&folder.join(name))?, name.shown());
    }
    Ok(text)
}
