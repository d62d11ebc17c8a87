use skiff_build::Compiled;
use skiff_build::Configured;
use skiff_build::Engine;
use skiff_build::Gap;
use skiff_layers::LayerPlugin;
use skiff_layers::Stage;
use skiff_plan::BuildPlan;

use crate::args::CompileArgs;
use crate::command_error::Result;
use crate::commands::configure;
use skiff_project::Job;
use skiff_project::Session;
use skiff_project::consent;
use skiff_project::lock;
use skiff_project::outlook;
use skiff_text::Shown as _;

pub(crate) fn run(session: &Session, args: &CompileArgs) -> Result<()> {
    let job = session.open(args.update)?;
    let configured = configure::ensure(&job)?;
    with(&job, configured != Configured::Unchanged)
}

/// Builds what is configured. `warned` says whether this run has said what the system lacks.
pub(crate) fn with(job: &Job<'_>, warned: bool) -> Result<()> {
    let (session, plan, engine) = (job.session, job.plan(), job.engine.as_ref());
    let called = |plugin: &&LayerPlugin| plugin.decl.hooks.iter().any(|stage| *stage != Stage::Configure);
    plan.require_hooks()?;
    consent::obtain(session, plan.plugins.iter().filter(called))?;
    let runner = session.runner(plan)?;
    let compiled = engine.compile(&job.context, &runner)?;
    let images = session.workspace.images();
    match compiled {
        Compiled::Unchanged => {
            session.console.say(&format!("The images in {} are current; nothing to do", images.shown()))
        }
        Compiled::Built(dropped) => {
            configure::show_package_settings(session, plan, &dropped);
            keep_gaps(session, plan, engine, warned)?;
            lock::check_again(session, &session.chain()?)?;
            session.console.say(&format!("The images are in {}", images.shown()));
        }
    }
    say_next(session, plan, engine)?;
    Ok(lock::keep(session, plan)?)
}

/// Says how people get into the system, and which commands make use of it.
fn say_next(session: &Session, plan: &BuildPlan, engine: &dyn Engine) -> Result<()> {
    let outlook = engine.outlook(plan);
    if let Some(login) = &outlook.login {
        session.console.say(&format!("Login: {login}"));
    }
    if let Some((command, _)) = outlook::next_command(session, &outlook)? {
        session.console.say(&format!("Next: {command}"));
    }
    Ok(())
}

/// Writes all that the layers ask for in vain, with the places that ask, to a file.
fn keep_gaps(session: &Session, plan: &BuildPlan, engine: &dyn Engine, warned: bool) -> Result<()> {
    let Some(gaps) = engine.gaps(plan, &session.workspace)? else { return Ok(()) };
    if !warned {
        outlook::warn(session, plan, engine)?;
    }
    let file = session.workspace.folder().join("gaps.txt");
    let line = |gap: &Gap| {
        let place = gap.place.as_ref().map(|place| format!(" {}", place.shown())).unwrap_or_default();
        format!("{}: {} ({}{place})\n", gap.group, gap.what, gap.layer)
    };
    skiff_build::write_file(&file, gaps.iter().map(line).collect::<String>().as_bytes())?;
    if !gaps.is_empty() {
        session.console.say(&format!("{} settings of the layers have no effect: {}", gaps.len(), file.shown()));
    }
    Ok(())
}
