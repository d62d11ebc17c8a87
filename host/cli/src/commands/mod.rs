//! One command, one file.

mod audit;
pub(crate) mod board;
mod br;
mod build;
mod check;
mod clean;
pub(crate) mod cmd;
mod compile;
mod configure;
mod device;
mod diff;
mod doctor;
mod env;
mod explain;
mod fetch;
mod flash;
mod grant;
mod graph;
mod hooks;
mod inside;
mod layout;
mod list;
mod man;
mod plan;
mod plugin;
mod precompile;
mod shell;
mod show;
mod status;
mod trust;
mod why;
pub(crate) mod workspace;

use std::process::ExitCode;
use std::sync::Arc;

use crate::args::Args;
use crate::args::Command;
use crate::args::DocArgs;
use crate::args::JsonArgs;
use crate::args::LayoutArgs;
use crate::args::PluginCommand;
use crate::command_error::Result;
use crate::completions;
use crate::interrupt::Interrupt;
use crate::progress;
use crate::terminal::Terminal;
use skiff_project::Belief;
use skiff_project::Console;
use skiff_project::Environment;
use skiff_project::Options;
use skiff_project::Project;
use skiff_project::Session;
use skiff_project::consent;
use skiff_project::find_root;

/// Carries out a command line.
pub(crate) fn run(args: Args, environment: Environment) -> Result<ExitCode> {
    let command = args.command.unwrap_or(Command::Status(JsonArgs { json: false }));
    // These need no checkout, and the second must be alone in its process.
    match &command {
        Command::Completions { shell, program } => {
            return completions::register(*shell, program.as_deref(), &environment);
        }
        Command::Inside(inside) => return inside::run(inside, &environment),
        Command::Precompile => return precompile::run(),
        Command::Man { directory } => return man::run(directory).map(|()| ExitCode::SUCCESS),
        Command::Trust(command) => return trust::run(command, &environment).map(|()| ExitCode::SUCCESS),
        _ => {}
    }
    let interrupt = Interrupt::listen();
    let reporter = match command {
        Command::Hooks { .. } => progress::hook_reporter(),
        _ => progress::reporter(&environment),
    };
    let cancel = interrupt.cancel.clone();
    let console = Console::new(environment, reporter, cancel, Arc::new(Terminal::new(interrupt)));
    if let Command::Build(args_of_build) = &command
        && args_of_build.all
    {
        return build::run_all(&args.global.into(), args_of_build, &console);
    }
    let options = Options::from(args.global);
    if let Some(done) = without_checkout(&options, &command, &console) {
        return done.map(|()| ExitCode::SUCCESS);
    }
    let mut session = Session::new(&options, console)?;
    consent::check_given(&session)?;
    // Who only looks is not asked to agree to anything.
    session.asks = matches!(
        command,
        Command::Build(_) | Command::Cmd(_) | Command::Compile(_) | Command::Configure(_) | Command::Plugin(_)
    );
    match command {
        Command::Status(args) => status::run(&session, &args),
        Command::List(args) => list::run(&session, &args),
        Command::Show(args) => show::run(&session, &args),
        Command::Plan(args) => plan::run(&session, &args),
        Command::Explain(args) => explain::run(&session, &args),
        Command::Diff(args) => diff::run(&session, &args),
        Command::Why(args) => why::run(&session, &args),
        Command::Configure(args) => configure::run(&session, &args),
        Command::Fetch => fetch::run(&session),
        Command::Compile(args) => compile::run(&session, &args),
        Command::Build(args) => build::run(&session, &args),
        Command::Cmd(args) => return cmd::run(&session, &args),
        Command::Br(args) => return br::run(&session, &args),
        Command::Check => return check::run(&session),
        Command::LegalInfo => return check::legal_info(&session),
        Command::Graph(command) => graph::run(&session, &command),
        Command::Shell(args) => return shell::run(&session, &args),
        Command::Env(args) => env::run(&session, &args),
        Command::Workspace(command) => workspace::run(&session, &command),
        Command::Grant(command) => grant::run(&session, command),
        Command::Plugin(command) => plugin::run(&session, &command),
        Command::Layout(args) => layout::run(&session, &args),
        Command::Device(command) => device::run(&session.project, &command),
        Command::Flash(args) => flash::run(&session.console, &session.project, &args),
        Command::Audit(args) => audit::run(&session, &args),
        Command::Clean(args) => clean::run(&session, &args),
        Command::Doctor(args) => return doctor::run(&session, &args),
        Command::Hooks { stage } => hooks::run(&session, &stage),
        Command::Completions { .. }
        | Command::Inside(_)
        | Command::Man { .. }
        | Command::Precompile
        | Command::Trust(_) => Ok(()),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Carries out a command that needs no checkout, where there is none.
fn without_checkout(options: &Options, command: &Command, console: &Console) -> Option<Result<()>> {
    let needs_none = matches!(
        command,
        Command::Device(_)
            | Command::Flash(_)
            | Command::Layout(LayoutArgs { import: Some(_), .. })
            | Command::Plugin(PluginCommand::Doc(DocArgs { contract: true, .. }))
    );
    match needs_none.then(|| find_root(options, &console.environment))? {
        Ok(None) => {}
        Ok(Some(_)) => return None,
        Err(wrong) => return Some(Err(wrong.into())),
    }
    let project = || -> Result<Project> {
        let belief = Belief::of(&console.environment, &console.cancel)?;
        let project = Project::find(&console.environment, &belief, None, None)?;
        if project.path().is_none() {
            console.say("There is no checkout and no project file, so `protect:` protects no device");
        }
        Ok(project)
    };
    match command {
        Command::Device(command) => Some(project().and_then(|project| device::run(&project, command))),
        Command::Flash(args) => Some(project().and_then(|project| flash::run(console, &project, args))),
        Command::Layout(LayoutArgs { import: Some(path), .. }) => {
            Some(layout::print_imported(&console.environment, path))
        }
        Command::Plugin(PluginCommand::Doc(DocArgs { contract: true, .. })) => {
            plugin::print_contract();
            Some(Ok(()))
        }
        _ => None,
    }
}

/// Returns the exit code of a program that was run for the user; that of one ended by a signal as shells do.
fn exit_code(status: std::process::ExitStatus) -> ExitCode {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
