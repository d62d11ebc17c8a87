use skiff_flash::Disk as _;
use skiff_flash::InstallPlan;
use skiff_flash::Item;
use skiff_flash::ItemKind;
use skiff_flash::Part;
use skiff_flash::Renewal;
use skiff_flash::RollbackPlan;
use skiff_layout::Bytes;
use skiff_runtime::board::Intent;

use crate::args::InstallArgs;
use crate::command_error::CommandError;
use crate::command_error::Result;
use crate::output::data;
use crate::output::note;
use crate::question::agree;
use skiff_project::Session;
use skiff_project::media::Board;
use skiff_project::media::Chosen;
use skiff_project::media::Opened;
use skiff_project::media::TaskWatch;
use skiff_project::media::look;
use skiff_project::media::rules;
use skiff_text::Shown as _;

/// Brings the system on a medium up to date.
pub(crate) fn run(session: &Session, board: &Board, args: &InstallArgs) -> Result<()> {
    let InstallArgs { target: args, json } = args;
    let rules = rules(&session.project, args.allow_fixed.as_ref());
    let chosen = board.medium(session, args.device.as_deref(), &rules)?;
    let looked = look(&chosen)?;
    let medium = chosen.medium();
    let model = chosen.device().and_then(|device| device.model.as_deref()).unwrap_or_default();
    let layout = board.layout(session, Intent::Install, medium, model)?;
    let sources = board.sources(session)?;
    let plugin = || Ok::<_, CommandError>(InstallPlan::new(&layout, medium, &looked, &looked.path(), &sources)?);
    let mut plan = plugin()?;
    super::refuse_source(plan.source_among(&chosen.files()), chosen.path(), "choose another medium")?;
    show_install(&plan, &chosen, *json);
    for what in plan.unkept() {
        note!("warning: {what}");
    }
    let watch = TaskWatch::new(&session.console);
    let is_there = plan.is_there(&looked, &looked.path(), &watch)?;
    drop(watch);
    if is_there && !plan.has_rest(&looked)? {
        session.console.say(&format!("{} has this system already; nothing to do", chosen.path().shown()));
        return Ok(());
    }
    let programs = session.console.environment.search_path();
    if is_there {
        plan.check_rest(&looked, &programs)?;
    } else {
        plan.check(&programs)?;
    }
    if args.dry_run {
        return Ok(());
    }
    agree(
        &session.console,
        &chosen,
        args.confirm.as_deref(),
        "Its boot and root files are replaced; what users keep stays.",
    )?;
    let opened = Opened::new(session, &chosen, &rules, sources.epoch)?;
    if is_there {
        opened.write(|shop| plan.stage_rest(shop))?;
        session
            .console
            .say(&format!("{} had this system already; now its installation is complete", chosen.path().shown()));
        return Ok(());
    }
    if let Some(mending) = plan.mending() {
        session.console.say("The last install was interrupted; rolling back its changes first");
        opened.write(|shop| mending.stage(shop))?;
        plan = plugin()?;
    }
    opened.write(|shop| plan.stage(shop))?;
    drop(opened);
    session.console.say(&format!("Updated {}; to roll back: skiff cmd PACKAGE rollback", chosen.path().shown()));
    Ok(())
}

/// Goes back to the system before the last install.
pub(crate) fn back(session: &Session, board: &Board, args: &InstallArgs) -> Result<()> {
    let InstallArgs { target: args, json } = args;
    let rules = rules(&session.project, args.allow_fixed.as_ref());
    let chosen = board.medium(session, args.device.as_deref(), &rules)?;
    let looked = look(&chosen)?;
    let layout = board.layout(session, Intent::Install, chosen.medium(), "")?;
    let plan = RollbackPlan::new(&layout, chosen.medium(), &looked, &looked.path())?;
    show_rollback(&plan, &chosen, *json);
    let programs = session.console.environment.search_path();
    plan.check(&looked, &programs)?;
    if args.dry_run {
        return Ok(());
    }
    agree(
        &session.console,
        &chosen,
        args.confirm.as_deref(),
        "Its previous system is put in the place of the present one.",
    )?;
    let opened = Opened::new(session, &chosen, &rules, board.sources(session)?.epoch)?;
    opened.write(|shop| plan.stage(shop))?;
    drop(opened);
    let what =
        if plan.ends_something() { "is whole again, with the system of" } else { "has its previous system again," };
    session.console.say(&format!("{} {what} generation {}", chosen.path().shown(), plan.generation()));
    Ok(())
}

/// A partition in JSON.
fn json(part: &Part) -> serde_json::Map<String, serde_json::Value> {
    let mut json = serde_json::Map::new();
    json.insert("label".into(), part.label.as_str().into());
    json.insert("number".into(), part.number.into());
    json.insert("start".into(), part.range.start.into());
    json.insert("size".into(), (part.range.end - part.range.start).into());
    json
}

fn medium(chosen: &Chosen) -> serde_json::Value {
    serde_json::json!({"name": chosen.path(), "size": chosen.medium().size})
}

fn show_install(plan: &InstallPlan, chosen: &Chosen, as_json: bool) {
    let files = |renewal: &Renewal| renewal.items.iter().filter(|item| item.kind != ItemKind::Folder).count();
    if as_json {
        let partition = |renewal: &Renewal| {
            let mut json = json(&renewal.part);
            let files = renewal.items.iter().filter(|item| item.kind != ItemKind::Folder);
            let files = files.map(|item| serde_json::json!({"path": item.target, "size": item.size()}));
            json.insert("files".into(), files.collect());
            json
        };
        let partitions: Vec<_> = plan.parts().iter().map(partition).collect();
        let generation = plan.generation();
        let medium = medium(chosen);
        data!("{:#}", serde_json::json!({"medium": medium, "generation": generation, "partitions": partitions}));
        return;
    }
    data!("{}", chosen.title());
    for renewal in plan.parts() {
        let size: u64 = renewal.items.iter().map(Item::size).sum();
        let Part { number, label, .. } = &renewal.part;
        let count = files(renewal);
        let end = if count == 1 { "" } else { "s" };
        data!("  partition {number} {label:12} {count} file{end}, {}", Bytes(size));
    }
}

fn show_rollback(plan: &RollbackPlan, chosen: &Chosen, as_json: bool) {
    if as_json {
        let partitions: Vec<_> = plan.parts().iter().map(json).collect();
        let generation = plan.generation();
        let medium = medium(chosen);
        data!("{:#}", serde_json::json!({"medium": medium, "generation": generation, "partitions": partitions}));
        return;
    }
    data!("{}", chosen.title());
    if plan.ends_something() {
        data!("  the last install or rollback was cut off; this makes the medium whole");
    }
    for part in plan.parts() {
        data!("  partition {} {:12} its files of generation {}", part.number, part.label, plan.generation());
    }
}
