use crate::args::CleanArgs;
use crate::command_error::Result;
use crate::session::Session;

pub(crate) fn run(session: &Session, args: &CleanArgs) -> Result<()> {
    let folder = session.workspace.folder();
    let outputs = ["images", "target", "build", "host", "build.json"].map(|name| folder.join(name));
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
    super::confirm(
        session,
        &format!("Remove the outputs in {}?", session.workspace.folder().display()),
        "skiff clean --yes",
    )
}
