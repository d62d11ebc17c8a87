mod arguments;
mod offer;

use crate::args::CmdArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::commands::board;
use crate::consent;
use crate::environment::is_variable;
use crate::lock;
use crate::output::data;
use crate::session::Session;
use skiff_build::Draft;
use skiff_layers::BoardCommand;
use skiff_layers::Capability;
use skiff_layers::Chain;
use skiff_layers::CommandDecl;
use skiff_layers::Layer;
use skiff_layers::LayerCommand;
use skiff_layers::LayerName;
use skiff_layers::LayerPlugin;
use skiff_layers::MAKEFILE;
use skiff_layers::Package;
use skiff_layers::PluginDecl;
use skiff_layers::Zone;
use skiff_plan::BuildPlan;
use skiff_plan::PlanError;
use skiff_plan::Zones;
use skiff_runtime::AuditEvent;
use skiff_runtime::Identity;
use skiff_runtime::Runner;
use skiff_runtime::Scripts;
use std::process::ExitCode;

pub(crate) use self::arguments::parse;
pub(crate) use self::arguments::value;
pub(crate) use self::offer::Offer;
use self::offer::declared;
pub(crate) use self::offer::offers;
pub(crate) use self::offer::offers_in;
pub(crate) use self::offer::owner_of;

/// Runs a command of a package, in the chain or not. One that the package lacks is looked for in what it needs.
pub(crate) fn run(session: &Session, args: &CmdArgs) -> Result<ExitCode> {
    let Some(request) = Request::parse(&args.words)? else {
        return list_all(session);
    };
    // To list commands takes no plan, and so nobody's consent.
    let Some(name) = request.command else {
        return list_commands(session, &request.package);
    };
    let chain = chain_with(session, &request.package)?;
    if let Some((plugin, command)) = by_itself(session, &chain, &request.package, &name)? {
        session.planner.check_package(&plugin.layer.root)?;
        session.planner.check_package(&plugin.owner.root)?;
        let layers = chain.layers().iter().map(|layer| (layer.name.clone(), layer.root.clone())).collect();
        let zones = Zones { layers, target: None, images: None, state: session.workspace.state(), epoch: None };
        return call(session, &plugin, &command, &request.arguments, zones, || {
            session.chain_runner(&chain, &plugin.owner.root)
        });
    }
    let plan = plan_of_chain(session, &chain)?;
    lock::check(session, &plan)?;
    let owner = match has(&plan, &request.package, &name)? {
        true => request.package.clone(),
        false => owner_of(session, &request.package, &name)?.unwrap_or(request.package.clone()),
    };
    if let Some((plugin, command)) = find(&plan, &owner, &name) {
        let zones = session.zones(&plan);
        return call(session, plugin, command, &request.arguments, zones, || session.plugin_runner(&plan));
    }
    if let Some(plugin) = unbuilt(&plan, &owner, &name) {
        return Err(PlanError::missing(plugin).into());
    }
    if let Some(command) = board_command(&plan, &owner, &name) {
        return board::run(session, plan, &request.package, command, &request.arguments);
    }
    match makefile_of(&plan, &owner)? {
        Some(layer) => run_makefile(session, &plan, layer, &name, &request.arguments),
        None => Err(unknown(session, &plan, &request.package, &name)?),
    }
}

/// Returns the plugin of a command that needs nothing but its own layer: neither what was built, nor other layers, nor, as
/// long as it does not ask about the system, a plan.
fn by_itself(
    session: &Session,
    chain: &Chain,
    package: &LayerName,
    name: &str,
) -> Result<Option<(LayerPlugin, CommandDecl)>> {
    let Some(layer) = chain.layer(package).filter(|_| !session.policy.locked) else { return Ok(None) };
    let own = |decl: &PluginDecl| !decl.capabilities.iter().any(Capability::needs_plan);
    for plugin in chain.plugins_of(layer)? {
        let Some(command) = plugin.decl.command(name).cloned() else { continue };
        return Ok(if own(&plugin.decl) && plugin.is_built()? { Some((plugin, command)) } else { None });
    }
    Ok(None)
}

