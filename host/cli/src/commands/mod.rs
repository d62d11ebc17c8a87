//! One command, one file.

mod br;
mod clean;
mod cmd;
mod compile;
mod configure;
mod grant;
mod list;
mod plan;
mod status;

use std::process::ExitCode;

use crate::args::Args;
use crate::args::Command;
use crate::command_error::Result;
use crate::environment::Environment;
use crate::session::Session;

/// Carries out a command line.
pub(crate) fn run(args: Args, environment: Environment) -> Result<ExitCode> {
    let session = Session::new(&args.global, environment)?;
    match args.command.unwrap_or(Command::Status) {
        Command::Status => status::run(&session),
        Command::List(args) => list::run(&session, &args),
        Command::Plan(args) => plan::run(&session, &args),
        Command::Configure(args) => configure::run(&session, &args),
        Command::Compile(args) => compile::run(&session, &args),
        Command::Build(args) => {
            configure::run(&session, &args.configure)?;
            compile::run(&session, &args.compile)
        }
        Command::Cmd(args) => return cmd::run(&session, &args),
        Command::Br(args) => br::run(&session, &args),
        Command::Grant(command) => grant::run(&session, command),
        Command::Clean(args) => clean::run(&session, &args),
    }?;
    Ok(ExitCode::SUCCESS)
}
