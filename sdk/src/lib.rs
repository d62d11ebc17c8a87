//! Write skiff plugins in Rust.
//!
//! A plugin is a WebAssembly component with hooks (the [`Hook`] trait and [`export_hook!`]) or commands
//! ([`Command`] and [`export_command!`]). It sees small files through `std::fs` under the folders that its
//! manifest asks for (`/layers`, `/target`, `/images`, `/state`, `/layer`) and everything else through this
//! crate: [`log`], [`Progress`], [`layers`], [`symbols`], [`Tool`].
//!
//! The crate also builds natively, so that a plugin's logic can be unit-tested like any other code. Only
//! functions that talk to the host cannot be called there.

mod bindings;
mod command;
mod context;
mod failure;
mod hook;
mod report;
mod tool;

#[doc(hidden)]
pub use bindings::command as command_bindings;
#[doc(hidden)]
pub use bindings::hook as hook_bindings;
pub use bindings::imports::skiff::host::context::Kind;
pub use command::Arguments;
pub use command::Command;
pub use context::Layer;
pub use context::Target;
pub use context::layers;
pub use context::symbols;
pub use context::target;
pub use failure::Failure;
pub use failure::FailureKind;
pub use failure::Result;
pub use hook::Hook;
pub use hook::Stage;
pub use report::Level;
pub use report::Progress;
pub use report::cancelled;
pub use report::log;
pub use tool::Outcome;
pub use tool::Tool;
