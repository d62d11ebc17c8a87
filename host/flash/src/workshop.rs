//! Programs and room: what it takes to make a file system, and to change one.

use std::path::Path;

use skiff_file::SearchPath;

use crate::Disk;
use crate::Watch;

/// Where the programs that make file systems are, and where they work.
#[derive(Debug, Clone, Copy)]
pub struct Toolbox<'t> {
    /// Where e2fsprogs are looked for.
    pub programs: &'t SearchPath,
    /// A directory for what they are given, removed when they are done.
    pub scratch: &'t Path,
}

/// What is needed to work out the writes of a partition.
#[derive(Clone, Copy)]
pub struct Workshop<'w> {
    /// The medium.
    pub disk: &'w dyn Disk,
    /// The file or device that it is.
    pub path: &'w Path,
    /// Where programs are looked for.
    pub programs: &'w SearchPath,
    /// A directory with room for everything that will be written.
    pub scratch: &'w Path,
    /// The time that what is made bears, in seconds since 1970.
    pub epoch: u32,
    /// Told how long it goes on.
    pub watch: &'w dyn Watch,
}
