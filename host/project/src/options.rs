use std::ffi::OsString;
use std::path::PathBuf;

/// What the user says of a run as a whole. Empty texts say nothing.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The chain.
    pub config: Option<String>,
    /// The workspace.
    pub workspace: Option<String>,
    /// The checkout.
    pub root: Option<PathBuf>,
    /// The engine.
    pub engine: Option<String>,
    /// Whether what is built must be what is locked.
    pub locked: bool,
    /// Whether the locked packages are taken without a check that they are complete.
    pub frozen: bool,
    /// Whether the network is left alone.
    pub offline: bool,
    /// What plugins may do in this run: `PLUGIN=CAPABILITY,CAPABILITY`.
    pub allow: Vec<String>,
    /// Files with further grants.
    pub grants: Vec<OsString>,
}
