//! The command line of skiff: the only crate that talks to people, and the only one that reads the environment,
//! the current directory and the clock. A command loads, calls and prints; the work is done below.

mod ambient;
mod args;
mod command_error;
mod commands;
mod completions;
mod interrupt;
mod output;
mod progress;
mod question;
mod terminal;

use std::ffi::OsStr;
use std::ffi::OsString;
use std::process::ExitCode;

pub use ambient::environment;
pub use skiff_project::Environment;

use crate::args::Args;
use crate::args::Unread;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::output::note;

/// Runs one command line and returns the exit code: 0 ok, 1 an error of the user or the configuration, 2 wrong
/// usage, 77 refused by policy, 101 a bug in skiff, 130 cancelled; or a plugin command's own.
pub fn run(arguments: impl IntoIterator<Item = OsString>, environment: Environment) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(path) = environment.absolute_search_path() {
        let error = restart(&arguments, &path);
        let error = CommandError::new(Kind::User, format!("cannot leave relative directories out of PATH: {error}"))
            .hint("take them out of PATH");
        error.report();
        return ExitCode::from(error.code());
    }
    if let Some(code) = completions::answer(arguments.clone(), &environment) {
        return code;
    }
    start_log(&environment);
    // Plugins cannot set modes, so what they write into the target bears the umask's: it must be the same everywhere.
    rustix::process::umask(rustix::fs::Mode::WGRP | rustix::fs::Mode::WOTH);
    raise_file_limit();
    let args = match Args::read(arguments) {
        Ok(args) => args,
        Err(Unread::Clap(error)) => {
            // A closed output is not an error.
            let _ = error.print();
            if let Some(hint) = args::hint(&error) {
                note!("\x1b[1;36mhint:\x1b[0m {hint}");
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
        Err(Unread::Value(error)) => {
            error.report();
            return ExitCode::from(error.code());
        }
    };
    match commands::run(args, environment) {
        Ok(_) if output::is_lost() => {
            let error = CommandError::new(Kind::User, "cannot write to stdout")
                .hint("check that there is room where the output goes");
            error.report();
            ExitCode::from(error.code())
        }
        Ok(code) => code,
        Err(error) => {
            error.report();
            ExitCode::from(error.code())
        }
    }
}

/// Runs the same with another PATH; returns why that failed. An empty entry means the current directory, whose programs neither skiff nor
/// anything that it runs may take for those of the system: so the whole process gets along without.
fn restart(arguments: &[OsString], path: &OsStr) -> std::io::Error {
    use std::os::unix::process::CommandExt as _;
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.as_os_str(), rest),
        None => (OsStr::new("skiff"), &[][..]),
    };
    // Also when the program's file has been replaced since it was started.
    std::process::Command::new("/proc/self/exe").arg0(name).args(rest).env("PATH", path).exec()
}

/// Reads a command line as [`run`] does, without carrying it out: for those who check what documents tell people to type.
/// The arguments of commands of packages are read by those commands only.
///
/// # Errors
/// What is wrong with it, as the user would be told.
pub fn check_usage(arguments: impl IntoIterator<Item = OsString>) -> Result<(), String> {
    match Args::read(arguments) {
        Ok(_) => Ok(()),
        Err(Unread::Clap(error)) if error.exit_code() == 0 => Ok(()),
        Err(Unread::Clap(error)) => Err(error.to_string()),
        Err(Unread::Value(error)) => Err(error.message().to_owned()),
    }
}

/// A call of a plugin holds the directories that it was granted, one for each layer, and up to 1,000 files.
fn raise_file_limit() {
    use rustix::process::Resource;
    let limit = rustix::process::getrlimit(Resource::Nofile);
    // Not more than that: some programs that skiff runs look at every number up to the limit.
    let most = limit.maximum.map_or(4096, |maximum| maximum.min(4096));
    let raised = rustix::process::Rlimit { current: limit.current.max(Some(most)), ..limit };
    // If it may not be raised, the present limit remains.
    let _ = rustix::process::setrlimit(Resource::Nofile, raised);
}

/// `SKIFF_LOG=debug` shows what goes on inside, on stderr.
fn start_log(environment: &Environment) {
    if let Some(filter) = environment.get("SKIFF_LOG") {
        let filter = tracing_subscriber::EnvFilter::new(filter);
        // It fails only if a log is there already, as in a test that calls `run` twice.
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    }
}
