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
mod dropped;
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
mod plan;
mod plugin;
mod precompile;
mod shell;
mod show;
mod status;
mod trust;
mod why;
pub(crate) mod workspace;

use std::io::IsTerminal as _;
use std::io::Write as _;
use std::process::ExitCode;

use crate::args::Args;
use crate::args::Command;
use crate::args::JsonArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::completions;
use crate::consent;
use crate::environment::Environment;
use crate::interrupt::Interrupt;
use crate::progress;
use crate::session::Session;

/// Carries out a command line.
pub(crate) fn run(args: Args, environment: Environment) -> Result<ExitCode> {
    let command = args.command.unwrap_or(Command::Status(JsonArgs { json: false }));
    // These need no checkout, and the second must be alone in its process.
    match &command {
        Command::Completions { shell } => return completions::register(*shell, &environment),
        Command::Inside(inside) => return inside::run(inside, &environment),
        Command::Precompile => return precompile::run(),
        Command::Trust(command) => return trust::run(command, &environment).map(|()| ExitCode::SUCCESS),
        _ => {}
    }
    let interrupt = Interrupt::listen();
    let reporter = match command {
        Command::Hooks { .. } => progress::hook_reporter(),
        _ => progress::reporter(&environment),
    };
    if let Command::Build(args_of_build) = &command
        && args_of_build.all
    {
        return build::run_all(&args.global, args_of_build, &environment, &interrupt, &reporter);
    }
    let mut session = Session::new(&args.global, environment, interrupt, reporter)?;
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
        Command::Device(command) => device::run(&session, &command),
        Command::Flash(args) => flash::run(&session, &args),
        Command::Audit(args) => audit::run(&session, &args),
        Command::Clean(args) => clean::run(&session, &args),
        Command::Doctor(args) => return doctor::run(&session, &args),
        Command::Hooks { stage } => hooks::run(&session, &stage),
        Command::Completions { .. } | Command::Inside(_) | Command::Precompile | Command::Trust(_) => Ok(()),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the exit code of a program that was run for the user; that of one ended by a signal as shells do.
fn exit_code(status: std::process::ExitStatus) -> ExitCode {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// Asks a question that has yes and no for answers. `without` is the command line that asks nothing.
pub(crate) fn confirm(session: &Session, question: &str, without: &str) -> Result<bool> {
    match session.environment.get("SKIFF_NO_INTERACTIVE") {
        Some(_) => Ok(true),
        None => ask(session, question, without),
    }
}

/// Waits for Enter before more is shown. Returns false when the user has seen enough.
pub(crate) fn go_on(session: &Session) -> bool {
    answer(session, "-- more: Enter goes on, q refuses -- ").is_some_and(|answer| answer.is_empty())
}

/// Shows a question on the terminal and reads the line that answers it; `None` at the end of the input. What was typed
/// before is no answer: whoever typed it has not read the question.
pub(crate) fn answer(session: &Session, question: &str) -> Option<String> {
    let mut stderr = anstream::stderr();
    // It fails only where there is no terminal.
    let _ = rustix::termios::tcflush(std::io::stdin(), rustix::termios::QueueSelector::IFlush);
    // If the question cannot be shown, nobody answers it with yes.
    let _ = write!(stderr, "{question}");
    let _ = stderr.flush();
    let mut answer = String::new();
    let read = session.interrupt.asking(|| std::io::stdin().read_line(&mut answer).is_ok_and(|count| count > 0));
    read.then(|| answer.trim().to_owned())
}

/// Asks, whatever the environment says.
pub(crate) fn ask(session: &Session, question: &str, without: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(
            CommandError::new(Kind::Usage, "There is no terminal on which to ask").hint(format!("run: {without}"))
        );
    }
    let answer = answer(session, &format!("{question} [y/N] "));
    Ok(answer.is_some_and(|answer| matches!(answer.as_str(), "y" | "Y" | "yes")))
}
