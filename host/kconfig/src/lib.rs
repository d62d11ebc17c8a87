//! Kconfig fragments and their merge.
//!
//! A *fragment* is a file of assignments (`BR2_X=y`, `# CONFIG_Y is not set`). [`merge`] puts fragments
//! together in order; for every symbol the last assignment wins, inside a fragment as well as between
//! fragments, and every assignment that lost stays reachable with its layer, file and line.
//!
//! What the merge does *not* do: it evaluates no dependency, adds no default, knows no types and never
//! joins two values. That is the work of the real Kconfig that reads the result. The values equal those of
//! SkiffOS (`merge_config.sh -m` over the same files); the text is ours, one symbol at a time in the order in which
//! the winners were assigned (of a Kconfig choice the last member set wins).
//!
//! After the real Kconfig has run, [`dropped`] compares what was asked for with what came of it, and says why they
//! differ by what the program's own Kconfig files ([`Definitions`]) say.
//!
//! This crate knows no layer: an [`Origin`] carries an opaque label.

mod cause;
mod condition;
mod definition;
mod fragment;
mod kind;
mod merged;
mod origin;
mod similar;
mod symbol;
mod verdict;

pub use cause::Cause;
pub use definition::DefinitionError;
pub use definition::Definitions;
pub use definition::ReadFile;
pub use definition::SymbolType;
pub use fragment::Fragment;
pub use fragment::Problem;
pub use fragment::ProblemKind;
pub use kind::Kind;
pub use merged::Entry;
pub use merged::Merged;
pub use merged::merge;
pub use origin::Origin;
pub use similar::similar;
pub use symbol::Assignment;
pub use symbol::Symbol;
pub use symbol::Value;
pub use verdict::DropReason;
pub use verdict::Dropped;
pub use verdict::dropped;
pub use verdict::is_met;
pub use verdict::obstacle;
pub use verdict::selecting;
