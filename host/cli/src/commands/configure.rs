use skiff_build::ConfigureError;
use skiff_build::Configured;
use skiff_build::Engine;
use skiff_build::SavedSettings;
use skiff_build::Weight;
use skiff_build::buildroot::Refused;
use skiff_kconfig::Dropped;
use skiff_kconfig::Kind as ConfigKind;
use skiff_kconfig::Problem;
use skiff_kconfig::ProblemKind;
use skiff_plan::BuildPlan;
use skiff_runtime::Runner;
use skiff_runtime::Standing;

use crate::args::ConfigureArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use skiff_project::Job;
use skiff_project::Session;
use skiff_project::consent;
use skiff_project::dropped;
use skiff_project::lock;
use skiff_project::outlook;
use skiff_text::Shown as _;

pub(crate) fn run(session: &Session, args: &ConfigureArgs) -> Result<()> {
    let job = session.open(false)?;
    with(&job, args)?;
    // A build says so by failing.
    if let Some(why) = job.engine.outlook(job.plan()).impossible {
        session.console.warn(&format!("the engine `{}` cannot build this system: {why}", job.engine.name()));
    }
    Ok(())
}

/// Configures, because the user wants it.
pub(crate) fn with(job: &Job<'_>, args: &ConfigureArgs) -> Result<()> {
    let (session, plan, engine) = (job.session, job.plan(), job.engine.as_ref());
    plan.require_hooks()?;
    // `configure` asks again about lines that were ignored once; `compile` does not.
    let configured = write(job, args.ignore_broken_lines, args.strict)?;
    if configured == Configured::Unchanged {
        let (name, chain) = (session.workspace.name(), plan.chain.join(","));
        session.console.say(&format!("Workspace `{name}` is configured for {chain} already; nothing to do"));
        let dropped = skiff_build::read_dropped(&session.workspace);
        let count = dropped.iter().filter(|d| skiff_build::weigh(plan, d) != Weight::Offer).count();
        if count > 0 {
            let file = session.workspace.config().join("dropped.json");
            session.console.warn(&format!("Kconfig drops {count} settings, as before ({})", file.shown()));
        }
    }
    if configured == Configured::Unchanged {
        outlook::warn(session, plan, engine)?;
    }
    warn_of_scripts(session, plan, engine)?;
    warn_of_plugins(session, plan)
}

/// Configures, because something else needs it, with what was let pass before.
pub(crate) fn ensure(job: &Job<'_>) -> Result<Configured> {
    write(job, job.session.settings.ignore_broken_lines, false)
}

fn write(job: &Job<'_>, ignore_broken_lines: bool, strict: bool) -> Result<Configured> {
    let (session, context, plan, engine) = (job.session, &job.context, job.plan(), job.engine.as_ref());
    if !ignore_broken_lines {
        refuse_broken_lines(plan)?;
    }
    let before = SavedSettings::read(&session.workspace)?.and_then(|memory| memory.engine).map(|engine| engine.value);
    let remembered = session.settings.to_remember(ignore_broken_lines);
    let configured = match skiff_build::configure(context, engine, &remembered, strict) {
        Err(ConfigureError::Strict { dropped }) => {
            let dropped: Vec<&Dropped> = dropped.iter().collect();
            let lines = told(session, plan, &dropped, &dropped);
            let many = if dropped.len() == 1 { "setting of the layers comes" } else { "settings of the layers come" };
            return Err(CommandError::new(Kind::User, format!("{} {many} to nothing:{lines}", dropped.len()))
                .hint("mend or remove these lines, or configure without --strict"));
        }
        other => other?,
    };
    if let Configured::Written(dropped) = &configured {
        if let Some(other) = before.filter(|before| *before != engine.name()) {
            session.console.warn(&format!("this workspace was configured for the engine `{other}` before"));
        }
        let (name, chain) = (session.workspace.name(), plan.chain.join(","));
        session.console.say(&format!("Configured workspace `{name}` for {chain} (engine `{}`)", engine.name()));
        for broken in &plan.broken {
            session.console.warn(&format!("left out: {broken}"));
        }
        show_dropped(session, plan, dropped);
        outlook::warn(session, plan, engine)?;
    }
    // Who has built nothing and fetched nothing yet has only a configuration.
    if skiff_build::is_workspace(&session.workspace.folder()) {
        lock::keep(session, plan)?;
    }
    Ok(configured)
}

