//! From a resolved chain to a [`BuildPlan`]: everything that configuring, building and calling plugins will
//! do, as data.
//!
//! Making a plan reads the layers and changes nothing. A plan can be printed ([`document`]), compared by its
//! fingerprint and tested without a build. The crate also holds the joints between those that carry plans
//! out, so that they need not know each other: [`HookRunner`], called by the engines and implemented by the plugin runtime.

mod cflags;
pub mod document;
mod error;
mod external;
mod fingerprint;
mod hook;
mod layer_input;
mod parts;
mod placeholder;
mod plan;
mod skiffos;
mod target;
mod tree_digest;
mod user;
mod workspace;

pub use error::PlanError;
pub use fingerprint::Fingerprint;
pub use fingerprint::of_scripts as digest_scripts;
pub use fingerprint::of_tree as digest_tree;
pub use fingerprint::scripts_cover;
pub use hook::Contribution;
pub use hook::HookCall;
pub use hook::HookFailure;
pub use hook::HookRunner;
pub use hook::HookStep;
pub use hook::Zones;
pub use layer_input::LayerInput;
pub use layer_input::LayerPart;
pub use parts::BrokenLine;
pub use parts::Overlay;
pub use parts::Patches;
pub use parts::PlannedShellHook;
pub use placeholder::Version;
pub use plan::BuildPlan;
pub use skiffos::LegacyFolders;
pub use skiffos::legacy_environment;
pub use target::Arch;
pub use target::Getty;
pub use target::Target;
pub use target::TargetError;
pub use tree_digest::Links;
pub use user::User;
pub use user::UserError;
pub use user::UserFault;
pub use user::UserId;
pub use workspace::InvalidWorkspace;
pub use workspace::Workspace;
