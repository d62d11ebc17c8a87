use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Args;

/// Writes a completion script to stdout.
pub(crate) fn run(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    let all = Args::command();
    // What only Buildroot calls would be no help to anybody.
    let offered = all.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let mut command = clap::Command::new("skiff").args(all.get_arguments().cloned()).subcommands(offered);
    clap_complete::generate(shell, &mut command, "skiff", &mut script);
    crate::output::write_plugin(&script);
    ExitCode::SUCCESS
}
