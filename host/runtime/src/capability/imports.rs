//! Which parts of the host a plugin is linked with.

use skiff_layers::Capability;

/// The interfaces of `skiff:host` that a plugin gets because of what its manifest declares. Others are not even linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LinkedInterfaces {
    pub(crate) storage: bool,
    pub(crate) tools: bool,
    pub(crate) fetch: bool,
}

/// What an import asks of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requirement {
    /// Nothing: every plugin has it.
    Nothing,
    /// A capability, and what the manifest lacks without it.
    Declared(bool, &'static str),
}

/// Interfaces of WASI that standard libraries import. Each is there; there are no arguments, no variables and no
/// network behind them, and only granted directories.
const WASI: [&str; 20] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

impl LinkedInterfaces {
    pub(crate) fn of(capabilities: &[Capability]) -> Self {
        let mut linked = Self { storage: false, tools: false, fetch: false };
        for capability in capabilities {
            match capability {
                Capability::Files(_) => linked.storage = true,
                Capability::Tool(_) => linked.tools = true,
                Capability::Fetch(_) => linked.fetch = true,
                Capability::Variable { .. } => {}
            }
        }
        linked
    }

    /// Returns what an imported interface, without its version, asks for; `None` when no plugin can have it.
    pub(crate) fn need(self, interface: &str) -> Option<Requirement> {
        Some(match interface {
            "skiff:host/fault" | "skiff:host/report" | "skiff:host/context" => Requirement::Nothing,
            "skiff:host/storage" => Requirement::Declared(self.storage, "no files (`read`, `write`)"),
            "skiff:host/tools" => Requirement::Declared(self.tools, "no `tool`"),
            "skiff:host/fetch" => Requirement::Declared(self.fetch, "no `fetch`"),
            wasi if WASI.contains(&wasi) => Requirement::Nothing,
            _ => return None,
        })
    }
}
