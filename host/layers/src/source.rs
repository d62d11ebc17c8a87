use std::fmt;

/// Where a layer takes its place. The order of the variants is the precedence: later wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayerSource {
    /// The first base layer: sane defaults.
    BasePre,
    /// A package, at this position of the resolved chain.
    Chain(usize),
    /// The user's `overrides` directory.
    Overrides,
    /// The user's overrides for one workspace.
    WorkspaceOverrides,
    /// The last base layer: what skiff needs to work.
    BasePost,
}

impl fmt::Display for LayerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BasePre => f.write_str("base/pre"),
            Self::Chain(position) => write!(f, "chain[{position}]"),
            Self::Overrides => f.write_str("overrides"),
            Self::WorkspaceOverrides => f.write_str("overrides of the workspace"),
            Self::BasePost => f.write_str("base/post"),
        }
    }
}
