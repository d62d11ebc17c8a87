//! Whose a workspace's directory is.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use skiff_file::NEW;
use skiff_plan::Workspace;
use skiff_report::Cancel;

use crate::ENGINES;
use crate::FileError;
use crate::WorkspaceLock;
use crate::atomic::write_file;
use crate::mounted::refuse_mounts;
use crate::mounted::remove_tree_unless;
use crate::outputs::RECORD;
use skiff_text::Shown as _;

/// The file that says that skiff has made a directory and may replace what is in it.
const MARKER: &str = ".skiff-workspace";

/// A directory that skiff has not made holds what skiff would replace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` exists, and skiff did not create it", path.shown())]
pub struct ForeignFolder {
    /// The directory.
    pub path: PathBuf,
}

/// Why the outputs of a workspace were not removed.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// They are not skiff's.
    #[error(transparent)]
    Foreign(#[from] ForeignFolder),
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Makes a workspace's directory skiff's own, unless somebody else keeps something in it, and returns it. Whatever writes to a
/// workspace gets its directory here.
///
/// # Errors
/// [`WorkspaceError::Foreign`] names what somebody keeps there.
pub fn claim(workspace: &Workspace) -> Result<PathBuf, WorkspaceError> {
    let folder = workspace.folder();
    if is_workspace(&folder) {
        return Ok(folder);
    }
    refuse_foreign(&folder)?;
    fs::create_dir_all(&folder).map_err(FileError::at("make", &folder))?;
    write_file(&folder.join(MARKER), b"skiff replaces and removes what is in this directory.\n")?;
    Ok(folder)
}

/// Refuses a directory without skiff's mark, unless it is empty.
fn refuse_foreign(folder: &Path) -> Result<(), WorkspaceError> {
    if is_workspace(folder) {
        return Ok(());
    }
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(FileError::at("list", folder))?,
    };
    for entry in entries {
        let entry = entry.map_err(FileError::at("list", folder))?;
        // A mark that was being written when skiff was killed.
        if !entry.file_name().as_encoded_bytes().starts_with(NEW.as_bytes()) {
            return Err(ForeignFolder { path: entry.path() }.into());
        }
    }
    Ok(())
}

/// Returns whether a directory is one that `configure` has made, or SkiffOS.
pub fn is_configuration(folder: &Path) -> bool {
    folder.join("DO_NOT_EDIT").is_file()
}

/// Refuses a directory in the place of a workspace's configuration that is none, unless there is nothing in it.
pub(crate) fn refuse_foreign_configuration(workspace: &Workspace) -> Result<(), WorkspaceError> {
    match is_configuration(&workspace.config()) {
        true => Ok(()),
        false => refuse_foreign(&workspace.config()),
    }
}

/// Returns whether a directory is that of a workspace.
pub fn is_workspace(folder: &Path) -> bool {
    folder.join(MARKER).is_file()
}

/// Removes a workspace: what was built, what was configured, its lock and the state of plugins.
///
/// # Errors
/// [`WorkspaceError`] when the directory is not skiff's, something is mounted in it, or it cannot be removed. The
/// configuration goes first, so that what is left of a workspace never looks complete.
pub fn remove_workspace(workspace: &Workspace, lock: &WorkspaceLock, cancel: &Cancel) -> Result<(), WorkspaceError> {
    refuse_foreign_configuration(workspace)?;
    refuse_foreign(&workspace.folder())?;
    refuse_mounts(&workspace.folder())?;
    remove_tree_unless(cancel, &workspace.config())?;
    if workspace.folder().exists() {
        remove_outputs(workspace, lock, cancel)?;
    }
    Ok(remove_tree_unless(cancel, &workspace.folder())?)
}

/// Returns the directories that builds make in a workspace: those of single engines, then those of all.
pub(crate) fn output_directories() -> impl Iterator<Item = &'static str> {
    ENGINES.into_iter().flat_map(|kind| kind.output_directories).copied().chain(["graphs", "images", "target"])
}

/// Returns the files that builds make in a workspace, the record first.
fn output_files() -> impl Iterator<Item = &'static str> {
    [RECORD, "gaps.txt"].into_iter().chain(ENGINES.into_iter().flat_map(|kind| kind.output_files).copied())
}

/// Returns whether there is something that [`remove_outputs`] would remove.
pub fn has_outputs(workspace: &Workspace) -> bool {
    output_directories().chain(output_files()).any(|name| fs::symlink_metadata(workspace.folder().join(name)).is_ok())
}

/// Removes what building has made. The package lock and the state of plugins stay.
///
/// # Errors
/// [`WorkspaceError`] when the directories are not skiff's, something is mounted in them, or they cannot be removed.
pub fn remove_outputs(workspace: &Workspace, _lock: &WorkspaceLock, cancel: &Cancel) -> Result<(), WorkspaceError> {
    refuse_foreign(&workspace.folder())?;
    // Nothing goes if not all of it can go.
    refuse_mounts(&workspace.folder())?;
    let gone = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    // The record first: without it, the next build removes what is left before it looks at anything.
    for name in output_files() {
        let path = workspace.folder().join(name);
        gone(fs::remove_file(&path)).map_err(FileError::at("remove", &path))?;
    }
    for name in output_directories() {
        remove_tree_unless(cancel, &workspace.folder().join(name))?;
    }
    Ok(())
}
