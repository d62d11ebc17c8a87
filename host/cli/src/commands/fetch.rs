use crate::command_error::Result;
use crate::commands::configure;
use skiff_project::Session;
use skiff_project::lock;

/// Downloads everything before anything is built.
pub(crate) fn run(session: &Session) -> Result<()> {
    let job = session.open(false)?;
    configure::ensure(&job)?;
    job.engine.fetch(&job.context)?;
    lock::keep(session, job.plan())?;
    session.console.say("Everything that the build needs is there");
    Ok(())
}
