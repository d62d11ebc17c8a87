use std::process::ExitCode;

use crate::args::InsideArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use skiff_project::Environment;

/// Becomes another program.
pub(crate) fn run(args: &InsideArgs, environment: &Environment) -> Result<ExitCode> {
    let Some((program, arguments)) = args.words.split_first() else { return Ok(ExitCode::SUCCESS) };
    let failed =
        skiff_build::buildroot::enter(&args.folder, args.at.as_deref(), environment.current(), program, arguments);
    match failed {
        Err(error) => {
            Err(CommandError::new(Kind::User, format!("cannot run `{}`: {error}", program.to_string_lossy())))
        }
    }
}
