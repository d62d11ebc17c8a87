//! Work on whole trees below open directories: copying, packing, unpacking, digesting, removing.
//!
//! What is copied and unpacked here comes from people whom nobody knows. Every path is a [`TreePath`], which cannot name
//! anything outside; links on the way are followed by cap-std, which does not leave the directory; links that are
//! copied or unpacked are never followed. Devices, pipes and sockets are refused, set-user-id bits are dropped.
//!
//! This crate must not: open anything by a path of the host unless the caller hands it [`rustix::fs::CWD`], know what a
//! layer or a plugin is.

mod copy;
mod data;
mod digest;
mod entry;
mod error;
mod mount;
mod pack;
mod packing;
mod path;
mod peek;
mod remove;
mod temporary;
mod unpack;
mod watched;

pub use copy::copy;
pub use copy::duplicate;
pub use copy::link;
pub use copy::put;
pub use copy::set_mode;
pub use digest::digest;
pub use digest::digest_file;
pub use error::Stopped;
pub use error::TreeError;
pub use mount::Mount;
pub use mount::mounts;
pub use mount::unescaped;
pub use pack::Archive;
pub use pack::Compression;
pub use pack::Format;
pub use pack::pack;
pub use packing::Packing;
pub use packing::UnpackError;
pub use packing::Unpacked;
pub use packing::fill;
pub use packing::skippable;
pub use path::InvalidPath;
pub use path::TreePath;
pub use remove::remove;
pub use temporary::Temporary;
pub use unpack::Bounds;
pub use unpack::unpack;
pub use watched::Watched;

/// What was copied, packed or unpacked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Files, directories and links.
    pub entries: u64,
    /// Bytes of the contents of files.
    pub bytes: u64,
}

/// Asked again and again while long work goes on; an error ends the work.
pub type Watch<'w> = &'w dyn Fn() -> Result<(), Stopped>;

/// The bits of a mode that are kept: set-user-id and its like are not for strangers to set.
pub(crate) const PLAIN_MODE: u32 = 0o777;

/// All bits of a mode.
pub(crate) const ALL_MODE: u32 = 0o7777;

/// Directories in directories that are gone into; each holds an open file.
pub(crate) const MAX_DEPTH: usize = 100;

/// Files, directories and links of a tree that is copied, packed or digested. Their names are in memory, a directory
/// at a time.
pub(crate) const MAX_ENTRIES: u64 = if cfg!(test) { 2000 } else { 2_000_000 };
