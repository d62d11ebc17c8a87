use skiff_kconfig::Kind;
use skiff_layers::Stage;
use skiff_plan::BuildPlan;
use skiff_plan::document::document;

use crate::args::PlanArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind as ErrorKind;
use crate::command_error::Result;
use crate::session::Session;

pub(crate) fn run(session: &Session, args: &PlanArgs) -> Result<()> {
    let plan = session.plan()?;
    if args.json {
        let text = serde_json::to_string_pretty(&document(&plan))
            .map_err(|error| CommandError::new(ErrorKind::Bug, error.to_string()))?;
        anstream::println!("{text}");
        return Ok(());
    }
    print(&plan);
    for broken in &plan.broken {
        let origin = &broken.problem.origin;
        session.warn(&format!(
            "{}:{}: {}: `{}`",
            broken.file.display(),
            origin.line,
            broken.problem.kind,
            broken.problem.text
        ));
    }
    Ok(())
}

fn print(plan: &BuildPlan) {
    anstream::println!("chain   {}", plan.chain.join(", "));
    anstream::println!("layers");
    for layer in &plan.layers {
        anstream::println!("  {:32} {}", layer.name, layer.root.display());
    }
    for kind in Kind::ALL {
        let (all, overridden) = plan
            .config(kind)
            .entries()
            .fold((0, 0), |(all, over), (_, entry)| (all + 1, over + usize::from(!entry.shadowed.is_empty())));
        anstream::println!("{kind:10} {all} symbols, {overridden} of them set more than once");
    }
    for stage in [Stage::Pre, Stage::Post] {
        for call in plan.hooks(stage) {
            anstream::println!("{stage} hook   {}/{} {}", call.layer, call.plugin.name, call.plugin.version);
        }
    }
    for hook in &plan.shell_hooks {
        anstream::println!("{} hook   {} (shell: is not run)", hook.stage, hook.path.display());
    }
}
