//! The road of those who write plugins.

mod build;
mod check;
mod doc;
mod inspect;
mod new;
mod test;

use skiff_project::Session;

use crate::args::PluginCommand;
use crate::command_error::Result;

pub(crate) use self::doc::print_contract;

pub(crate) fn run(session: &Session, command: &PluginCommand) -> Result<()> {
    match command {
        PluginCommand::New(args) => new::run(session, args),
        PluginCommand::Build(args) => build::run(session, args),
        PluginCommand::Check(args) => check::run(session, args),
        PluginCommand::Inspect(args) => inspect::run(session, args),
        PluginCommand::Test(args) => test::run(session, args),
        PluginCommand::Doc(args) => doc::run(session, args),
    }
}
