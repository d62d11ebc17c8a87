//! Write skiff plugins in Rust.
//!
//! A plugin is a WebAssembly component with hooks (the [`Hook`] trait and [`export_hook!`]), commands ([`Command`] and
//! [`export_command!`]), contributions to the configuration ([`Configure`] and [`export_configure!`]) or a board's layout
//! ([`Board`] and [`export_board!`]), or several of these. It sees small files through `std::fs` under the folders that its
//! manifest asks for (`/layers`, `/target`, `/images`, `/state`, `/layer`) and everything else through this
//! crate: [`log`], [`Progress`], [`layers`], [`symbols`], [`Tool`], [`Tree`].
//!
//! The crate also builds natively, so that a plugin can be unit-tested like any other code: a [`testing::Host`] answers
//! for skiff.

mod bindings;
pub mod board;
mod command;
mod configure;
mod context;
mod failure;
mod hook;
mod host;
#[cfg(feature = "json")]
pub mod json;
mod report;
mod storage;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod tool;

#[doc(hidden)]
pub use bindings::board as board_bindings;
#[doc(hidden)]
pub use bindings::command as command_bindings;
#[doc(hidden)]
pub use bindings::configuration as configuration_bindings;
#[doc(hidden)]
pub use bindings::hook as hook_bindings;
pub use bindings::imports::skiff::host::context::ConfigKind;
pub use board::Board;
pub use command::Arguments;
pub use command::Command;
pub use command::Value;
pub use configure::Configure;
pub use configure::Fragment;
pub use context::Layer;
pub use context::Target;
pub use context::layers;
pub use context::own_layer;
pub use context::path;
pub use context::settings;
pub use context::symbol_text;
pub use context::symbols;
pub use context::target;
pub use failure::Failure;
pub use failure::FailureCode;
pub use failure::Result;
pub use hook::Hook;
pub use hook::Stage;
pub use report::Level;
pub use report::Progress;
pub use report::cancelled;
pub use report::log;
pub use storage::Amount;
pub use storage::Archive;
pub use storage::Blob;
pub use storage::Compression;
pub use storage::Tree;
pub use tool::Outcome;
pub use tool::Tool;
