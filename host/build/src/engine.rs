use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use skiff_plan::BuildPlan;
use skiff_plan::Cancel;
use skiff_plan::HookRunner;
use skiff_plan::Reporter;
use skiff_plan::Workspace;

use crate::WorkspaceLock;

/// Builds a system from a plan.
pub trait Engine {
    /// Its name: `prebuilt`, `buildroot`.
    fn name(&self) -> &'static str;

    /// Returns what the plan asks for and this engine cannot give. What depends on the kernel is known once the
    /// workspace is built.
    fn gaps(&self, plan: &BuildPlan, workspace: &Workspace) -> Vec<Gap>;

    /// Builds the system. Leaves either the images of the last good build or the new ones.
    ///
    /// # Errors
    /// The engine's own error type.
    fn compile(&self, job: &Job<'_>) -> Result<Compiled, Box<dyn Error + Send + Sync>>;
}

/// A build to be done.
pub struct Job<'j> {
    /// What to build.
    pub plan: &'j BuildPlan,
    /// Where.
    pub workspace: &'j Workspace,
    /// The right to change the workspace.
    pub lock: &'j WorkspaceLock,
    /// Who calls plugins.
    pub hooks: &'j dyn HookRunner,
    /// Who is told of progress.
    pub reporter: &'j Arc<dyn Reporter>,
    /// Whether to stop.
    pub cancel: &'j Cancel,
}

/// What a build did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compiled {
    /// The images were there and current.
    Unchanged,
    /// The images were made.
    Built,
}

/// Something that the configuration asks for and an engine cannot give.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The group it is shown under, such as "packages".
    pub group: &'static str,
    /// What is asked for: a symbol or a short phrase.
    pub what: String,
    /// The layer that asks.
    pub layer: String,
    /// Where it asks, where that is a line.
    pub place: Option<PathBuf>,
}
