//! Which parts of the host a plugin is linked with.

use skiff_layers::Capability;

/// The interfaces of `skiff:host` that a plugin gets because of what its manifest declares. Others are not even linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Powers {
    pub(crate) storage: bool,
    pub(crate) tools: bool,
    pub(crate) fetch: bool,
}

/// What an import asks of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: every plugin has it.
    Nothing,
    /// A capability, and what the manifest lacks without it.
    Declared(bool, &'static str),
}

/// Interfaces of WASI that standard libraries import. Each is there; there are no arguments, no variables and no
/// network behind them, and only granted folders.
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

impl Powers {
    pub(crate) fn of(capabilities: &[Capability]) -> Self {
        let mut powers = Self { storage: false, tools: false, fetch: false };
        for capability in capabilities {
            match capability {
                Capability::Files(_) => powers.storage = true,
                Capability::Tool(_) => powers.tools = true,
                Capability::Fetch(_) => powers.fetch = true,
                Capability::Variable { .. } => {}
            }
        }
        powers
    }

    /// Returns what an imported interface, without its version, asks for; `None` when no plugin can have it.
    pub(crate) fn need(self, interface: &str) -> Option<Need> {
        Some(match interface {
            "skiff:host/fault" | "skiff:host/report" | "skiff:host/context" => Need::Nothing,
            "skiff:host/storage" => Need::Declared(self.storage, "no files (`read`, `write`)"),
            "skiff:host/tools" => Need::Declared(self.tools, "no `tool`"),
            "skiff:host/fetch" => Need::Declared(self.fetch, "no `fetch`"),
            wasi if WASI.contains(&wasi) => Need::Nothing,
            _ => return None,
        })
    }
}
