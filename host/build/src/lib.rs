//! Carries out a [`BuildPlan`](skiff_plan::BuildPlan): writes a workspace's configuration and drives the engine
//! that builds it.
//!
//! All that is written goes to a staging directory first and takes its place by one rename, so that a workspace
//! shows either the last good state or the next one. This crate does not know plugins: it calls hooks through
//! [`HookRunner`](skiff_plan::HookRunner). It must not draw progress, read the environment or ask questions.

mod atomic;
pub mod buildroot;
mod configure;
mod context;
mod contributions;
mod draft;
mod engine;
mod engine_kind;
mod engines;
mod gap;
mod images;
mod input;
mod lock_file;
mod memory;
mod mounted;
mod outlook;
mod outputs;
pub mod prebuilt;
mod process;
mod stage;
mod workspace;
mod workspace_lock;

pub use atomic::FileError;
pub use atomic::write_file;
pub use buildroot::BuildrootError;
pub use configure::ConfigureError;
pub use configure::Configured;
pub use configure::Weight;
pub use configure::configure;
pub use configure::is_configured;
pub use configure::is_unchanged;
pub use configure::read_dropped;
pub use configure::weigh;
pub use configure::write_dropped_list;
pub use context::BuildContext;
pub use context::OpenError;
pub use context::Opening;
pub use contributions::recorded_contributions;
pub use draft::Draft;
pub use engine::Compiled;
pub use engine::ConfigureOutcome;
pub use engine::Engine;
pub use engine::LockPolicy;
pub use engine_kind::EngineKind;
pub use engine_kind::Requirement;
pub use engines::ENGINES;
pub use engines::EngineError;
pub use engines::EngineName;
pub use gap::Gap;
pub use input::Input;
pub use lock_file::Drift;
pub use lock_file::LockFile;
pub use lock_file::LockFileError;
pub use lock_file::LockedLayer;
pub use lock_file::LockedPlugin;
pub use lock_file::LockedSystem;
pub use memory::MemoryError;
pub use memory::Saved;
pub use memory::SavedSettings;
pub use outlook::Lacking;
pub use outlook::Outlook;
pub use outputs::Built;
pub use outputs::RecordError;
pub use outputs::built_by;
pub use prebuilt::PrebuiltError;
pub use stage::InputChange;
pub use stage::StageChange;
pub use stage::StageInputs;
pub use stage::stage_changes;
pub use stage::stage_digests;
pub use workspace::ForeignFolder;
pub use workspace::WorkspaceError;
pub use workspace::claim;
pub use workspace::has_outputs;
pub use workspace::is_configuration;
pub use workspace::is_workspace;
pub use workspace::remove_outputs;
pub use workspace::remove_workspace;
pub use workspace_lock::LockError;
pub use workspace_lock::WorkspaceLock;
