//! What layers add to a plan.

use crate::PlanError;
use crate::tree_digest::Budget;
use crate::tree_digest::Links;
use crate::tree_digest::TreeDigest;
use cap_std::fs::Dir;
use skiff_digest::Digest;
use skiff_kconfig::Problem;
use skiff_layers::LayerDir;
use skiff_layers::ReadError;
use skiff_layers::Stage;
use skiff_report::Cancel;
use skiff_text::Shown as _;
use skiff_text::shown;
use std::fmt;
use std::io;
use std::path::Path;
use std::path::PathBuf;

/// A line of a fragment that is no assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenLine {
    /// The file, absolute.
    pub file: PathBuf,
    /// The line and what is wrong with it.
    pub problem: Problem,
}

/// A tree that is copied over the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// The layer that brings it.
    pub layer: String,
    /// The directory, absolute.
    pub path: PathBuf,
    /// The layer, held open.
    pub dir: LayerDir,
}

impl Overlay {
    /// Returns the digest of a file in the directory. Holes are not read.
    ///
    /// # Errors
    /// [`PlanError`] when it cannot be read.
    pub fn digest_of(&self, inner: &Path, cancel: &Cancel) -> Result<Digest, PlanError> {
        let root = self.dir.path("");
        let inner = self.path.strip_prefix(&root).unwrap_or(&self.path).join(inner);
        TreeDigest::new(&self.dir, Links::Kept, &mut Budget::default(), cancel).of(&inner)
    }

    /// Opens the directory through the layer, so that no link in it leads out, whatever has changed since the plan was made.
    ///
    /// # Errors
    /// [`ReadError`] when it is gone, leads out of the layer's tree, or the system refuses.
    pub fn open(&self) -> Result<Dir, ReadError> {
        let root = self.dir.path("");
        let folder = self.dir.open_folder(self.path.strip_prefix(&root).unwrap_or(&self.path))?;
        folder.ok_or_else(|| ReadError::Io { path: self.path.clone(), source: io::ErrorKind::NotFound.into() })
    }
}

/// Patch directories by what they patch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patches {
    /// For Buildroot packages (`BR2_GLOBAL_PATCH_DIR`).
    pub buildroot: Vec<PathBuf>,
    /// For the kernel.
    pub kernel: Vec<PathBuf>,
    /// For U-Boot.
    pub uboot: Vec<PathBuf>,
}

/// A shell hook and the layer that brings it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedShellHook {
    /// The layer's name.
    pub layer: String,
    /// The layer's directory.
    pub layer_root: PathBuf,
    /// The same, held open.
    pub layer_dir: LayerDir,
    /// When it wants to run.
    pub stage: Stage,
    /// The script, absolute.
    pub path: PathBuf,
}

impl fmt::Display for BrokenLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { origin, kind, text } = &self.problem;
        write!(f, "{}:{}: {kind}: `{}`", self.file.shown(), origin.line, shown(text))
    }
}
