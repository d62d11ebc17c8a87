//! Whose files are believed.
//!
//! A place proves nothing: anybody can make a checkout in `/tmp`, or fill a directory that is writable for others. skiff
//! believes a path when nobody but the user, root and, below sudo, the user who called it can change what it leads to
//! ([`Trust::check`]), and a tree when that is so of all that lies in it ([`Trust::check_tree`]). It asks this at every root
//! of belief: the checkout, the overrides with their grants, the workspaces with what they remember, the project file, the
//! cache, and the trees whose programs it runs. Other paths are believed when the user lists them.
//!
//! This crate must not: read the environment, or talk to anybody.

mod account;
mod acl;
mod check;
mod mounts;
mod private;
mod tree;
mod walk;

pub use account::Accounts;
pub use check::Reason;
pub use check::Trust;
pub use check::Untrusted;
pub use private::PrivateError;
