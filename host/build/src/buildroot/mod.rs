//! The engine `buildroot`: a system compiled from source by Buildroot.
//!
//! Buildroot's tree is only read: outputs are in the workspace (`O=`). Its own Kconfig makes the `.config` of the
//! merged configuration, and what it does not follow is reported with the reason ([`skiff_kconfig::dropped`]).
//! Buildroot builds what has no stamp; what a change of the inputs reaches is removed before ([`rebuild`]), so that
//! an image never silently holds what is not wanted any more.
//!
//! Hooks are called by Buildroot: its post-build and post-image scripts are skiff.

mod build_system;
mod config;
mod definitions;
mod downloads;
mod error;
mod goal;
mod info;
mod inputs;
mod installed;
mod kind;
mod lock;
mod make;
mod mention;
mod menuconfig;
mod mount_namespace;
mod part;
mod prepare;
mod progress;
mod rebuild;
mod script;
mod sizes;
mod stale;
mod times;
mod tree;
mod variable;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use skiff_kconfig::Kind;
use skiff_kconfig::Merged;
use skiff_layers::Stage;
use skiff_plan::BuildPlan;
use skiff_plan::HookRunner;
use skiff_plan::Workspace;
use skiff_report::Cancel;

pub use self::config::read_config;
pub use self::config::read_package_config;
pub use self::error::BuildrootError;
pub use self::goal::Goal;
pub(crate) use self::kind::KIND;
pub use self::menuconfig::Menu;
pub use self::menuconfig::SavedDelta;
pub use self::menuconfig::delta_of;
pub use self::mount_namespace::enter;
pub use self::progress::HOOK_LINE;
pub use self::script::NamedScript;
pub use self::script::Owner;
pub use self::script::named_scripts;
pub use self::times::StepTimes;
pub use self::times::read_step_times;
pub use self::tree::Pin;
pub use self::tree::Source;
use self::tree::Tree;

use self::make::Make;
use self::progress::Progress;
use self::times::KnownTimes;
use crate::BuildContext;
use crate::BuildSystem;
use crate::Built;
use crate::Compiled;
use crate::ConfigureOutcome;
use crate::Engine;
use crate::EngineError;
use crate::EngineName;
use crate::FileError;
use crate::LockPolicy;
use crate::StageChange;
use crate::StageInputs;
use crate::images::Images;
use crate::images::Symlinks;
use crate::outputs;
use crate::outputs::BuildRecord;
use crate::workspace;

/// The engine and what it takes from its surroundings.
#[derive(Debug, Clone)]
pub struct Buildroot {
    /// Where the tree comes from.
    pub source: Source,
    /// Where trees, downloads and the compiler cache are kept for all workspaces.
    pub cache: PathBuf,
    /// The program skiff: Buildroot calls it for hooks.
    pub program: PathBuf,
    /// The environment of everything that is run.
    pub environment: BTreeMap<OsString, OsString>,
    /// Whether to build at the same path in all workspaces, where that can be had.
    pub fixed_path: bool,
    /// The make target to build instead of what the layers say.
    pub target: Option<String>,
    /// How far to look for sources.
    pub policy: LockPolicy,
    /// What make would run and the user has not agreed to: with anything in it, only what runs no script is made.
    pub refused: Vec<Refused>,
}

/// Something that make would run, and may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The scripts of a layer: the user has not agreed.
    Layer(String),
    /// A script to whose content no consent could be bound.
    Script {
        /// The file and the line that name it.
        place: String,
        /// The script.
        path: PathBuf,
    },
}

impl Engine for Buildroot {
    fn name(&self) -> EngineName {
        EngineName::Buildroot
    }

    fn configure(&self, context: &BuildContext, merged: &Path) -> Result<ConfigureOutcome, EngineError> {
        Ok(config::make(&self.make(context)?, context, merged)?)
    }

    /// The tree, and the content of `.config`: make writes that anew now and then.
    fn state(&self, workspace: &Workspace, cancel: &Cancel) -> Option<String> {
        let tree = self.source.present(&self.cache, cancel).ok()??;
        Some(config::state(&tree, &read_config(workspace).ok()?))
    }

    fn stages(
        &self,
        plan: &BuildPlan,
        workspace: &Workspace,
        cancel: &Cancel,
    ) -> Result<Vec<StageInputs>, EngineError> {
        let identity = self.source.present(&self.cache, cancel)?.map(|tree| tree.identity);
        let config = read_config(workspace)?;
        Ok(inputs::of(plan, workspace, &config, identity.as_deref().unwrap_or("not fetched"), cancel)?)
    }

