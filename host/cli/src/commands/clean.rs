use std::io::IsTerminal as _;
use std::io::Write as _;
use std::sync::atomic::Ordering;

use crate::args::CleanArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::session::Session;

pub(crate) fn run(session: &Session, args: &CleanArgs) -> Result<()> {
    let folder = session.workspace.folder();
    let outputs = ["images", "target", "build.json"].map(|name| folder.join(name));
    if !outputs.iter().any(|path| path.exists()) {
        session.say(&format!("There is nothing to remove in {}", folder.display()));
        return Ok(());
    }
    if !args.yes && session.environment.get("SKIFF_NO_INTERACTIVE").is_none() && !confirm(session)? {
        session.say("Nothing was removed");
        return Ok(());
    }
    let lock = session.lock()?;
    skiff_build::remove_outputs(&session.workspace, &lock)?;
    session.say(&format!("Removed the outputs in {}", folder.display()));
    Ok(())
}

fn confirm(session: &Session) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(
            CommandError::new(Kind::Usage, "There is no terminal on which to ask").hint("run: skiff clean --yes")
        );
    }
    let mut stderr = anstream::stderr();
    // If the question cannot be shown, nobody answers it with yes.
    let _ = write!(stderr, "Remove the outputs in {}? [y/N] ", session.workspace.folder().display());
    let _ = stderr.flush();
    let mut answer = String::new();
    session.asking.store(true, Ordering::Relaxed);
    let read = std::io::stdin().read_line(&mut answer).is_ok();
    session.asking.store(false, Ordering::Relaxed);
    Ok(read && matches!(answer.trim(), "y" | "Y" | "yes"))
}
