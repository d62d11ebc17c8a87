//! Running programs of the host: `skiff:host/tools`.

mod budget;
mod interface;
mod matcher;
mod process;
mod tape;
mod used;

use skiff_layers::CapabilityKind;

use super::HostCapability;
use super::Idle;
use crate::interface::interface;

pub(crate) use self::budget::ToolBudget;
pub use self::matcher::fit;
pub use self::process::ToolEnvironment;
pub use self::tape::Tape;
pub use self::tape::ToolRun;
pub use self::used::ToolUse;

pub(super) const CAPABILITY: HostCapability = HostCapability {
    kind: CapabilityKind::Tool,
    interfaces: &[interface!(tools, "skiff:host/tools")],
    lacks: "no `tool`",
    idle: Some(Idle { without: &["skiff:host/tools"], said: "does not import skiff:host/tools" }),
};
