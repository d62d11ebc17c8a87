use skiff_layers::Chain;
use skiff_layers::LayerName;
use skiff_plan::BuildPlan;

use crate::Session;
use crate::error::Result;

/// The chain in which a command of a package runs.
#[derive(Debug)]
pub struct CommandChain {
    /// The chain.
    pub chain: Chain,
    /// Whether it is the chain of the workspace: the package is in it.
    is_of_workspace: bool,
}

impl Session {
    /// Returns the chain of the workspace, with a package added if the chain lacks it; without a chain, that of the package.
    ///
    /// # Errors
    /// If a package of it cannot be found or read.
    pub fn chain_with(&self, package: &LayerName) -> Result<CommandChain> {
        let other = |chain| CommandChain { chain, is_of_workspace: false };
        let Some((requested, _)) = self.requested() else { return Ok(other(self.chain_of_package(package)?)) };
        let chain = self.chain()?;
        if chain.names().contains(package) {
            return Ok(CommandChain { chain, is_of_workspace: true });
        }
        self.console.warn(&format!("`{package}` is not in the chain of this workspace, {requested}"));
        Ok(other(Chain::resolve(&format!("{requested},{package}"), &self.search_path()?)?))
    }

    /// Returns the chain of one package and what it depends on.
    ///
    /// # Errors
    /// If a package of it cannot be found or read.
    pub fn chain_of_package(&self, package: &LayerName) -> Result<Chain> {
        Ok(Chain::resolve(package.as_str(), &self.search_path()?)?)
    }

    /// Returns the plan of one package and what it depends on.
    ///
    /// # Errors
    /// If a layer cannot be read.
    pub fn plan_of_package(&self, package: &LayerName) -> Result<BuildPlan> {
        self.plan_of(&self.chain_of_package(package)?)
    }

    /// Makes the plan of [`Self::chain_with`], and warns if the workspace was built from another.
    ///
    /// # Errors
    /// If a layer cannot be read.
    pub fn plan_with(&self, package: &LayerName) -> Result<BuildPlan> {
        self.plan_for_command(&self.chain_with(package)?)
    }

    /// Makes the plan of a chain, and warns if the workspace was built from another.
    ///
    /// # Errors
    /// If a layer cannot be read.
    pub fn plan_for_command(&self, CommandChain { chain, is_of_workspace }: &CommandChain) -> Result<BuildPlan> {
        let plan = self.plan_of(chain)?;
        let Some(configured) = &self.settings.configured else { return Ok(plan) };
        if self.requested().is_none_or(|(requested, _)| requested != configured) {
            self.console.warn(&format!("this workspace was configured for another chain: {configured}"));
        } else if *is_of_workspace && !skiff_build::is_unchanged(&plan, &self.workspace) {
            let compile = self.command_line("compile");
            self.console
                .warn(&format!("layers have changed since the workspace was configured; `{compile}` builds them in"));
        }
        Ok(plan)
    }
}
