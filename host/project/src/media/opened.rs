use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use skiff_build::WorkspaceError;
use skiff_file::SearchPath;
use skiff_flash::Disk;
use skiff_flash::FileDisk;
use skiff_flash::FileId;
use skiff_flash::InstallError;
use skiff_flash::Rules;
use skiff_flash::Staged;
use skiff_flash::Target;
use skiff_flash::Watch as _;
use skiff_flash::Workshop;

use super::Chosen;
use super::MACHINE;
use super::MediumError;
use super::TaskWatch;
use super::forget_maps;
use crate::Session;
use crate::error::Error;
use crate::error::Result;

/// Opens a medium to look at it.
///
/// # Errors
/// If it cannot be opened.
pub fn look(chosen: &Chosen) -> Result<FileDisk> {
    Ok(FileDisk::new(open(chosen.path(), false)?, chosen.medium().size))
}

fn open(path: &Path, write: bool) -> Result<File> {
    File::options().read(true).write(write).open(path).map_err(|error| unopened(path, error))
}

fn unopened(path: &Path, error: io::Error) -> Error {
    MediumError::Unopened { path: path.to_owned(), error }.into()
}

/// A medium that is opened exclusively, with the inputs for planning the writes.
pub struct Opened<'c> {
    chosen: &'c Chosen,
    disk: Box<dyn Disk>,
    watch: TaskWatch,
    programs: SearchPath,
    scratch: PathBuf,
    epoch: u32,
}

impl<'c> Opened<'c> {
    /// Opens it exclusively.
    ///
    /// # Errors
    /// If it cannot be opened, has changed since it was looked at, or is in use.
    pub fn new(session: &Session, chosen: &'c Chosen, rules: &Rules, epoch: u32) -> Result<Self> {
        let disk: Box<dyn Disk> = match chosen {
            Chosen::Device(cleared) => Box::new(Target::open(cleared, Path::new(MACHINE), rules)?),
            Chosen::File { path, size, id } => {
                let file = open(path, true)?;
                let metadata = file.metadata().map_err(|error| unopened(path, error))?;
                if !metadata.is_file() || metadata.len() != *size || FileId::of(&metadata) != *id {
                    return Err(MediumError::Changed(path.clone()).into());
                }
                skiff_file::hold(&file).map_err(|error| match error.kind() {
                    io::ErrorKind::WouldBlock => MediumError::Busy(path.clone()).into(),
                    _ => unopened(path, error),
                })?;
                Box::new(FileDisk::new(file, *size))
            }
        };
        let (watch, programs) = (TaskWatch::new(&session.console), session.console.environment.search_path());
        Ok(Self { chosen, disk, watch, programs, scratch: scratch(session)?, epoch })
    }

    /// Works out what is written, and writes it.
    ///
    /// # Errors
    /// If that fails, or if the user wants to stop before the first write.
    pub fn write(&self, stage: impl FnOnce(Workshop<'_>) -> Result<Staged, InstallError>) -> Result<()> {
        // The device or file that was checked, whatever its name means by now.
        let (disk, path) = (self.disk.as_ref(), self.disk.path());
        let staged = stage(Workshop {
            disk,
            path: &path,
            programs: &self.programs,
            scratch: &self.scratch,
            epoch: self.epoch,
            watch: &self.watch,
        })?;
        if self.watch.is_cancelled() {
            return Err(InstallError::Cancelled.into());
        }
        forget_maps(self.chosen)?;
        let written = staged.commit(disk, &self.watch);
        Ok(written.map_err(|error| MediumError::Write { path: self.chosen.path().to_owned(), error })?)
    }
}

/// A directory with room for what goes onto a medium: that of the workspace.
///
/// # Errors
/// If it cannot be made.
pub fn scratch(session: &Session) -> Result<PathBuf> {
    let folder = match skiff_build::claim(&session.workspace) {
        // The directory belongs to other images: skiff neither replaces nor removes them.
        Err(WorkspaceError::Foreign(_)) => session.workspace.folder(),
        folder => folder?,
    };
    // What a run has left that was killed is only in the way.
    let _ = skiff_flash::clear_leftovers(&folder);
    Ok(folder)
}