/// Calls a plugin for a command. What it may change of a build, it changes in a draft.
fn call(
    session: &Session,
    plugin: &LayerPlugin,
    command: &CommandDecl,
    arguments: &[String],
    mut zones: Zones,
    runner: impl FnOnce() -> Result<Runner>,
) -> Result<ExitCode> {
    let given = match parse(session, plugin, command, arguments) {
        Ok(given) => given?,
        Err(error) => {
            // A closed output is nobody's fault.
            let _ = error.print();
            return Ok(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)));
        }
    };
    consent::obtain(session, [plugin])?;
    let runner = runner()?;
    if uses_workspace(plugin) {
        skiff_build::claim(&session.workspace)?;
    }
    let changes = |zone: Zone| may_write(plugin, zone);
    let lock = if changes(Zone::Images) || changes(Zone::Target) { Some(session.lock()?) } else { None };
    let draft = lock.as_ref().map(|lock| {
        Draft::new(&session.workspace, changes(Zone::Images), changes(Zone::Target), &session.console.cancel, lock)
    });
    let draft = draft.transpose()?;
    if let Some(draft) = &draft {
        zones.images = draft.folder("images").or(zones.images);
        zones.target = draft.folder("target").or(zones.target);
    }
    let (status, stdout) = runner.run_command(plugin, &command.name, &given, &zones)?;
    crate::output::write_plugin(&stdout);
    if status == 0
        && !session.console.cancel.is_cancelled()
        && let Some(draft) = draft
    {
        draft.commit()?;
    }
    // The process ends now, and the system takes its memory back faster than it can be taken apart.
    std::mem::forget(runner);
    if session.console.cancel.is_cancelled() {
        return Ok(ExitCode::from(130));
    }
    Ok(ExitCode::from(status))
}

/// Whether a plugin may change something in a zone. What a build makes must not be changed during one.
fn may_write(plugin: &LayerPlugin, zone: Zone) -> bool {
    plugin.decl.capabilities.iter().any(|capability| capability.writes(zone))
}

/// Whether a call of a plugin leaves something in the workspace: its state, or the directory in which its tools find theirs.
pub(crate) fn uses_workspace(plugin: &LayerPlugin) -> bool {
    plugin.decl.capabilities.iter().any(Capability::uses_workspace)
}

struct Request {
    package: LayerName,
    command: Option<String>,
    arguments: Vec<String>,
}

impl Request {
    /// Reads `ns/name command …` or `ns/name/command …`. A `--help` in the place of the command asks for the list.
    fn parse(words: &[String]) -> Result<Option<Self>> {
        let is_help = |word: &String| word == "--help" || word == "-h";
        let Some((first, rest)) = words.split_first().filter(|(first, _)| !is_help(first)) else { return Ok(None) };
        let (package, command, arguments) = match first.splitn(3, '/').collect::<Vec<_>>().as_slice() {
            [namespace, name, command] => (format!("{namespace}/{name}"), Some((*command).to_owned()), rest.to_vec()),
            _ => match rest.split_first().filter(|(command, _)| !is_help(command)) {
                Some((command, arguments)) => (first.clone(), Some(command.clone()), arguments.to_vec()),
                None => (first.clone(), None, Vec::new()),
            },
        };
        let package: LayerName = package.parse()?;
        Ok(Some(Self { package, command, arguments }))
    }
}

/// Returns the plan of the chain, with the package added if the chain lacks it.
pub(crate) fn plan_with(session: &Session, package: &LayerName) -> Result<BuildPlan> {
    plan_of_chain(session, &chain_with(session, package)?)
}

/// Returns the chain, with the package added if the chain lacks it; without a chain, that of the package.
fn chain_with(session: &Session, package: &LayerName) -> Result<Chain> {
    let Some((requested, _)) = session.requested() else { return chain_of_package(session, package) };
    let chain = session.chain()?;
    if chain.names().contains(package) {
        return Ok(chain);
    }
    session.console.warn(&format!("`{package}` is not in the chain of this workspace, {requested}"));
    Ok(Chain::resolve(&format!("{requested},{package}"), &session.search_path()?)?)
}

