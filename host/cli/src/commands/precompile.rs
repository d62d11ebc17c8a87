use std::io;
use std::io::Write as _;
use std::process::ExitCode;

use crate::command_error::Result;

/// Compiles the component on stdin to stdout, bounded in time and memory: called by skiff itself, since what a component
/// needs to be compiled is up to whoever made it.
pub(crate) fn run() -> Result<ExitCode> {
    match skiff_runtime::precompile(io::stdin().lock(), io::stdout().lock())? {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(wrong) => {
            // The process that started this one reads it, or has ended.
            let _ = writeln!(io::stderr(), "{wrong}");
            Ok(ExitCode::FAILURE)
        }
    }
}
