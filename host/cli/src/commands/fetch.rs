use crate::command_error::Result;
use crate::commands::configure;
use crate::lock;
use crate::session::Session;

/// Downloads everything before anything is built.
pub(crate) fn run(session: &Session) -> Result<()> {
    let plan = session.plan()?;
    let engine = session.engine(&plan, false)?;
    let lock = session.lock()?;
    let site = session.site(&plan, &lock);
    lock::check(session, &plan)?;
    configure::ensure(session, &site, engine.as_ref())?;
    engine.fetch(&site)?;
    lock::keep(session, &plan)?;
    session.say("Everything that the build needs is there");
    Ok(())
}
