//! Downloads whose digests are known: `skiff:host/fetch`.

mod download;
mod interface;

use std::fmt;

use serde::Deserialize;
use serde::Serialize;
use skiff_layers::CapabilityKind;

use super::HostCapability;
use super::Idle;
use super::files;
use crate::audit::MAX_TEXT;
use crate::audit::cut;
use crate::interface::interface;

pub use self::download::Downloads;

pub(super) const CAPABILITY: HostCapability = HostCapability {
    kind: CapabilityKind::Fetch,
    interfaces: &[interface!(fetch, "skiff:host/fetch"), files::STORAGE],
    lacks: "no `fetch`",
    idle: Some(Idle { without: &["skiff:host/fetch"], said: "does not import skiff:host/fetch" }),
};

/// Something was downloaded, or taken from the cache of downloads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchUse {
    /// From where.
    pub url: String,
    /// The digest that it has.
    pub sha256: String,
}

impl FetchUse {
    pub(crate) fn bounded(self) -> Self {
        Self { url: cut(self.url, MAX_TEXT), ..self }
    }
}

impl fmt::Display for FetchUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fetched {} (sha256:{})", self.url, self.sha256)
    }
}
