//! What the tools of one call may take.

use std::time::Duration;

use skiff_layers::Capability;

use crate::clock::WAITS;

/// What the tools of one call may take. Each run has the limit that the manifest declares and the user granted; without
/// one for all of them a plugin could go on forever.
#[derive(Debug)]
pub(crate) struct ToolBudget {
    runs: u32,
    /// What they may still compute.
    computed: Duration,
    /// What they may still take by the clock on the wall.
    passed: Duration,
}

/// What one run of a tool may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    /// What the program and those that it has waited for compute.
    pub(crate) computed: Duration,
    /// By the clock on the wall.
    pub(crate) passed: Duration,
}

impl ToolBudget {
    /// Runs of tools in one call.
    const MAX_RUNS: u32 = 1000;

    /// How often the longest of the declared times.
    const MAX_TIMES: u32 = 10;

    pub(crate) fn of(capabilities: &[Capability]) -> Self {
        let seconds = |capability: &Capability| match capability {
            Capability::Tool(tool) => tool.timeout_s,
            _ => 0,
        };
        let longest = capabilities.iter().map(seconds).max().unwrap_or_default();
        let computed = Duration::from_secs(longest.into()) * Self::MAX_TIMES;
        Self { runs: Self::MAX_RUNS, computed, passed: computed * WAITS }
    }

    /// Counts a run that may take so long. Returns what it may take at most, if anything.
    pub(crate) fn begin(&mut self, timeout: Duration) -> Option<Allowance> {
        self.runs = self.runs.checked_sub(1)?;
        let left = !self.computed.is_zero() && !self.passed.is_zero();
        left.then(|| Allowance {
            computed: timeout.min(self.computed),
            passed: timeout.saturating_mul(WAITS).min(self.passed),
        })
    }

    /// Counts what a run computed, and how long it took.
    pub(crate) fn end(&mut self, computed: Duration, passed: Duration) {
        self.computed = self.computed.saturating_sub(computed);
        self.passed = self.passed.saturating_sub(passed);
    }
}
