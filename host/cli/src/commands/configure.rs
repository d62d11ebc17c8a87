use skiff_build::Configured;
use skiff_plan::BuildPlan;

use crate::args::ConfigureArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::session::Session;

pub(crate) fn run(session: &Session, args: &ConfigureArgs) -> Result<()> {
    let plan = session.plan()?;
    if !args.ignore_broken_lines {
        refuse_broken_lines(&plan)?;
    }
    let lock = session.lock()?;
    let shown = session.workspace.name();
    match skiff_build::configure(&plan, &session.workspace, &session.context.extra, &lock)? {
        Configured::Unchanged => {
            session
                .say(&format!("Workspace `{shown}` is configured for {} already; nothing to do", plan.chain.join(",")));
        }
        Configured::Written => session.say(&format!("Configured workspace `{shown}` for {}", plan.chain.join(","))),
    }
    Ok(())
}

/// A line that Kconfig would drop in silence is a setting that somebody believes to be made.
pub(crate) fn refuse_broken_lines(plan: &BuildPlan) -> Result<()> {
    let shown = |broken: &skiff_plan::BrokenLine| {
        let problem = &broken.problem;
        format!("{}:{}: {}: `{}`", broken.file.display(), problem.origin.line, problem.kind, problem.text)
    };
    if plan.broken.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = plan.broken.iter().map(shown).collect();
    Err(CommandError::new(Kind::User, lines.join("\n       "))
        .hint("write `SYMBOL=value` or `# SYMBOL is not set`, from the start of the line; anything else after a `#`")
        .hint("`skiff configure --ignore-broken-lines` leaves such lines out, as SkiffOS does"))
}
