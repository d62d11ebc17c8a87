use std::process::ExitCode;
use std::process::ExitStatus;

use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::commands::configure;
use skiff_project::Session;
use skiff_text::Shown as _;

/// Checks what SkiffOS checks: the style of external trees, that all sources can be had, and licences.
pub(crate) fn run(session: &Session) -> Result<ExitCode> {
    session.require_build_system("`check`")?;
    let job = session.open(false)?;
    configure::ensure(&job)?;
    let system = job.build_system("`check`")?;
    let run = |target| session.console.passing(|| system.run_targets(&job.context, &[target]));
    if !job.plan().external.is_empty() {
        let status = run("check-package-external")?;
        if !status.success() {
            return outcome(status);
        }
    }
    job.engine.fetch(&job.context)?;
    outcome(run("legal-info")?)
}

/// Collects sources and licences.
pub(crate) fn legal_info(session: &Session) -> Result<ExitCode> {
    session.require_build_system("`legal-info`")?;
    let job = session.open(false)?;
    configure::ensure(&job)?;
    let system = job.build_system("`legal-info`")?;
    let status = session.console.passing(|| system.run_targets(&job.context, &["legal-info"]))?;
    if status.success() {
        session.console.say(&format!("The licences are in {}", session.workspace.folder().join("legal-info").shown()));
    }
    outcome(status)
}

/// make says 2 where skiff says 1.
fn outcome(status: ExitStatus) -> Result<ExitCode> {
    match status.success() {
        true => Ok(ExitCode::SUCCESS),
        false => Err(CommandError::new(Kind::User, "Buildroot's checks failed").hint("what it says stands above")),
    }
}
