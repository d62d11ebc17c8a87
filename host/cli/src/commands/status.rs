use std::path::PathBuf;

use serde_json::Value as Json;
use serde_json::json;
use skiff_layers::LayerName;
use skiff_plan::BuildPlan;
use skiff_project::Outcome;
use skiff_project::Work;
use skiff_runtime::PluginId;

use crate::args::JsonArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;
use skiff_project::Origin;
use skiff_project::Session;
use skiff_project::dropped;
use skiff_project::outlook;
use skiff_project::package::Offer;
use skiff_project::package::offers;
use skiff_text::Shown as _;

/// Where we are, what there is, and what to type next. Never fails because of a broken chain: that is when a
/// help screen is needed most.
pub(crate) fn run(session: &Session, args: &JsonArgs) -> Result<()> {
    let plan = session.requested().map(|_| session.plan());
    let mut work = match &plan {
        Some(Ok(plan)) => Some(Work::of(session, plan)),
        _ => None,
    };
    // What was looked at half is not told.
    session.console.cancel.check().map_err(|_| CommandError::new(Kind::Cancelled, "cancelled"))?;
    if args.json {
        let error = plan.as_ref().and_then(|plan| plan.as_ref().err());
        let error = error.or(work.as_ref().and_then(|work| work.error.as_ref())).map(ToString::to_string);
        data!("{:#}", document(session, work.as_ref(), error.as_deref()));
        return Ok(());
    }
    data!("\x1b[1mskiff\x1b[0m {}", env!("CARGO_PKG_VERSION"));
    data!("workspace  {} ({})", session.workspace.name(), session.workspace.folder().shown());
    data!("engine     {}", session.settings.engine.value);
    match session.requested() {
        None => data!("chain      none yet"),
        Some((chain, Origin::Given | Origin::Default)) => data!("chain      {chain}"),
        Some((chain, Origin::Project)) => data!("chain      {chain} (of skiff.yaml)"),
        Some((chain, Origin::Saved)) => data!("chain      {chain} (remembered)"),
    }
    print_settings(session);
    let plan = match plan {
        Some(Err(error)) => {
            CommandError::from(error).report();
            None
        }
        Some(Ok(plan)) => Some(plan),
        None => None,
    };
    if let (Some(work), Some(plan)) = (&mut work, &plan) {
        print_work(plan, work);
        if let Some(error) = work.error.take() {
            CommandError::from(error).report();
        }
    }
    print_packages(session, plan.as_ref())?;
    let offers = plan.as_ref().map(|_| offers_of_requested(session)).unwrap_or_default();
    if let Some(plan) = &plan {
        print_commands(session, plan, &offers);
    }
    print_next(session, work.as_ref())
}

/// Shows where things come from that are not where a checkout has them: given now, or remembered.
fn print_settings(session: &Session) {
    let settings = &session.settings;
    let extra: Vec<String> = settings.extra.value.iter().map(|path| path.shown().to_string()).collect();
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.shown().to_string());
    let tree = settings.buildroot.as_ref().filter(|_| settings.engine.value.kind().takes_tree);
    for (name, value) in [
        ("project", path(&settings.project)),
        ("layers", Some(extra.join(":")).filter(|extra| !extra.is_empty())),
        ("base", path(&settings.base)),
        ("overrides", path(&settings.overrides)),
        ("buildroot", tree.map(|tree| tree.value.shown().to_string())),
    ] {
        if let Some(value) = value {
            data!("{name:10} {value}");
        }
    }
}

/// Says what the last build came to.
fn shown(built: Outcome) -> &'static str {
    match built {
        Outcome::Nothing => "nothing",
        Outcome::Building => "building",
        Outcome::Unfinished => "incomplete: the last build did not finish",
        Outcome::Images => "images",
        Outcome::Damaged => "images, changed since the build",
        Outcome::Unknown => "unknown",
    }
}

/// Shows what there is, and what is to be done.
fn print_work(plan: &BuildPlan, work: &Work) {
    data!(
        "configured {}",
        match (work.configured, work.present) {
            (true, _) => "yes",
            (false, true) => "before layers or settings changed",
            (false, false) => "no",
        }
    );
    if !work.dropped.is_empty() {
        let comes = if work.dropped.len() == 1 { "setting comes" } else { "settings come" };
        data!("dropped    {} {comes} to nothing:", work.dropped.len());
        for line in dropped::summary(plan, &work.dropped.iter().collect::<Vec<_>>()) {
            data!("           {line}");
        }
    }
    match work.other {
        Some(engine) => data!("built      {}, by the engine `{engine}`", shown(work.built)),
        None => data!("built      {}", shown(work.built)),
    }
    work.outlook.impossible.iter().for_each(|why| data!("lacks      a way to build it: {why}"));
    work.outlook.login.iter().for_each(|login| data!("login      {login}"));
    work.outlook.lacks.iter().for_each(|lacking| data!("lacks      {lacking}"));
    let known = matches!(work.built, Outcome::Building | Outcome::Unfinished | Outcome::Images);
    if !work.refused.is_empty() {
        let layers = work.refused.join(" ");
        data!("refused    scripts without a grant: skiff grant add {layers} shell");
    }
    let Some(changes) = work.changes.as_ref().filter(|_| known) else { return };
    for change in changes {
        const SHOWN: usize = 4;
        let names: Vec<String> =
            change.inputs.iter().take(SHOWN).map(|(name, what)| format!("{name} ({what})")).collect();
        let more = match change.inputs.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        match names.is_empty() {
            true => data!("to build   {:12} an earlier stage is rebuilt", change.stage),
            false => data!("to build   {:12} {}{more}", change.stage, names.join(", ")),
        }
    }
    for line in &work.again {
        data!("again      {line}");
    }
    if !work.configured && !changes.is_empty() {
        data!("           more may follow from what `skiff configure` makes of the changes");
    }
}

