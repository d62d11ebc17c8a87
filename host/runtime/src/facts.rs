use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use skiff_kconfig::Kind;
use skiff_kconfig::Merged;
use skiff_plan::Target;

/// What plugins may know about the system that is built.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The names of all layers in merge order.
    pub layers: Vec<String>,
    /// The merged configurations.
    pub configs: BTreeMap<Kind, Merged>,
    /// What the configuration says about the target.
    pub target: Target,
    /// Words that the layers want on the kernel's command line.
    pub command_line: Vec<String>,
}

/// Why there are no facts: the plan cannot be made.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct FactsError(pub String);

type Gathered = Result<Facts, FactsError>;

/// Facts that are gathered when a plugin first asks for one: that takes a plan, and most commands need none.
pub struct LazyFacts(LazyLock<Gathered, Box<dyn FnOnce() -> Gathered + Send>>);

impl LazyFacts {
    /// Takes what gathers the facts.
    pub fn new(gather: impl FnOnce() -> Gathered + Send + 'static) -> Self {
        Self(LazyLock::new(Box::new(gather)))
    }

    pub(crate) fn get(&self) -> Result<&Facts, FactsError> {
        self.0.as_ref().map_err(Clone::clone)
    }
}

impl From<Facts> for LazyFacts {
    fn from(facts: Facts) -> Self {
        Self::new(|| Ok(facts))
    }
}

impl fmt::Debug for LazyFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LazyFacts")
    }
}
