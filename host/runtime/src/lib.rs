//! The component host. The only crate that sees wasmtime.
//!
//! # Trust model
//!
//! A plugin is untrusted code. It is able to do what its manifest **declares** *and* the user **granted** to
//! exactly these bytes ([`Grants`]), first-party plugins included; everything else is refused with the line
//! that would grant it. Before a component is instantiated, the names of its imports are compared with a closed
//! list. Each call gets a store of its own with limits on memory, tables, handles, output and time, an empty
//! environment, no network, no arguments, and the file system of the granted directories only ([`Zone`] by zone,
//! opened through cap-std). After the call the store is dropped; a trap or a timeout ends that call and
//! nothing else.
//!
//! Programs of the host ([`tools`](skiff_layers::ToolCapability)) are run by name, without a shell, with
//! arguments that fit a declared pattern; paths in them are put in by the host. What such a program does is
//! beyond the sandbox: a `tool` capability is to be granted with as much care as running the program by hand.
//!
//! Outside of the zones this crate writes to three places that its caller names: the cache of compiled components, that of
//! downloads, and the audit log. It must not: decide what to build, open devices, ask the user.
//!
//! [`Zone`]: skiff_layers::Zone

mod audit;
mod bindings;
pub mod board;
mod cache;
mod call;
mod capability;
mod clock;
mod compiler;
mod component;
mod engine;
mod error;
mod facts;
mod grant;
mod grant_file;
mod identity;
mod interface;
mod invoke;
mod runner;
mod script;
mod state;

pub use audit::AuditEvent;
pub use audit::AuditLog;
pub use audit::AuditRecord;
pub use call::Given;
pub use call::GivenValue;
pub use capability::Use;
pub use capability::fetch::Downloads;
pub use capability::fetch::FetchUse;
pub use capability::interfaces;
pub use capability::tool::Tape;
pub use capability::tool::ToolEnvironment;
pub use capability::tool::ToolRun;
pub use capability::tool::ToolUse;
pub use capability::tool::fit;
pub use clock::Late;
pub use compiler::compile;
pub use compiler::precompile;
pub use component::INTERFACES;
pub use component::Inspection;
pub use error::CallError;
pub use error::Denied;
pub use error::GrantError;
pub use error::HostError;
pub use error::LoadError;
pub use error::PluginFailure;
pub use facts::Facts;
pub use facts::FactsError;
pub use facts::LazyFacts;
pub use grant::Grants;
pub use grant::Standing;
pub use grant_file::GrantFile;
pub use identity::Identity;
pub use identity::PluginId;
pub use identity::state_folder;
pub use interface::AnswerTooLarge;
pub use runner::Runner;
pub use runner::System;
pub use runner::Workshop;
pub use script::ScriptEnvironment;
pub use script::Scripts;