/// Makes the plan of a chain, and says if what was built is something else.
fn plan_of_chain(session: &Session, chain: &Chain) -> Result<BuildPlan> {
    let plan = session.plan_of(chain)?;
    let Some(configured) = &session.settings.configured else { return Ok(plan) };
    if session.requested().is_none_or(|(requested, _)| requested != configured) {
        session.console.warn(&format!("this workspace was configured for another chain: {configured}"));
    } else if !skiff_build::is_unchanged(&plan, &session.workspace) {
        let compile = session.command_line("compile");
        session
            .console
            .warn(&format!("layers have changed since the workspace was configured; `{compile}` builds them in"));
    }
    Ok(plan)
}

/// Returns the plan of one package and what it depends on.
pub(crate) fn plan_of_package(session: &Session, package: &LayerName) -> Result<BuildPlan> {
    session.plan_of(&chain_of_package(session, package)?)
}

/// Returns the chain of one package and what it depends on.
pub(crate) fn chain_of_package(session: &Session, package: &LayerName) -> Result<Chain> {
    Ok(Chain::resolve(package.as_str(), &session.search_path()?)?)
}

/// Returns the plugins of a package.
pub(crate) fn of_package<'p>(plan: &'p BuildPlan, package: &LayerName) -> impl Iterator<Item = &'p LayerPlugin> {
    plan.plugins.iter().filter(move |plugin| plugin.layer.name.eq_ignore_ascii_case(package.as_str()))
}

fn find<'p>(plan: &'p BuildPlan, package: &LayerName, name: &str) -> Option<(&'p LayerPlugin, &'p CommandDecl)> {
    of_package(plan, package).find_map(|plugin| Some((plugin, plugin.decl.command(name)?)))
}

/// Returns the plugin that has a command and is not built.
fn unbuilt<'p>(plan: &'p BuildPlan, package: &LayerName, name: &str) -> Option<&'p LayerPlugin> {
    let mut of_package = plan.unbuilt.iter().filter(|plugin| plugin.layer.name.eq_ignore_ascii_case(package.as_str()));
    of_package.find(|plugin| plugin.decl.offered().iter().any(|command| command.name == name))
}

/// Returns the command of a board, if a plugin of the package knows one.
fn board_command(plan: &BuildPlan, package: &LayerName, name: &str) -> Option<BoardCommand> {
    let is_board = of_package(plan, package).any(|plugin| plugin.decl.board.is_some());
    BoardCommand::named(name).filter(|_| is_board)
}

/// Returns the layer of a package if it has a Makefile with commands. As in SkiffOS, every target of it can be asked
/// for, listed or not.
fn makefile_of<'p>(plan: &'p BuildPlan, package: &LayerName) -> Result<Option<&'p Layer>> {
    let Some(layer) = plan.layer(package.as_str()) else { return Ok(None) };
    Ok(layer.dir.is_file(MAKEFILE)?.then_some(layer))
}

/// Runs a target of a layer's Makefile, if the user has agreed to its scripts.
fn run_makefile(
    session: &Session,
    plan: &BuildPlan,
    layer: &Layer,
    target: &str,
    arguments: &[String],
) -> Result<ExitCode> {
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        let known = plan.commands.get(&layer.name).into_iter().flatten().find(|command| command.name == target);
        data!("Usage: skiff cmd {} {target} [VARIABLE=VALUE...]\n", layer.name);
        data!("{}", known.map_or("a target of the layer's Makefile", |command| command.summary.as_str()));
        return Ok(ExitCode::SUCCESS);
    }
    let sets_variable = |argument: &&String| argument.split_once('=').is_some_and(|(name, _)| is_variable(name));
    if let Some(other) = arguments.iter().find(|argument| !sets_variable(argument)) {
        return Err(CommandError::new(Kind::Usage, format!("`{other}` means nothing to a target of a Makefile"))
            .hint("a script takes variables: NAME=value"));
    }
    session.planner.check_layer("the layer whose scripts would run", &layer.root)?;
    session.check_for_scripts(plan)?;
    let scripts = Scripts::read(&layer.name, &layer.dir, &session.console.cancel)?;
    let path = layer.root.join(MAKEFILE);
    let Identity { plugin: id, digest, .. } = &scripts.identity;
    if let Err(error) = scripts.check(&session.grants()?, &path) {
        session.audit_note(id, *digest, AuditEvent::Refused { reason: error.to_string() })?;
        return Err(error.into());
    }
    session.audit_note(id, *digest, AuditEvent::Script { path })?;
    let environment = session.script_environment(plan)?;
    let status = session.console.interrupt.passing(|| scripts.run_command(target, arguments, &environment))?;
    Ok(super::exit_code(status))
}

