use skiff_plan::Workspace;

use crate::ENGINES;
use crate::EngineError;
use crate::EngineName;
use crate::Sizes;
use crate::lock_entry::LockEntry;

/// What is known of an engine without making one: for arguments, help, completion, `doctor` and messages.
#[derive(Debug)]
pub struct EngineKind {
    /// Its name.
    pub name: EngineName,
    /// What sentences call it: "Buildroot".
    pub title: &'static str,
    /// What it makes a system from, for the list of a shell's completion.
    pub about: &'static str,
    /// The programs that it cannot work without.
    pub requirements: &'static [Requirement],
    /// The bytes that a build takes at least, where that is worth a warning.
    pub room: Option<u64>,
    /// Whether it refuses to work with a `PATH` that has relative directories or spaces.
    pub needs_plain_path: bool,
    /// Whether a build runs scripts of layers with the user's rights, which takes consent.
    pub runs_scripts: bool,
    /// Whether it has a [`BuildSystem`](crate::BuildSystem).
    pub has_build_system: bool,
    /// Whether the user can name the source tree that it builds from: `SKIFF_BUILDROOT_DIR`.
    pub takes_tree: bool,
    /// Whether it makes what boards start from: firmware and boot loaders.
    pub makes_firmware: bool,
    /// Its part of the lock file.
    pub(crate) lock: LockEntry,
    /// The directories that its builds make in a workspace besides `images` and `target`.
    pub(crate) output_directories: &'static [&'static str],
    /// The files that its builds make in a workspace besides the record.
    pub(crate) output_files: &'static [&'static str],
    /// Reads what the parts of the target take that it has built.
    pub(crate) sizes: fn(&Workspace) -> Result<Sizes, EngineError>,
}

/// A program that an engine cannot work without.
#[derive(Debug)]
pub struct Requirement {
    /// The program's name.
    pub program: &'static str,
    /// The Debian package that has it.
    pub package: &'static str,
}

impl EngineKind {
    /// Returns the first engine that fits, to be proposed to users.
    pub fn first(fits: impl Fn(&Self) -> bool) -> Option<&'static Self> {
        ENGINES.into_iter().find(|kind| fits(kind))
    }
}