/// Refuses lines that Kconfig would ignore without a word: their author believes them to be settings.
fn refuse_broken_lines(plan: &BuildPlan) -> Result<()> {
    if plan.broken.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = plan.broken.iter().map(ToString::to_string).collect();
    let mut error = CommandError::new(Kind::User, lines.join("\n       "));
    let has = |kind: ProblemKind| plan.broken.iter().any(|broken| broken.problem.kind == kind);
    if has(ProblemKind::ByteOrderMark) {
        error = error.hint("save the file as UTF-8 without a byte order mark");
    }
    if has(ProblemKind::InvisibleCharacter) {
        error = error.hint("type the line again: `\\u{…}` stands for a character that editors do not show");
    }
    let own = |problem: &Problem| {
        problem.kind == ProblemKind::WrongPrefix
            && problem.origin.file.starts_with(ConfigKind::Buildroot.folder())
            && problem.text.contains('=')
            && !problem.text.starts_with("CONFIG_")
    };
    if plan.broken.iter().any(|broken| own(&broken.problem)) {
        error = error.hint(
            "symbols without `BR2_` need a definition in an external tree: buildroot_ext/Config.in of a layer of the chain",
        );
    }
    Err(error
        .hint("write `SYMBOL=value` or `# SYMBOL is not set` from the start of the line, and comments behind `#`")
        .hint("to leave these lines out, as Kconfig does without a word, run: skiff configure --ignore-broken-lines"))
}

/// Warns before the work of plugins that need a grant.
fn warn_of_plugins(session: &Session, plan: &BuildPlan) -> Result<()> {
    let grants = session.grants()?;
    for plugin in plan.plugins.iter().filter(|plugin| !plugin.decl.hooks.is_empty()) {
        let identity = Runner::identify(plugin)?;
        if let Standing::Missing(denied) = grants.standing(&identity, &plugin.decl.capabilities) {
            session.console.warn(&format!("{denied}; the build needs: {}", denied.grant_line()));
        }
    }
    Ok(())
}

/// Says before the work which scripts will be refused.
fn warn_of_scripts(session: &Session, plan: &BuildPlan, engine: &dyn Engine) -> Result<()> {
    if !engine.name().kind().runs_scripts {
        return Ok(());
    }
    let mut layers = Vec::new();
    for refused in consent::refused(session, plan)? {
        match refused {
            Refused::Layer(layer) => layers.push(layer),
            Refused::Script { place, path } => {
                session
                    .console
                    .warn(&format!("{place}: `{}` is not a script of a layer and will not be run", path.shown()));
            }
        }
    }
    if !layers.is_empty() {
        session.console.warn(&format!(
            "layers have hooks that are scripts, which may not run yet; once you have read them: skiff grant add {} shell",
            layers.join(" ")
        ));
    }
    Ok(())
}

/// Says in a few lines which settings came to nothing. Where these do not name all of them, `all` goes to a file.
fn told(session: &Session, plan: &BuildPlan, settings: &[&Dropped], all: &[&Dropped]) -> String {
    let mut lines: String = dropped::summary(plan, settings).iter().map(|line| format!("\n  {line}")).collect();
    if settings.len() > dropped::FEW {
        match skiff_build::write_dropped_list(&session.workspace, &dropped::listed(plan, all)) {
            Ok(path) => lines += &format!("\n  all of them, with their places: {}", path.shown()),
            Err(error) => session.console.warn(&error.to_string()),
        }
    }
    lines
}

/// Shows the settings that came to nothing: first those that layers wanted.
fn show_dropped(session: &Session, plan: &BuildPlan, dropped: &[Dropped]) {
    let all: Vec<&Dropped> =
        dropped.iter().filter(|dropped| skiff_build::weigh(plan, dropped) != Weight::Offer).collect();
    for (weight, one, many) in [
        (Weight::Wish, "setting of the layers comes", "settings of the layers come"),
        (Weight::Default, "default of the base layer comes", "defaults of the base layer come"),
    ] {
        let shown: Vec<&Dropped> =
            dropped.iter().filter(|dropped| skiff_build::weigh(plan, dropped) == weight).collect();
        if !shown.is_empty() {
            let lines = told(session, plan, &shown, &all);
            let what = if shown.len() == 1 { one } else { many };
            session.console.warn(&format!("{} {what} to nothing:{lines}", shown.len()));
        }
    }
}

/// Shows the settings of the kernel and the like that came to nothing.
pub(crate) fn show_package_settings(session: &Session, plan: &BuildPlan, dropped: &[Dropped]) {
    if dropped.is_empty() {
        return;
    }
    let lines: String = dropped.iter().map(|dropped| format!("\n  {}", dropped::line(plan, dropped))).collect();
    session.console.warn(&format!(
        "of the settings for the kernel, the boot loader and Busybox, {} came to nothing:{lines}",
        dropped.len()
    ));
}
