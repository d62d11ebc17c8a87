//! Access to files: preopened directories, and `skiff:host/storage`.

pub(crate) mod interface;
mod mount;

use skiff_layers::CapabilityKind;

use super::HostCapability;
use super::Idle;
use crate::interface::Interface;
use crate::interface::interface;

pub(crate) use self::interface::GuestTree;
pub(crate) use self::interface::tree_failure;
pub(crate) use self::interface::writable;
pub(crate) use self::mount::Mounts;
pub(crate) use self::mount::View;

/// Trees and blobs. A fetched file goes into a tree, so `fetch` lets a plugin import it, too.
pub(super) const STORAGE: Interface = interface!(storage, "skiff:host/storage");

pub(super) const CAPABILITY: HostCapability = HostCapability {
    kind: CapabilityKind::Files,
    interfaces: &[STORAGE],
    lacks: "no files (`read`, `write`)",
    // What a tool is given a path to, the plugin need not open itself.
    idle: Some(Idle {
        without: &["skiff:host/storage", "wasi:filesystem/types", "skiff:host/tools"],
        said: "imports nothing with which it could open files",
    }),
};
