use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitStatus;

use skiff_kconfig::Definitions;
use skiff_kconfig::Kind;
use skiff_kconfig::Merged;
use skiff_plan::Workspace;
use skiff_report::Cancel;

use crate::BuildContext;
use crate::EngineError;

/// The build system that an engine drives, for commands that talk to it: `br`, `check`, `legal-info`, `shell`, `explain`.
pub trait BuildSystem {
    /// Runs targets at the user's terminal. Targets that build something are prepared like a whole build, which has to
    /// follow.
    ///
    /// # Errors
    /// [`EngineError`] when the build system cannot be started.
    fn run_targets(&self, context: &BuildContext, targets: &[&str]) -> Result<ExitStatus, EngineError>;

    /// Runs a program at the user's terminal where the engine builds, with `environment`.
    ///
    /// # Errors
    /// [`EngineError`] when it cannot be started.
    fn run_program(
        &self,
        context: &BuildContext,
        program: &str,
        arguments: &[String],
        environment: BTreeMap<OsString, OsString>,
    ) -> Result<ExitStatus, EngineError>;

    /// Asks where the packages are built, before one is looked at.
    ///
    /// # Errors
    /// [`EngineError`] when the build system cannot say.
    fn look_up_packages(&self, context: &BuildContext) -> Result<(), EngineError>;

    /// Returns the file in which a target saves the configuration of a workspace.
    fn saved_configuration(&self, workspace: &Workspace) -> PathBuf;

    /// Reads what Kconfig made of the settings of a program; `None` if it was not run.
    fn finished(&self, workspace: &Workspace, kind: Kind) -> Option<Merged>;

    /// Reads what the Kconfig files of a program say of its symbols, as far as they are there and understood.
    fn definitions(&self, workspace: &Workspace, kind: Kind, finished: &Merged, cancel: &Cancel)
    -> Option<Definitions>;
}
