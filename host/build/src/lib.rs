//! Carries out a [`BuildPlan`](skiff_plan::BuildPlan): writes a workspace's configuration and drives the engine
//! that builds it.
//!
//! All that is written goes to a staging folder first and takes its place by one rename, so that a workspace
//! shows either the last good state or the next one. This crate does not know plugins: it calls hooks through
//! [`HookRunner`](skiff_plan::HookRunner). It must not draw progress, read the environment or ask questions.

mod atomic;
mod configure;
mod engine;
mod images;
mod lock;
mod mounted;
mod outputs;
pub mod prebuilt;
mod workspace;

pub use atomic::FileError;
pub use configure::Choices;
pub use configure::ConfigureError;
pub use configure::Configured;
pub use configure::Remembered;
pub use configure::configure;
pub use configure::is_configured;
pub use engine::Compiled;
pub use engine::Engine;
pub use engine::Gap;
pub use engine::Job;
pub use lock::LockError;
pub use lock::WorkspaceLock;
pub use workspace::ForeignFolder;
pub use workspace::WorkspaceError;
pub use workspace::remove_outputs;
