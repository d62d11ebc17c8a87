use skiff_layers::BoardCommand;
use skiff_layers::Capability;
use skiff_layers::Chain;
use skiff_layers::CommandDecl;
use skiff_layers::Layer;
use skiff_layers::LayerCommand;
use skiff_layers::LayerName;
use skiff_layers::LayerPlugin;
use skiff_layers::MAKEFILE;
use skiff_layers::PluginDecl;
use skiff_layers::Zone;
use skiff_plan::BuildPlan;

use super::owner_of;
use crate::Session;
use crate::error::Result;

/// What a command of a package is.
#[derive(Debug)]
pub enum PackageCommand<'p> {
    /// A plugin has it.
    Plugin(&'p LayerPlugin, &'p CommandDecl),
    /// A plugin has it, and is not built.
    Unbuilt(&'p LayerPlugin),
    /// It is one of those that skiff has for every board.
    Board(BoardCommand),
    /// It is a target of the layer's Makefile. As in SkiffOS, every target of it can be asked for, listed or not.
    Makefile(&'p Layer),
}

impl<'p> PackageCommand<'p> {
    /// Finds a command of a package. One that the package lacks is looked for in what it needs.
    ///
    /// # Errors
    /// If a layer cannot be read, or if several packages that are equally near have the command.
    pub fn find(session: &Session, plan: &'p BuildPlan, package: &LayerName, name: &str) -> Result<Option<Self>> {
        let owner = match has(plan, package, name)? {
            true => package.clone(),
            false => owner_of(session, package, name)?.unwrap_or(package.clone()),
        };
        let found = of_package(plan, &owner).find_map(|plugin| Some((plugin, plugin.decl.command(name)?)));
        if let Some((plugin, command)) = found {
            return Ok(Some(Self::Plugin(plugin, command)));
        }
        let mut unbuilt = plan.unbuilt.iter().filter(|plugin| belongs_to(plugin, &owner));
        if let Some(plugin) = unbuilt.find(|plugin| plugin.decl.offered().iter().any(|offer| offer.name == name)) {
            return Ok(Some(Self::Unbuilt(plugin)));
        }
        let is_board = of_package(plan, &owner).any(|plugin| plugin.decl.board.is_some());
        if let Some(command) = BoardCommand::named(name).filter(|_| is_board) {
            return Ok(Some(Self::Board(command)));
        }
        Ok(makefile_of(plan, &owner)?.map(Self::Makefile))
    }
}

/// Returns the plugin of a command that needs nothing but its own layer: neither what was built, nor other layers, nor, as
/// long as it does not ask about the system, a plan.
///
/// # Errors
/// If the layer cannot be read.
pub fn by_itself(
    session: &Session,
    chain: &Chain,
    package: &LayerName,
    name: &str,
) -> Result<Option<(LayerPlugin, CommandDecl)>> {
    let Some(layer) = chain.layer(package).filter(|_| !session.policy.locked) else { return Ok(None) };
    let own = |decl: &PluginDecl| !decl.capabilities.iter().any(Capability::needs_plan);
    for plugin in chain.plugins_of(layer)? {
        let Some(command) = plugin.decl.command(name).cloned() else { continue };
        return Ok(if own(&plugin.decl) && plugin.decl.is_built { Some((plugin, command)) } else { None });
    }
    Ok(None)
}

/// Returns whether a plugin may change something in a zone. What a build makes must not be changed during one.
pub fn may_write(plugin: &LayerPlugin, zone: Zone) -> bool {
    plugin.decl.capabilities.iter().any(|capability| capability.writes(zone))
}

/// Returns whether a call of a plugin leaves something in the workspace: its state, or the directory in which its tools find
/// theirs.
pub fn uses_workspace(plugin: &LayerPlugin) -> bool {
    plugin.decl.capabilities.iter().any(Capability::uses_workspace)
}

/// Returns the plugins of a package.
pub fn of_package<'p>(plan: &'p BuildPlan, package: &LayerName) -> impl Iterator<Item = &'p LayerPlugin> {
    plan.plugins.iter().filter(move |plugin| belongs_to(plugin, package))
}

fn belongs_to(plugin: &LayerPlugin, package: &LayerName) -> bool {
    plugin.layer.name.eq_ignore_ascii_case(package.as_str())
}

/// Returns the layer of a package if it has a Makefile with commands.
fn makefile_of<'p>(plan: &'p BuildPlan, package: &LayerName) -> Result<Option<&'p Layer>> {
    let Some(layer) = plan.layer(package.as_str()) else { return Ok(None) };
    Ok(layer.dir.is_file(MAKEFILE)?.then_some(layer))
}

/// Returns whether a package itself has a command: declared by a plugin, listed, or a target of its Makefile.
fn has(plan: &BuildPlan, package: &LayerName, name: &str) -> Result<bool> {
    let listed = |(layer, commands): (&String, &Vec<LayerCommand>)| {
        layer.eq_ignore_ascii_case(package.as_str()) && commands.iter().any(|command| command.name == name)
    };
    if plan.commands.iter().any(listed) {
        return Ok(true);
    }
    let Some(layer) = makefile_of(plan, package)? else { return Ok(false) };
    let text = layer.makefile()?.unwrap_or_default();
    Ok(has_target(&text, name))
}

/// Returns whether a Makefile has a rule for a target, listed in `metadata/commands` or not.
fn has_target(makefile: &str, target: &str) -> bool {
    let targets =
        makefile.lines().filter(|line| !line.starts_with(['\t', '#'])).filter_map(|line| line.split_once(':'));
    targets.flat_map(|(targets, _)| targets.split_whitespace()).any(|word| word == target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_a_makefile_are_found_with_or_without_prerequisites() {
        let text = ".PHONY: flash all\nflash: build\n\t@echo format:\nall install: flash\n# wipe: x\n";
        for (target, is_there) in
            [("flash", true), ("all", true), ("install", true), ("format", false), ("wipe", false), ("build", false)]
        {
            assert_eq!(has_target(text, target), is_there, "{target}");
        }
    }
}