    fn rebuilds(
        &self,
        plan: &BuildPlan,
        workspace: &Workspace,
        changes: &[StageChange],
    ) -> Result<Vec<String>, EngineError> {
        Ok(prepare::foreseen(&self.source.root(&self.cache), plan, workspace, changes)?)
    }

    fn fetch(&self, context: &BuildContext) -> Result<(), EngineError> {
        Ok(self.download(context)?)
    }

    fn compile(&self, context: &BuildContext, hooks: &dyn HookRunner) -> Result<Compiled, EngineError> {
        Ok(self.build(context, hooks)?)
    }

    fn build_system(&self) -> Option<&dyn BuildSystem> {
        Some(self)
    }
}

impl Buildroot {
    /// Finds or fetches the tree and prepares make.
    fn make(&self, context: &BuildContext) -> Result<Make<'_>, BuildrootError> {
        workspace::claim(&context.workspace)?;
        let tree = self.source.obtain(&self.cache, self.policy.offline, context)?;
        lock::keep(context, &tree, self.policy)?;
        Make::new(self, context, tree)
    }

    fn download(&self, context: &BuildContext) -> Result<(), BuildrootError> {
        let make = self.make(context)?;
        make.allow_scripts()?;
        // What downloads others is built before, so there has to be a record. One that is there stays: what was built
        // from it is whole until somebody builds again.
        if BuildRecord::read(&context.workspace)?.is_none() {
            let (config, stages) = Self::inputs(&make, context)?;
            prepare::begin(&make, context, &config, stages)?;
        }
        downloads::fetch(&make, context)
    }

    /// Reads the configuration, and digests what is to be built from it and from the layers.
    fn inputs(make: &Make<'_>, context: &BuildContext) -> Result<(Merged, Vec<StageInputs>), BuildrootError> {
        let config = read_config(&context.workspace)?;
        let stages = inputs::of(&context.plan, &context.workspace, &config, &make.tree().identity, &context.cancel)?;
        Ok((config, stages))
    }

    fn build(&self, context: &BuildContext, hooks: &dyn HookRunner) -> Result<Compiled, BuildrootError> {
        let make = self.make(context)?;
        make.allow_scripts()?;
        let (config, stages) = Self::inputs(&make, context)?;
        if self.target.is_none() && Built::look(&context.workspace)? == Built::Images(stages.clone()) {
            return Ok(Compiled::Unchanged);
        }
        // What would be refused at the end is refused before the work.
        hooks.check_hooks(&[context.plan.hooks(Stage::Pre), context.plan.hooks(Stage::Post)].concat())?;
        let folder = context.workspace.folder();
        let (packages, mut record) = prepare::begin(&make, context, &config, stages)?;
        let mut times = KnownTimes::read(&self.cache);
        let mut progress = Progress::start("Building with Buildroot", &packages, &times, &folder, &context.reporter)?;
        let target = self.target.as_deref().or(context.plan.build_target.as_deref());
        let words: Vec<&str> = target.into_iter().collect();
        let status = make.build(&words, context, |line| progress.line(line))?;
        let outcome = match status.success() {
            true => Ok(()),
            false => Err(progress.failure()),
        };
        // Knowing for the next time how long it takes is not worth a failure.
        times.learn(&read_step_times(&folder));
        if let Err(error) = times.write(&self.cache) {
            tracing::debug!(%error, "build times are not remembered");
        }
        outcome?;
        // What somebody asked for by hand is not all that the layers want.
        if self.target.is_none() {
            let images = context.workspace.images();
            fs::create_dir_all(&images).map_err(FileError::at("make", &images))?;
            let outputs = outputs::write_sums(&Images::open(&images)?, Symlinks::Skipped)?;
            record.outputs = Some(outputs.to_string());
            record.write(&context.workspace)?;
        }
        let configs = [Kind::Kernel, Kind::Uboot, Kind::Busybox].into_iter();
        let finished = configs.filter_map(|kind| Some((kind, read_package_config(&context.workspace, kind)?)));
        let dropped = finished.flat_map(|(kind, config)| {
            let definitions = || self.definitions(&context.workspace, kind, &config, &context.cancel);
            skiff_kconfig::dropped(context.plan.config(kind), &config, definitions)
        });
        Ok(Compiled::Built(dropped.collect()))
    }
}
