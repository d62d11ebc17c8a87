//! What the host does for each kind of capability: a module for each, and one table of them.
//!
//! The linker, the check of imports, what `plugin inspect` and `plugin check` say, the audit log and the
//! table in wit/README.md follow this table. How a manifest declares a kind, its names and the words of
//! the question are in the module of the same name in `skiff-layers`.

pub(crate) mod fetch;
pub(crate) mod files;
mod imports;
pub(crate) mod tool;
mod usage;
mod variable;

use std::fmt;

use serde::Deserialize;
use serde::Serialize;
use skiff_layers::Capability;
use skiff_layers::CapabilityKind;

use crate::interface::Interface;

pub(crate) use self::imports::Imports;
pub(crate) use self::imports::Permission;
pub use self::imports::interfaces;

/// What the host does for a kind of capability.
struct HostCapability {
    kind: CapabilityKind,
    /// The interfaces that a plugin which declares one may import. Others are not even linked.
    interfaces: &'static [Interface],
    /// What is missing in a manifest that declares none.
    lacks: &'static str,
    /// When a component cannot use it; `None` if it always can.
    idle: Option<Idle>,
}

/// When a component cannot use a capability.
struct Idle {
    /// It imports none of these.
    without: &'static [&'static str],
    /// What is said of it then.
    said: &'static str,
}

/// Each kind once.
const TABLE: &[HostCapability] = &[files::CAPABILITY, tool::CAPABILITY, fetch::CAPABILITY, variable::CAPABILITY];

/// What a plugin did beyond its sandbox, by the capability that it used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Use {
    /// [`Capability::Tool`].
    Tool(tool::ToolUse),
    /// [`Capability::Fetch`].
    Fetch(fetch::FetchUse),
}

impl Use {
    /// Shortens what a plugin has said.
    pub(crate) fn bounded(self) -> Self {
        match self {
            Self::Tool(used) => Self::Tool(used.bounded()),
            Self::Fetch(used) => Self::Fetch(used.bounded()),
        }
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool(used) => used.fmt(f),
            Self::Fetch(used) => used.fmt(f),
        }
    }
}

/// What the capabilities of one call may take, where the limits of the plugin do not say it.
#[derive(Debug)]
pub(crate) struct Budgets {
    pub(crate) tool: tool::ToolBudget,
}

impl Budgets {
    pub(crate) fn of(capabilities: &[Capability]) -> Self {
        Self { tool: tool::ToolBudget::of(capabilities) }
    }
}
