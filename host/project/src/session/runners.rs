//! What runs plugins and scripts in a session, and what they find around them.

use super::Session;
use crate::error::Result;
use crate::planner;
use skiff_layers::Chain;
use skiff_layers::LayerPlugin;
use skiff_plan::BuildPlan;
use skiff_plan::Zones;
use skiff_report::Reporter;
use skiff_runtime::AuditLog;
use skiff_runtime::Downloads;
use skiff_runtime::Facts;
use skiff_runtime::Grants;
use skiff_runtime::Runner;
use skiff_runtime::ScriptEnvironment;
use skiff_runtime::System;
use skiff_runtime::ToolEnvironment;
use skiff_runtime::Workshop;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

impl Session {
    /// Makes a runner for the system of a plan, with what scripts of its layers find around them.
    pub fn runner(&self, plan: &BuildPlan) -> Result<Runner> {
        if !plan.shell_hooks.is_empty() {
            self.check_for_scripts(plan)?;
        }
        self.runner_of(System { scripts: self.script_environment(plan)?, ..self.system(plan)? })
    }

    /// Checks what scripts of layers can be led to: every layer of the chain, and the programs that the workspace has built.
    pub fn check_for_scripts(&self, plan: &BuildPlan) -> Result<()> {
        let mut layers = plan.layers.iter();
        layers.try_for_each(|layer| self.planner.check_layer("the layer that scripts can read", &layer.root))?;
        self.check_built()
    }

    /// Checks what make and scripts run in the workspace: what else lies there is in directories that are the user's alone.
    pub fn check_built(&self) -> Result<()> {
        let folder = self.workspace.folder();
        let parts = ["build", "host", "host/bin", "host/sbin", "per-package"];
        parts.iter().try_for_each(|part| self.belief.check_entries("the workspace", &folder.join(part)))
    }

    /// Makes a runner for the plugins alone: to gather what scripts find takes longer than many a command.
    pub fn plugin_runner(&self, plan: &BuildPlan) -> Result<Runner> {
        self.runner_of(self.system(plan)?)
    }

    /// Makes a runner for the plugin, which may ask about the system of a chain.
    pub fn chain_runner(&self, chain: &Chain, plugin: &LayerPlugin) -> Result<Runner> {
        let system = System { facts: Arc::new(self.planner.facts(chain)), ..self.bare_system()? };
        let grants = self.grants_for(&Runner::identify(plugin)?)?;
        self.runner_with_grants(system, grants, Arc::clone(&self.console.reporter))
    }

    fn system(&self, plan: &BuildPlan) -> Result<System> {
        Ok(System { facts: Arc::new(planner::facts(plan)?.into()), ..self.bare_system()? })
    }

    /// Makes a runner that knows nothing of a system: for looking at plugins.
    pub fn bare_runner(&self) -> Result<Runner> {
        self.runner_of(self.bare_system()?)
    }

    /// Returns what plugins may know where there is no system.
    pub fn bare_system(&self) -> Result<System> {
        let path = self.console.environment.search_path();
        Ok(System {
            facts: Arc::new(Facts::default().into()),
            tools: ToolEnvironment::new(path, self.console.environment.raw("TERM").cloned()),
            scripts: ScriptEnvironment::default(),
            downloads: self.downloads()?,
            audit: Arc::new(self.audit()),
            tape: None,
            install_hint,
        })
    }

    /// Makes a runner for a system.
    fn runner_of(&self, system: System) -> Result<Runner> {
        self.runner_with(system, Arc::clone(&self.console.reporter))
    }

    /// Makes a runner that sends the messages of plugins to another reporter.
    pub fn runner_with(&self, system: System, reporter: Arc<dyn Reporter>) -> Result<Runner> {
        self.runner_with_grants(system, self.grants()?, reporter)
    }

    fn runner_with_grants(&self, system: System, grants: Grants, reporter: Arc<dyn Reporter>) -> Result<Runner> {
        let compiled = self.cache_part("plugins")?;
        if !compiled.is_dir() {
            self.make_cache()?;
        }
        let workshop = Workshop {
            cache: Some(compiled),
            // Also when the program's file has been replaced since it was started.
            compiler: vec!["/proc/self/exe".into(), "precompile".into()],
        };
        Ok(Runner::new(system, &workshop, grants, self.console.cancel.clone(), reporter)?)
    }

    /// Returns where downloads go, and how the network is reached.
    ///
    /// # Errors
    /// If there is no place for a cache.
    pub fn downloads(&self) -> Result<Downloads> {
        let proxy = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
        let proxy = proxy.iter().find_map(|name| self.console.environment.get(name)).map(str::to_owned);
        let no_proxy =
            ["no_proxy", "NO_PROXY"].iter().find_map(|name| self.console.environment.get(name)).map(str::to_owned);
        Ok(Downloads { folder: self.cache_part("fetch")?, offline: self.policy.offline, proxy, no_proxy })
    }

    /// Returns the record of what plugins do beyond their sandbox.
    pub fn audit(&self) -> AuditLog {
        AuditLog::new(self.workspace.audit_log(), self.console.environment.clock())
    }

    /// Returns what scripts of layers find around them: Buildroot's environment, and its programs first.
    pub fn script_environment(&self, plan: &BuildPlan) -> Result<ScriptEnvironment> {
        let folder = self.workspace.folder();
        let mut variables = self.build_environment(plan)?;
        // Only the mount namespace of Buildroot gets the list that a build passes on.
        match self.console.environment.raw("SKIFF_TRUST") {
            Some(own) => variables.insert("SKIFF_TRUST".into(), own.clone()),
            None => variables.remove(OsStr::new("SKIFF_TRUST")),
        };
        if let Some(path) = self.console.environment.search_path().after(&folder.join("host/bin")).value() {
            variables.insert("PATH".into(), path);
        }
        Ok(ScriptEnvironment { variables: variables.into_iter().collect(), folder })
    }

    /// Returns the directories that plugins called outside a build may see.
    pub fn zones(&self, plan: &BuildPlan) -> Zones {
        let present = |path: PathBuf| path.is_dir().then_some(path);
        Zones {
            layers: plan.layer_folders(),
            target: present(self.workspace.target()),
            images: present(self.workspace.images()),
            state: self.workspace.state(),
            epoch: None,
        }
    }
}

fn install_hint(program: &str) -> String {
    format!("install the package that has it; on Debian and Ubuntu `apt-file search bin/{program}` names it")
}
