//! Files of this machine: opened without waiting, read in bounds, replaced completely or not at all, locked for one user, and
//! programs found in the directories of a search path.
//!
//! This crate must not: know what a file means, read the environment, or talk to anybody.

mod hold;
mod lock;
mod new_file;
mod read;
mod search_path;

pub use hold::hold;
pub use hold::hold_shared;
pub use lock::Lock;
pub use new_file::NEW;
pub use new_file::NewFile;
pub use new_file::replace;
pub use read::open_file;
pub use read::read_optional;
pub use read::read_up_to;
pub use search_path::SearchPath;
