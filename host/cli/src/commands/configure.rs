use skiff_build::Choices;
use skiff_build::Configured;
use skiff_plan::BuildPlan;

use crate::args::ConfigureArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::session::Session;

pub(crate) fn run(session: &Session, args: &ConfigureArgs) -> Result<()> {
    let plan = session.plan()?;
    // What was let pass once is asked about again when somebody configures, and not when somebody compiles.
    let choices = Choices { ignore_broken_lines: args.ignore_broken_lines, ..session.choices(false) };
    let shown = session.workspace.name();
    match write(session, &plan, &choices)? {
        Configured::Unchanged => {
            session
                .say(&format!("Workspace `{shown}` is configured for {} already; nothing to do", plan.chain.join(",")));
        }
        Configured::Written => session.say(&format!("Configured workspace `{shown}` for {}", plan.chain.join(","))),
    }
    Ok(())
}

/// Configures the workspace unless the plan has lines that nobody has let pass.
pub(crate) fn write(session: &Session, plan: &BuildPlan, choices: &Choices) -> Result<Configured> {
    if !choices.ignore_broken_lines {
        refuse_broken_lines(plan)?;
    }
    let lock = session.lock()?;
    Ok(skiff_build::configure(plan, &session.workspace, choices, &lock)?)
}

/// A line that Kconfig would drop in silence is a setting that somebody believes to be made.
fn refuse_broken_lines(plan: &BuildPlan) -> Result<()> {
    if plan.broken.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = plan.broken.iter().map(ToString::to_string).collect();
    Err(CommandError::new(Kind::User, lines.join("\n       "))
        .hint("write `SYMBOL=value` or `# SYMBOL is not set`, from the start of the line; anything else after a `#`")
        .hint("`skiff configure --ignore-broken-lines` leaves such lines out, as SkiffOS does"))
}
