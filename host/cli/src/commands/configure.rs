use skiff_build::Configured;
use skiff_build::Engine;
use skiff_build::Site;
use skiff_build::Weight;
use skiff_kconfig::DropReason;
use skiff_kconfig::Dropped;
use skiff_plan::BuildPlan;

use crate::args::ConfigureArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::session::Session;

pub(crate) fn run(session: &Session, args: &ConfigureArgs) -> Result<()> {
    let plan = session.plan()?;
    let engine = session.engine(&plan, false)?;
    let lock = session.lock()?;
    with(session, &session.site(&plan, &lock), engine.as_ref(), args)
}

/// Configures, because the user wants it.
pub(crate) fn with(session: &Session, site: &Site<'_>, engine: &dyn Engine, args: &ConfigureArgs) -> Result<()> {
    // What was let pass once is asked about again when somebody configures, and not when somebody compiles.
    let configured = write(session, site, engine, args.ignore_broken_lines, args.strict)?;
    if configured == Configured::Unchanged {
        let (name, chain) = (session.workspace.name(), site.plan.chain.join(","));
        session.say(&format!("Workspace `{name}` is configured for {chain} already; nothing to do"));
        show_dropped(session, site.plan, &skiff_build::read_dropped(&session.workspace));
    }
    Ok(())
}

/// Configures, because something else needs it, with what was let pass before.
pub(crate) fn ensure(session: &Session, site: &Site<'_>, engine: &dyn Engine) -> Result<()> {
    write(session, site, engine, session.choices(false).ignore_broken_lines, false).map(drop)
}

fn write(
    session: &Session,
    site: &Site<'_>,
    engine: &dyn Engine,
    ignore_broken_lines: bool,
    strict: bool,
) -> Result<Configured> {
    if !ignore_broken_lines {
        refuse_broken_lines(site.plan)?;
    }
    let choices = skiff_build::Choices { ignore_broken_lines, ..session.choices(false) };
    let configured = skiff_build::configure(site, engine, &choices, strict)?;
    if let Configured::Written(dropped) = &configured {
        let (name, chain) = (session.workspace.name(), site.plan.chain.join(","));
        session.say(&format!("Configured workspace `{name}` for {chain} (engine `{}`)", engine.name()));
        show_dropped(session, site.plan, dropped);
    }
    Ok(configured)
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

/// Shows the settings that came to nothing: first those that somebody wanted.
fn show_dropped(session: &Session, plan: &BuildPlan, dropped: &[Dropped]) {
    for (weight, one, many) in [
        (Weight::Wish, "setting of the layers comes", "settings of the layers come"),
        (Weight::Default, "default of the base layer comes", "defaults of the base layer come"),
    ] {
        let shown: Vec<&Dropped> =
            dropped.iter().filter(|dropped| skiff_build::weigh(plan, dropped) == weight).collect();
        if !shown.is_empty() {
            let lines: String = shown.iter().map(|dropped| format!("\n  {}", line(plan, dropped))).collect();
            let what = if shown.len() == 1 { one } else { many };
            session.warn(&format!("{} {what} to nothing:{lines}", shown.len()));
        }
    }
}

/// Puts a setting that came to nothing into one line: where, what, and why.
pub(crate) fn line(plan: &BuildPlan, dropped: &Dropped) -> String {
    let origin = &dropped.assignment.origin;
    let root = plan.layers.iter().find(|layer| layer.name == *origin.layer).map(|layer| layer.root.as_path());
    let file = root.map_or_else(|| origin.file.to_path_buf(), |root| root.join(&*origin.file));
    let present = match (&dropped.reason, &dropped.present) {
        (DropReason::Unknown { .. } | DropReason::Unmet(_) | DropReason::Choice(_), _) | (_, None) => String::new(),
        (_, Some(value)) => format!(" (it is {value})"),
    };
    format!("{}:{}: {}: {}{present}", file.display(), origin.line, dropped.assignment, dropped.reason)
}
