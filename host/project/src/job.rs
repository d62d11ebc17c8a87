//! What it takes to change a workspace.

use skiff_build::BuildContext;
use skiff_build::BuildSystem;
use skiff_build::Engine;
use skiff_build::Opening;
use skiff_layers::LayerPlugin;
use skiff_layers::Stage;
use skiff_plan::BuildPlan;
use skiff_plan::HookRunner as _;
use skiff_plan::Zones;

use crate::SessionError;
use crate::consent;
use crate::error::Result;
use crate::lock;
use crate::session::Session;

/// A command at work on a workspace: what it builds, with which engine, and the right to change what is there.
///
/// [`Session::open`] is the only way to it, so no command forgets one of its steps.
pub struct Job<'s> {
    /// What the run is about.
    pub session: &'s Session,
    /// What builds.
    pub engine: Box<dyn Engine>,
    /// What is built, and the lock of the workspace.
    pub context: BuildContext,
}

impl Session {
    /// Makes the plan of the chain, asks plugins for what they add to it, locks the workspace, and with `--locked` compares
    /// all that with the lock file.
    pub fn open(&self, update: bool) -> Result<Job<'_>> {
        let plan = self.plan_with_contributions()?;
        let engine = self.engine(&plan, update)?;
        self.make_workspaces()?;
        self.make_cache()?;
        let context = BuildContext::open(Opening {
            system: lock::system(self, &plan)?,
            plan,
            locked: self.policy.locked,
            workspace: self.workspace.clone(),
            reporter: self.console.reporter.clone(),
            cancel: self.console.cancel.clone(),
        })?;
        Ok(Job { session: self, engine, context })
    }

    /// Makes the plan of the chain, with what its plugins add to it now.
    fn plan_with_contributions(&self) -> Result<BuildPlan> {
        let plan = self.bare_plan(&self.chain()?)?;
        self.warn_of_unbuilt(&plan);
        let calls = plan.contributors();
        if calls.is_empty() {
            return Ok(plan);
        }
        let contributing = |plugin: &&LayerPlugin| plugin.decl.hooks.contains(&Stage::Configure);
        consent::obtain(self, plan.plugins.iter().filter(contributing))?;
        let runner = self.plugin_runner(&plan)?;
        let zones = Zones { target: None, images: None, epoch: Some(0), ..self.zones(&plan) };
        let mut contributions = Vec::new();
        for call in &calls {
            contributions.extend(runner.contribute(call, &zones)?);
        }
        Ok(plan.with_contributions(contributions)?)
    }
}

impl Job<'_> {
    /// Returns what is built.
    pub fn plan(&self) -> &BuildPlan {
        &self.context.plan
    }

    /// Returns the build system of the engine, which `what` needs.
    pub fn build_system(&self, what: &str) -> Result<&dyn BuildSystem> {
        self.session.require_build_system(what)?;
        Ok(self.engine.build_system().ok_or_else(|| SessionError::LostBuildSystem(self.engine.name()))?)
    }

    /// Makes the plan again, after the layers were changed.
    pub fn replan(&mut self) -> Result<()> {
        let plan = self.session.plan_with_contributions()?;
        let system = lock::system(self.session, &plan)?;
        Ok(self.context.replan(plan, &system)?)
    }
}
