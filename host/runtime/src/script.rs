//! Scripts of layers that were written for SkiffOS. They run with all rights of the user, so the only protection is
//! consent: a grant named `shell` to a layer, bound to the bytes of everything in it that can be run.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;

use skiff_layers::CapabilityId;
use skiff_layers::LayerDir;
use skiff_plan::PlanError;
use skiff_plan::PlannedShellHook;
use skiff_plan::digest_scripts;
use skiff_report::Cancel;

use crate::CallError;
use crate::Grants;
use crate::Identity;
use crate::PluginId;
use crate::identity::real;
use skiff_text::Shown as _;

/// What scripts find around them.
#[derive(Debug, Clone, Default)]
pub struct ScriptEnvironment {
    /// All variables.
    pub variables: Vec<(OsString, OsString)>,
    /// The directory in which hooks start: the workspace.
    pub folder: PathBuf,
}

/// The scripts of one layer.
#[derive(Debug, Clone)]
pub struct Scripts {
    /// The name under which they are granted, that of the layer, and the digest of everything that they could run.
    pub identity: Identity,
    layer: String,
}

impl Scripts {
    /// Reads the scripts of a layer.
    ///
    /// # Errors
    /// [`PlanError`] when one of them cannot be read.
    pub fn read(layer: &str, dir: &LayerDir, cancel: &Cancel) -> Result<Self, PlanError> {
        let digest = digest_scripts(layer, dir, cancel)?;
        let identity = Identity { plugin: PluginId::of_layer(layer), digest, root: real(&dir.path("")) };
        Ok(Self { identity, layer: layer.to_owned() })
    }

    /// Checks that the user has agreed to run them.
    ///
    /// # Errors
    /// [`CallError::Scripts`] with what would have run.
    pub fn check(&self, grants: &Grants, what: &Path) -> Result<(), CallError> {
        match grants.holds(&self.identity, &CapabilityId::shell()) {
            true => Ok(()),
            false => Err(CallError::Scripts { layer: self.layer.clone(), path: what.to_owned() }),
        }
    }

    /// Checks that a hook could be started.
    pub(crate) fn check_hook(hook: &PlannedShellHook) -> Result<(), CallError> {
        let failed = |reason: String| CallError::Script { path: hook.path.clone(), reason };
        let mode = fs::metadata(&hook.path).map_err(|error| failed(error.to_string()))?.permissions().mode();
        match mode & 0o111 {
            0 => Err(failed(format!("it is not executable; chmod +x {}", hook.path.shown()))),
            _ => Ok(()),
        }
    }

    /// Runs a hook to its end.
    pub(crate) fn run_hook(&self, hook: &PlannedShellHook, environment: &ScriptEnvironment) -> Result<(), CallError> {
        let mut command = self.command(&hook.path, environment);
        let status = command.current_dir(&environment.folder).stdin(Stdio::null()).status();
        self.ended(&hook.path, status)
    }

    /// Runs a target of the layer's `extensions/Makefile` at the user's terminal, with variables (`NAME=value`) of
    /// make, and returns how it ended.
    ///
    /// # Errors
    /// [`CallError::Script`] when `make` cannot be started.
    pub fn run_command(
        &self,
        target: &str,
        variables: &[String],
        environment: &ScriptEnvironment,
    ) -> Result<ExitStatus, CallError> {
        let folder = self.identity.root.join("extensions");
        let mut command = self.command(Path::new("make"), environment);
        let suffix = skiff_layers::variable_suffix(&self.layer);
        command.env("SKIFF_CURRENT_CONF_NAME", &self.layer);
        command.env("SKIFF_CURRENT_CONF_NAME_FULL", format!("SKIFF_CONFIG_PATH_{suffix}"));
        let status = command.args(variables).arg("--").arg(target).current_dir(&folder).status();
        status.map_err(|source| CallError::Script { path: folder, reason: source.to_string() })
    }

    fn command(&self, program: &Path, environment: &ScriptEnvironment) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(environment.variables.iter().map(|(name, value)| (name, value)));
        command.env("SKIFF_CURRENT_CONF_DIR", &self.identity.root);
        command
    }

    fn ended(&self, path: &Path, status: io::Result<ExitStatus>) -> Result<(), CallError> {
        let reason = match status {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        Err(CallError::Script { path: path.to_owned(), reason })
    }
}
