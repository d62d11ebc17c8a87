use crate::args::CleanArgs;
use crate::command_error::Result;
use skiff_project::Session;
use skiff_text::Shown as _;

pub(crate) fn run(session: &Session, args: &CleanArgs) -> Result<()> {
    let folder = session.workspace.folder();
    if !skiff_build::has_outputs(&session.workspace) {
        session.console.say(&format!("There is nothing to remove in {}", folder.shown()));
        return Ok(());
    }
    let without = format!("skiff -w {} clean --yes", session.workspace.name());
    if !args.yes && !session.console.confirm(&format!("Remove the outputs in {}?", folder.shown()), &without)? {
        session.console.say("Nothing was removed");
        return Ok(());
    }
    let lock = session.lock()?;
    skiff_build::remove_outputs(&session.workspace, &lock, &session.console.cancel)?;
    session.console.say(&format!("Removed the outputs in {}", folder.shown()));
    Ok(())
}