fn document(session: &Session, work: Option<&Work>, error: Option<&str>) -> Json {
    let chain = session.requested().map(|(chain, origin)| json!({"requested": chain, "origin": origin}));
    json!({
        "version": 1,
        "workspace": session.workspace.name(),
        "path": session.workspace.folder(),
        "engine": session.settings.engine.value,
        "chain": chain,
        "error": error,
        "configured": work.map(|work| work.configured),
        "built": work.map(|work| work.built),
        "stages": work.map(|work| {
            work.stages.iter().map(|(name, digest)| json!({"stage": name, "digest": digest})).collect::<Vec<_>>()
        }),
        "to_build": work.and_then(|work| work.changes.as_ref()),
        "again": work.map(|work| &work.again),
        "refused": work.map(|work| &work.refused),
        "dropped": work.map(|work| dropped::document(&work.dropped.iter().collect::<Vec<_>>())),
        "outlook": work.map(|work| &work.outlook),
    })
}

/// Packages that are shown beside those of the chain.
const MANY: usize = 20;

fn print_packages(session: &Session, plan: Option<&BuildPlan>) -> Result<()> {
    let catalog = session.catalog()?;
    let listed = catalog.packages().filter(|package| !package.unlisted()).count();
    let chosen = |name: &str| plan.is_some_and(|plan| plan.chain.iter().any(|chosen| chosen == name));
    let only_chain = plan.is_some() && listed > MANY;
    data!("\n\x1b[1m{}\x1b[0m", if only_chain { "packages of the chain" } else { "packages" });
    for package in catalog.packages() {
        let chosen = chosen(package.name.as_str());
        if chosen || !(only_chain || package.unlisted()) {
            let mark = if chosen { "*" } else { " " };
            data!("{mark} {:24} {}", package.name.as_str(), super::list::description(session, package));
        }
    }
    if only_chain {
        data!("  and {listed} more: skiff list");
    }
    Ok(())
}

/// The packages that were asked for, each with the commands that it answers to.
fn offers_of_requested(session: &Session) -> Vec<(LayerName, Vec<Offer>)> {
    let requested = session.chain().map(|chain| chain.requested().to_vec()).unwrap_or_default();
    let offers = |package: LayerName| offers(session, &package).ok().map(|offers| (package, offers));
    requested.into_iter().filter_map(offers).collect()
}

/// Shows every command of the chain at the package that was asked for, where that answers to it.
fn print_commands(session: &Session, plan: &BuildPlan, offers: &[(LayerName, Vec<Offer>)]) {
    let asked_at = |layer: &str, name: &str| {
        let answers = |offer: &Offer| {
            offer.name == name && offer.owner().is_some_and(|owner| owner.as_str().eq_ignore_ascii_case(layer))
        };
        let first = offers.iter().find(|(_, offers)| offers.iter().any(answers));
        first.map_or_else(|| layer.to_owned(), |(package, _)| package.to_string())
    };
    if !plan.commands.is_empty() {
        data!("\n\x1b[1mcommands of the chain\x1b[0m");
    }
    for (layer, command) in plan.layers.iter().flat_map(|layer| {
        plan.commands.get(&layer.name).into_iter().flatten().map(move |command| (&layer.name, command))
    }) {
        let line = session.command_line(&format!("cmd {}", asked_at(layer, &command.name)));
        data!("  {line} {:16} {}", command.name, command.described());
    }
    for plugin in &plan.unbuilt {
        let name = PluginId::of(plugin);
        data!("  plugin {name} is not built: skiff plugin build {name}");
    }
}

fn print_next(session: &Session, work: Option<&Work>) -> Result<()> {
    data!("\n\x1b[1mnext\x1b[0m");
    let line = |command: &str, what: &str| data!("  {command:38} {what}");
    match work {
        None if session.requested().is_some() => line("skiff status", "once what is wrong above is mended"),
        None => line("SKIFF_CONFIG=virt/qemu skiff build", "choose a chain and build it"),
        Some(work) if work.is_done() => {
            if let Some((command, what)) = outlook::next_command(session, &work.outlook)? {
                line(&command, &what);
            }
        }
        Some(work) => {
            if !work.configured {
                line(&session.command_line("configure"), "merge the layers of the chain");
            }
            line(&session.command_line("compile"), "build the system");
        }
    }
    line("skiff list --all", "all packages");
    if session.requested().is_some() {
        line(&session.command_line("plan"), "what the chain comes to");
    }
    line("skiff --help", "all commands");
    Ok(())
}
