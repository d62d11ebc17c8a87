use std::process::Command;
use std::process::ExitCode;

use crate::args::ShellArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use skiff_project::Session;
use skiff_project::lock;

/// Starts a shell, or a program, with the environment of hooks: for Buildroot where it builds.
pub(crate) fn run(session: &Session, args: &ShellArgs) -> Result<ExitCode> {
    let shell = [session.console.environment.get("SHELL").unwrap_or("/bin/sh").to_owned()];
    let words = if args.words.is_empty() { shell.as_slice() } else { args.words.as_slice() };
    let Some((program, arguments)) = words.split_first() else { return Ok(ExitCode::SUCCESS) };
    if session.settings.engine.value.kind().has_build_system {
        let job = session.open(false)?;
        let system = job.build_system("`shell`")?;
        let environment = session.script_environment(job.plan())?.variables.into_iter().collect();
        let run = || system.run_program(&job.context, program, arguments, environment);
        return Ok(super::exit_code(session.console.passing(run)?));
    }
    let plan = session.plan()?;
    lock::check(session, &plan)?;
    let environment = session.script_environment(&plan)?;
    let folder = if environment.folder.is_dir() { &environment.folder } else { &session.root };
    let failed = |error| CommandError::new(Kind::User, format!("cannot run `{program}`: {error}"));
    let skiff = session.console.environment.program().ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))?;
    // So that it ends with skiff.
    let mut command = Command::new(skiff);
    command.arg("inside").arg("--folder").arg(folder).arg("--").arg(program);
    command.args(arguments).env_clear().envs(environment.variables).current_dir(folder);
    let status = session.console.passing(|| command.status());
    Ok(super::exit_code(status.map_err(failed)?))
}
