//! The effects of maintainer scripts, without running one.
//!
//! A Debian package is more than its files: when it is installed, its `postinst` creates users, enables units, registers
//! alternatives. [`configure`] reads a tree of unpacked packages and the texts of these scripts, and returns a list of
//! [`Change`]s that lead to the same system. Mechanisms that many packages share are code here, one file each. The
//! particularities of single packages are data (`data/*.yaml`), so a new package needs no code. A command of a script that
//! neither covers is a [`Gap`], with its package and line.
//!
//! This crate must not: run a program, write a file, know layers, or branch on a distribution (its data can).
//!
//! # Comparison with a real installation
//!
//! `tests/real.rs` compares everything with a system that `mmdebstrap` installed from the same packages. It is ignored by
//! default, because it needs both trees; its first lines say how to make them.

mod account;
mod alternatives;
mod blocks;
mod certificates;
mod change;
mod configure;
mod data;
mod error;
mod gap;
mod libraries;
mod overrides;
mod pam;
mod path;
mod root;
mod script;
mod shell;
#[cfg(test)]
mod testing;
mod tree;
mod unit;
mod wishes;

pub use account::Ids;
pub use change::Change;
pub use change::Owner;
pub use configure::Configured;
pub use configure::configure;
pub use data::DATA;
pub use error::Error;
pub use gap::Gap;
pub use gap::Topic;
pub use path::TreePath;
pub use root::Kind;
pub use root::Root;
pub use script::Package;
pub use wishes::UnitAction;
pub use wishes::UnitRule;
pub use wishes::UnitRuleError;
pub use wishes::Wishes;
