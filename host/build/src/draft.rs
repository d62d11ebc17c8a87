use std::fs;
use std::path::Path;
use std::path::PathBuf;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use skiff_plan::Workspace;
use skiff_report::Cancel;
use skiff_tree::Stopped;

use crate::FileError;
use crate::WorkspaceLock;
use crate::atomic::Staging;
use crate::mounted::refuse_mounts;

/// A copy of outputs that a command may change. It takes their place when the command has done its work; when it fails,
/// crashes or is stopped, nothing has changed.
pub struct Draft {
    staging: Staging,
    /// The name in the staging directory, and the place.
    parts: Vec<(&'static str, PathBuf)>,
}

impl Draft {
    /// Copies the images or the target, as far as they are there.
    ///
    /// # Errors
    /// [`FileError`] when they cannot be copied.
    pub fn new(
        workspace: &Workspace,
        images: bool,
        target: bool,
        cancel: &Cancel,
        _lock: &WorkspaceLock,
    ) -> Result<Self, FileError> {
        let mut draft = Self { staging: Staging::new(&workspace.folder(), workspace.name())?, parts: Vec::new() };
        for (wanted, name, place) in [(images, "images", workspace.images()), (target, "target", workspace.target())] {
            if wanted && place.is_dir() {
                draft.copy(name, &place, cancel)?;
                draft.parts.push((name, place));
            }
        }
        Ok(draft)
    }

    fn copy(&self, name: &str, place: &Path, cancel: &Cancel) -> Result<(), FileError> {
        let new = self.staging.path().join(name);
        let open = |path: &Path| Dir::open_ambient_dir(path, ambient_authority());
        let opened = fs::create_dir(&new).and_then(|()| Ok((open(place)?, open(&new)?)));
        let (from, into) = opened.map_err(FileError::at("copy", place))?;
        let watch = || if cancel.is_cancelled() { Err(Stopped::Cancelled) } else { Ok(()) };
        skiff_tree::duplicate(&from, &into, &watch)
            .map(drop)
            .map_err(|error| FileError::at("copy", place)(error.into()))
    }

    /// Returns where the copy of `images` or `target` is.
    pub fn folder(&self, name: &str) -> Option<PathBuf> {
        let part = self.parts.iter().find(|(part, _)| *part == name);
        part.map(|(part, _)| self.staging.path().join(part))
    }

    /// Puts the copies in the place of what they were made of, each in one step.
    ///
    /// # Errors
    /// [`FileError`] when that is not possible.
    pub fn commit(self) -> Result<(), FileError> {
        // What would refuse one part refuses all of them, before the first is in its place.
        self.parts.iter().try_for_each(|(_, place)| refuse_mounts(place))?;
        self.parts.iter().try_for_each(|(name, place)| self.staging.exchange(name, place))
    }
}