/// Whether a package itself has a command: declared by a plugin, listed, or a target of its Makefile.
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

/// Whether a Makefile has a rule for a target, listed in `metadata/commands` or not.
fn has_target(makefile: &str, target: &str) -> bool {
    let targets =
        makefile.lines().filter(|line| !line.starts_with(['\t', '#'])).filter_map(|line| line.split_once(':'));
    targets.flat_map(|(targets, _)| targets.split_whitespace()).any(|word| word == target)
}

fn unknown(session: &Session, plan: &BuildPlan, package: &LayerName, name: &str) -> Result<CommandError> {
    let offers = offers(session, package)?;
    let names: Vec<&str> = offers.iter().map(|offer| offer.name.as_str()).collect();
    let plain = CommandError::new(Kind::Usage, format!("Package `{package}` has no command `{name}`"));
    let board = plan.plugins.iter().find(|plugin| plugin.decl.board.is_some());
    let is_board = plan.layer(package.as_str()).map(Layer::is_board).transpose()?.unwrap_or(false);
    if BoardCommand::named(name).is_some() && is_board {
        // Another board of the chain would format this one's medium in its own way.
        return Ok(plain.hint("this board has no such command; see its README.md"));
    }
    if let Some(board) = board.filter(|_| BoardCommand::named(name).is_some()) {
        return Ok(plain.hint(format!(
            "the board of the chain has it: {}",
            session.command_line(&format!("cmd {} {name}", board.layer.name))
        )));
    }
    Ok(match names.is_empty() {
        true => plain.hint("neither it nor what it needs has commands; `skiff status` shows those of the chain"),
        false => plain.hint(format!("it has: {}", names.join(", "))),
    })
}

fn list_all(session: &Session) -> Result<ExitCode> {
    data!("Usage: skiff cmd PACKAGE COMMAND [ARGUMENTS]\n       skiff cmd PACKAGE COMMAND --help\n");
    let (catalog, search) = (session.catalog()?, session.search_path()?);
    for package in catalog.packages() {
        let commands = match declared(&search, package) {
            Ok(commands) => commands,
            // One that is broken keeps nobody from the others.
            Err(error) => {
                session.console.warn(&format!("`{}` is left out: {}", package.name, error.message()));
                continue;
            }
        };
        for command in &commands {
            data!("  {:24} {:16} {}", package.name.as_str(), command.name, command.described());
        }
        if package.unlisted() && !commands.is_empty() {
            let needs = |other: &&Package| {
                other.dependencies().is_ok_and(|needed| needed.iter().any(|(name, _)| *name == package.name))
            };
            let users: Vec<&str> = catalog.packages().filter(needs).map(|user| user.name.as_str()).collect();
            data!("  {:24} the same commands: {}", "", users.join(", "));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list_commands(session: &Session, package: &LayerName) -> Result<ExitCode> {
    data!("Usage: skiff cmd {package} COMMAND [ARGUMENTS]\n");
    let offers = offers(session, package)?;
    if offers.is_empty() {
        data!("  neither this package nor one that it needs has commands");
    }
    for offer in offers {
        data!("  {:16} {}", offer.name, offer.described(package));
    }
    Ok(ExitCode::SUCCESS)
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
