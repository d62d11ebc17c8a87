use skiff_build::Outlook;
use skiff_kconfig::Kind;
use skiff_layers::Stage;
use skiff_plan::BuildPlan;
use skiff_plan::document::PlanDocument;
use skiff_plan::document::document;

use crate::args::PlanArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind as ErrorKind;
use crate::command_error::Result;
use crate::output::data;
use skiff_project::Session;
use skiff_text::Shown as _;

pub(crate) fn run(session: &Session, args: &PlanArgs) -> Result<()> {
    let plan = session.plan()?;
    if args.json {
        let outlook = session.engine(&plan, false)?.outlook(&plan);
        let text = serde_json::to_string_pretty(&WithOutlook { plan: document(&plan), outlook })
            .map_err(|error| CommandError::new(ErrorKind::Bug, error.to_string()))?;
        data!("{text}");
        return Ok(());
    }
    print(&plan);
    if let Ok(engine) = session.engine(&plan, false) {
        let outlook = engine.outlook(&plan);
        outlook.impossible.iter().for_each(|why| data!("lacks   a way to build it: {why}"));
        outlook.login.iter().for_each(|login| data!("login   {login}"));
        outlook.lacks.iter().for_each(|lacking| data!("lacks   {lacking}"));
    }
    for broken in &plan.broken {
        session.console.warn(&broken.to_string());
    }
    Ok(())
}

/// A plan, and what its system will be like.
#[derive(serde::Serialize)]
struct WithOutlook<'p> {
    #[serde(flatten)]
    plan: PlanDocument<'p>,
    outlook: Outlook,
}

fn print(plan: &BuildPlan) {
    data!("chain   {}", plan.chain.join(", "));
    data!("layers");
    for layer in &plan.layers {
        data!("  {:32} {}", layer.name, layer.root.shown());
    }
    for kind in Kind::ALL {
        let (all, overridden) = plan
            .config(kind)
            .entries()
            .fold((0, 0), |(all, over), (_, entry)| (all + 1, over + usize::from(!entry.shadowed.is_empty())));
        data!("{kind:10} {all} symbols, {overridden} of them set more than once");
    }
    for stage in [Stage::Configure, Stage::Pre, Stage::Post] {
        for step in plan.hooks(stage) {
            data!("{step}");
        }
    }
}
