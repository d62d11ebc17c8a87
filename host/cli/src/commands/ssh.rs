use std::process::ExitCode;

use crate::args::CmdArgs;
use crate::args::SshArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::commands::cmd;
use skiff_project::Session;
use skiff_project::package::offers;

/// The command that a package has for it.
const NAME: &str = "ssh";

/// Calls the command `ssh` of the first package of the chain that has one.
pub(crate) fn run(session: &Session, args: &SshArgs) -> Result<ExitCode> {
    let chain = session.chain()?;
    for package in chain.requested() {
        let mut offers = offers(session, package)?.into_iter();
        if offers.any(|offer| offer.name == NAME && offer.owner().is_some()) {
            let mut words = vec![package.to_string(), NAME.to_owned()];
            if !args.words.is_empty() {
                // An argument of several words is one text for the command line of a plugin.
                let text = shlex::try_join(args.words.iter().map(String::as_str));
                let text = text.map_err(|error| CommandError::new(Kind::Usage, error.to_string()))?;
                words.extend(["--args".to_owned(), text]);
            }
            return cmd::run(session, &CmdArgs { words });
        }
    }
    let names: Vec<&str> = chain.requested().iter().map(|package| package.as_str()).collect();
    Err(CommandError::new(Kind::User, format!("no package of the chain {} has a command `{NAME}`", names.join(",")))
        .hint("virt/qemu has one; other machines are reached with ssh itself"))
}
