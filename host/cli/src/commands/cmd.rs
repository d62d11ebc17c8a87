mod arguments;

use crate::args::CmdArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::commands::board;
use crate::output::data;
use skiff_build::Draft;
use skiff_layers::BoardCommand;
use skiff_layers::CommandDecl;
use skiff_layers::Layer;
use skiff_layers::LayerName;
use skiff_layers::LayerPlugin;
use skiff_layers::MAKEFILE;
use skiff_layers::Package;
use skiff_layers::Zone;
use skiff_layers::is_variable;
use skiff_plan::BuildPlan;
use skiff_plan::PlanError;
use skiff_plan::Zones;
use skiff_project::Session;
use skiff_project::consent;
use skiff_project::lock;
use skiff_project::package::PackageCommand;
use skiff_project::package::by_itself;
use skiff_project::package::declared;
use skiff_project::package::may_write;
use skiff_project::package::offers;
use skiff_project::package::uses_workspace;
use skiff_runtime::AuditEvent;
use skiff_runtime::Identity;
use skiff_runtime::Runner;
use skiff_runtime::Scripts;
use std::process::ExitCode;

pub(crate) use self::arguments::parse;

/// Runs a command of a package, in the chain or not. One that the package lacks is looked for in what it needs.
pub(crate) fn run(session: &Session, args: &CmdArgs) -> Result<ExitCode> {
    let Some(request) = Request::parse(&args.words)? else {
        return list_all(session);
    };
    // Listing commands needs no plan, and so no consent.
    let Some(name) = request.command else {
        return list_commands(session, &request.package);
    };
    let command_chain = session.chain_with(&request.package)?;
    let chain = &command_chain.chain;
    if let Some((plugin, command)) = by_itself(session, chain, &request.package, &name)? {
        session.planner.check_package(&plugin.layer.root)?;
        session.planner.check_package(&plugin.owner.root)?;
        let layers = chain.layers().iter().map(|layer| (layer.name.clone(), layer.root.clone())).collect();
        let zones = Zones { layers, target: None, images: None, state: session.workspace.state(), epoch: None };
        return call(session, &plugin, &command, &request.arguments, zones, || {
            Ok(session.chain_runner(chain, &plugin)?)
        });
    }
    let plan = session.plan_for_command(&command_chain)?;
    lock::check(session, &plan)?;
    match PackageCommand::find(session, &plan, &request.package, &name)? {
        Some(PackageCommand::Plugin(plugin, command)) => {
            let zones = session.zones(&plan);
            call(session, plugin, command, &request.arguments, zones, || Ok(session.plugin_runner(&plan)?))
        }
        Some(PackageCommand::Unbuilt(plugin)) => Err(PlanError::missing(plugin).into()),
        Some(PackageCommand::Board(command)) => {
            let done = board::run(session, plan, &request.package, command, &request.arguments)?;
            lock::check_again(session, chain)?;
            Ok(done)
        }
        Some(PackageCommand::Makefile(layer)) => run_makefile(session, &plan, layer, &name, &request.arguments),
        None => Err(unknown(session, &plan, &request.package, &name)?),
    }
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
            // A closed output is not an error.
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
        return Err(CommandError::new(Kind::Usage, format!("commands of a Makefile take no arguments: `{other}`"))
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
    let status = session.console.passing(|| scripts.run_command(target, arguments, &environment))?;
    Ok(super::exit_code(status))
}

fn unknown(session: &Session, plan: &BuildPlan, package: &LayerName, name: &str) -> Result<CommandError> {
    let offers = offers(session, package)?;
    let names: Vec<&str> = offers.iter().map(|offer| offer.name.as_str()).collect();
    let plain = CommandError::new(Kind::Usage, format!("package `{package}` has no command `{name}`"));
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
            // A broken package does not hide the others.
            Err(error) => {
                session.console.warn(&format!("`{}` is left out: {}", package.name, error));
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
