use skiff_build::buildroot::HOOK_LINE;
use skiff_layers::Stage;
use skiff_plan::HookRunner as _;
use skiff_plan::Zones;

use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::note;
use skiff_project::Session;
use skiff_project::lock;

/// Runs the hooks of a stage. Buildroot calls this, under the lock of the skiff that runs Buildroot.
pub(crate) fn run(session: &Session, stage: &str) -> Result<()> {
    let stage = [Stage::Pre, Stage::Post].into_iter().find(|known| known.to_string() == stage);
    let stage = stage.ok_or_else(|| CommandError::new(Kind::Usage, "a stage is `pre` or `post`"))?;
    // Only Buildroot sets these.
    let (Some(target), Some(images)) =
        (session.console.environment.path("TARGET_DIR"), session.console.environment.path("BINARIES_DIR"))
    else {
        return Err(CommandError::new(Kind::Usage, "hooks are run by Buildroot").hint("run: skiff compile"));
    };
    if let Some(commit) = session.console.environment.get("SKIFF_VERSION_COMMIT") {
        session.planner.set_commit(commit);
    }
    let plan = session.plan()?;
    if !skiff_build::is_unchanged(&plan, &session.workspace) {
        return Err(CommandError::new(Kind::User, "layers have changed while the system was built")
            .hint("`skiff compile` goes on with what they hold now"));
    }
    lock::check(session, &plan)?;
    let runner = session.runner(&plan)?;
    let zones = Zones {
        layers: plan.layer_folders(),
        target: Some(target),
        images: Some(images),
        state: session.workspace.state(),
        epoch: session.source_date_epoch()?,
    };
    for step in plan.hooks(stage) {
        note!("{HOOK_LINE}{step}");
        session.console.cancel.check().map_err(|_| CommandError::new(Kind::Cancelled, "cancelled"))?;
        runner.run_hook(&step, &zones)?;
    }
    Ok(())
}
