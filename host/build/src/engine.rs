use std::fs;
use std::path::Path;
use std::path::PathBuf;

use skiff_kconfig::Dropped;
use skiff_plan::BuildPlan;
use skiff_plan::HookRunner;
use skiff_plan::Workspace;
use skiff_report::Cancel;

use crate::BuildContext;
use crate::BuildSystem;
use crate::EngineError;
use crate::EngineName;
use crate::FileError;
use crate::Gap;
use crate::Outlook;
use crate::StageChange;
use crate::StageInputs;

/// Builds a system from a plan.
pub trait Engine {
    /// Its name: `prebuilt`, `buildroot`.
    fn name(&self) -> EngineName;

    /// Takes over a configuration that was merged into the directory `merged` and is about to take its place in the
    /// workspace. Nothing is in force before [`ConfigureOutcome::commit`].
    ///
    /// # Errors
    /// [`EngineError`]; whatever was configured before still is.
    fn configure(&self, context: &BuildContext, merged: &Path) -> Result<ConfigureOutcome, EngineError>;

    /// Returns what the engine's half of the configuration is at present: its content, and what else it was made
    /// with. `None` when it is not there, or when the user asked to stop.
    fn state(&self, workspace: &Workspace, cancel: &Cancel) -> Option<String>;

    /// Returns what the plan asks for and this engine cannot give. What depends on the kernel is known once the
    /// workspace is built. `None` for an engine that can give everything.
    ///
    /// # Errors
    /// [`EngineError`] when the record of the last build or what the engine builds from cannot be read.
    fn gaps(&self, _plan: &BuildPlan, _workspace: &Workspace) -> Result<Option<Vec<Gap>>, EngineError> {
        Ok(None)
    }

    /// Returns what the system of a plan will be like, as far as that is known before anything is built.
    fn outlook(&self, _plan: &BuildPlan) -> Outlook {
        Outlook::default()
    }

    /// Returns the stages of a build with the digests of all their inputs, as far as they are known without
    /// looking anything up elsewhere.
    ///
    /// # Errors
    /// [`EngineError`] when the workspace is not configured or its files cannot be read.
    fn stages(&self, plan: &BuildPlan, workspace: &Workspace, cancel: &Cancel)
    -> Result<Vec<StageInputs>, EngineError>;

    /// Says, a line for each, what of an earlier build a build would throw away because of changes since, as far as
    /// that is known without the new list of packages. Empty when that does not go by parts.
    ///
    /// # Errors
    /// [`EngineError`] when what was built cannot be told.
    fn rebuilds(
        &self,
        _plan: &BuildPlan,
        _workspace: &Workspace,
        _changes: &[StageChange],
    ) -> Result<Vec<String>, EngineError> {
        Ok(Vec::new())
    }

    /// Obtains everything that a build downloads.
    ///
    /// # Errors
    /// [`EngineError`] with everything that could not be had.
    fn fetch(&self, context: &BuildContext) -> Result<(), EngineError>;

    /// Builds the system.
    ///
    /// # Errors
    /// [`EngineError`]. With `prebuilt` the last good images are still there; with `buildroot` the next build goes on
    /// where this one has stopped.
    fn compile(&self, context: &BuildContext, hooks: &dyn HookRunner) -> Result<Compiled, EngineError>;

    /// Returns the build system that it drives: some if and only if its description says so
    /// ([`EngineKind::has_build_system`](crate::EngineKind::has_build_system)).
    fn build_system(&self) -> Option<&dyn BuildSystem> {
        None
    }
}

/// What an engine made of a merged configuration.
#[derive(Debug, Default)]
pub struct ConfigureOutcome {
    /// The settings that the engine's own configuration did not follow.
    pub dropped: Vec<Dropped>,
    /// What [`Engine::state`] will say of it.
    pub(crate) state: String,
    /// A file that is ready, and the place where it comes into force.
    pub(crate) pending: Option<(PathBuf, PathBuf)>,
}

impl ConfigureOutcome {
    /// Puts it in force.
    pub(crate) fn commit(&self) -> Result<(), FileError> {
        let Some((new, place)) = &self.pending else { return Ok(()) };
        fs::rename(new, place).map_err(FileError::at("replace", place))
    }
}

/// How far an engine may look for what it needs: the meanings are those of `uv` and `cargo`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LockPolicy {
    /// Fail if the workspace's lock would change.
    pub locked: bool,
    /// Use the lock as it is, without looking whether it is complete.
    pub frozen: bool,
    /// Use no network.
    pub offline: bool,
}

/// What a build did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compiled {
    /// The images were there and current.
    Unchanged,
    /// The images were made. Settings that the kernel, the boot loader or Busybox did not follow are listed: what they
    /// made of them is known once they are built.
    Built(Vec<Dropped>),
}
