//! The program `skiff`, for the tests of this crate.

use std::process::ExitCode;

fn main() -> ExitCode {
    skiff_cli::run(std::env::args_os(), skiff_cli::environment())
}
