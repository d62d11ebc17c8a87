//! What commands ask of Buildroot besides a build.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitStatus;

use skiff_kconfig::Definitions;
use skiff_kconfig::Kind;
use skiff_kconfig::Merged;
use skiff_plan::Workspace;
use skiff_report::Cancel;

use super::Buildroot;
use super::BuildrootError;
use super::Goal;
use super::definitions;
use super::info;
use super::prepare;
use super::read_package_config;
use crate::BuildContext;
use crate::BuildSystem;
use crate::EngineError;
use crate::FileError;
use crate::outputs;
use skiff_text::Shown as _;

/// What was checked before a build and is handed on into its mount namespace.
const TRUST: &str = "SKIFF_TRUST";

impl BuildSystem for Buildroot {
    fn run_targets(&self, context: &BuildContext, targets: &[&str]) -> Result<ExitStatus, EngineError> {
        let make = self.make(context)?;
        let goals = Goal::of_all(targets);
        if goals.iter().any(|goal| goal.builds()) {
            make.allow_scripts()?;
            let (config, stages) = Self::inputs(&make, context)?;
            prepare::begin(&make, context, &config, stages)?;
        }
        let mut words = targets.to_vec();
        let saved = format!("DEFCONFIG={}", self.saved_configuration(&context.workspace).shown());
        if goals.contains(&Goal::Save) {
            // Buildroot would write over what skiff has merged.
            words.insert(0, &saved);
        }
        Ok(make.run_at_terminal(&words, context)?)
    }

    fn run_program(
        &self,
        context: &BuildContext,
        program: &str,
        arguments: &[String],
        mut environment: BTreeMap<OsString, OsString>,
    ) -> Result<ExitStatus, EngineError> {
        if let Some(trust) = self.environment.get(OsStr::new(TRUST)) {
            environment.insert(TRUST.into(), trust.clone());
        }
        let engine = Self { environment, ..self.clone() };
        let make = engine.make(context)?;
        // The user can build anything there.
        outputs::mark_unfinished(&context.workspace).map_err(BuildrootError::from)?;
        let status = make.other(program).args(arguments).status();
        Ok(status.map_err(FileError::at("run", program)).map_err(BuildrootError::from)?)
    }

    fn look_up_packages(&self, context: &BuildContext) -> Result<(), EngineError> {
        info::packages(&self.make(context)?, context)?;
        Ok(())
    }

    fn saved_configuration(&self, workspace: &Workspace) -> PathBuf {
        workspace.folder().join("defconfig")
    }

    fn finished(&self, workspace: &Workspace, kind: Kind) -> Option<Merged> {
        read_package_config(workspace, kind)
    }

    fn definitions(
        &self,
        workspace: &Workspace,
        kind: Kind,
        finished: &Merged,
        cancel: &Cancel,
    ) -> Option<Definitions> {
        let read = match kind {
            Kind::Buildroot => {
                let tree = self.source.present(&self.cache, cancel).ok()??;
                definitions::of_buildroot(&tree, workspace, finished).map(Some)
            }
            _ => definitions::of_package(workspace, kind),
        };
        // Only an explanation is lost.
        read.inspect_err(|error| tracing::debug!(%error, "Kconfig files are not understood")).ok()?
    }
}
