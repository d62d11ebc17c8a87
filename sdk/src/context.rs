use std::path::PathBuf;

use crate::bindings::imports::skiff::host::context;
use crate::bindings::imports::skiff::host::context::Kind;

/// A layer of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its name, such as `apps/docker`.
    pub name: String,
    /// Where the parts of it that the plugin may read are, or `None` when it may read nothing.
    pub folder: Option<PathBuf>,
}

/// What is being built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The architecture as Debian calls it: `amd64`, `arm64`, …
    pub arch: String,
    /// The host name.
    pub hostname: String,
    /// Words that the layers want on the kernel's command line.
    pub command_line: Vec<String>,
    /// The serial port of the console (`ttyS0`), where the configuration names one.
    pub console: Option<String>,
}

/// Returns all layers in merge order: later ones win.
pub fn layers() -> Vec<Layer> {
    let layer = |layer: context::Layer| Layer { name: layer.name, folder: layer.folder.map(PathBuf::from) };
    context::layers().into_iter().map(layer).collect()
}

/// Returns what is being built.
pub fn target() -> Target {
    let context::TargetInfo { arch, hostname, command_line, console } = context::target();
    Target { arch, hostname, command_line, console }
}

/// Returns the merged values of symbols, one for each name: `n` for "is not set", `None` when no layer
/// mentions it.
pub fn symbols(kind: Kind, names: &[&str]) -> Vec<Option<String>> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    context::symbols(kind, &names)
}
