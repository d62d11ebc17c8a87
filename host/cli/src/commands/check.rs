use std::process::ExitCode;
use std::process::ExitStatus;

use skiff_build::Engine as _;

use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::commands::configure;
use crate::session::Session;
use skiff_text::Shown as _;

/// Checks what SkiffOS checks: the style of external trees, that all sources can be had, and licences.
pub(crate) fn run(session: &Session) -> Result<ExitCode> {
    let plan = session.plan()?;
    let engine = session.buildroot(&plan, "Checking")?;
    let lock = session.lock()?;
    let site = session.site(&plan, &lock);
    configure::ensure(session, &site, &engine)?;
    if !plan.external.is_empty() {
        let status = session.interrupt.passing(|| engine.run_targets(&site, &["check-package-external"]))?;
        if !status.success() {
            return outcome(status);
        }
    }
    engine.fetch(&site)?;
    outcome(session.interrupt.passing(|| engine.run_targets(&site, &["legal-info"]))?)
}

/// Collects sources and licences.
pub(crate) fn legal_info(session: &Session) -> Result<ExitCode> {
    let plan = session.plan()?;
    let engine = session.buildroot(&plan, "`legal-info`")?;
    let lock = session.lock()?;
    let site = session.site(&plan, &lock);
    configure::ensure(session, &site, &engine)?;
    let status = session.interrupt.passing(|| engine.run_targets(&site, &["legal-info"]))?;
    if status.success() {
        session.say(&format!("The licences are in {}", session.workspace.folder().join("legal-info").shown()));
    }
    outcome(status)
}

/// make says 2 where skiff says 1.
fn outcome(status: ExitStatus) -> Result<ExitCode> {
    match status.success() {
        true => Ok(ExitCode::SUCCESS),
        false => Err(CommandError::new(Kind::User, "Buildroot is not content").hint("what it says stands above")),
    }
}
