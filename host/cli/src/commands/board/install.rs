use std::fs::File;
use std::path::Path;

use skiff_flash::Disk;
use skiff_flash::FileDisk;
use skiff_flash::InstallPlan;
use skiff_flash::ItemKind;
use skiff_flash::Rules;
use skiff_flash::Staged;
use skiff_flash::Target;
use skiff_layout::Bytes;
use skiff_runtime::board::Intent;

use crate::args::InstallArgs;
use crate::args::TargetArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::media;
use crate::media::Board;
use crate::media::Chosen;
use crate::media::TaskWatch;
use crate::output::data;
use crate::session::Session;

/// Brings the system on a medium up to date.
pub(crate) fn run(session: &Session, board: &Board, args: &InstallArgs) -> Result<()> {
    let InstallArgs { target: args, json } = args;
    let rules = media::rules(session, args.allow_fixed.as_ref());
    let chosen = chosen(session, board, args, &rules)?;
    let looked = look(&chosen)?;
    let medium = chosen.medium();
    let model = chosen.device().and_then(|device| device.model.as_deref()).unwrap_or_default();
    let layout = board.layout(session, Intent::Install, medium, model)?;
    let plan = InstallPlan::new(&layout, medium, &looked, &board.sources(session)?)?;
    show(&plan, &chosen, *json);
    if args.dry_run {
        return Ok(());
    }
    media::agree(
        session,
        &chosen,
        args.confirm.as_deref(),
        "Its boot and root files are replaced; what users keep stays.",
    )?;
    let watch = TaskWatch::new(session);
    let programs = session.environment.raw("PATH").cloned().unwrap_or_default();
    let scratch = super::scratch(session)?;
    write(&chosen, &rules, &watch, |disk| Ok(plan.stage(disk, chosen.path(), &programs, &scratch, &watch)?))?;
    drop(watch);
    session.say(&format!("{} is up to date; `rollback` goes back to what was there before", chosen.path().display()));
    Ok(())
}

/// Goes back to the system before the last install.
pub(crate) fn back(session: &Session, board: &Board, args: &InstallArgs) -> Result<()> {
    let InstallArgs { target: args, json } = args;
    let rules = media::rules(session, args.allow_fixed.as_ref());
    let chosen = chosen(session, board, args, &rules)?;
    let looked = look(&chosen)?;
    let layout = board.layout(session, Intent::Install, chosen.medium(), "")?;
    let plan = InstallPlan::back(&layout, chosen.medium(), &looked, board.sources(session)?.epoch)?;
    show(&plan, &chosen, *json);
    if args.dry_run {
        return Ok(());
    }
    media::agree(
        session,
        &chosen,
        args.confirm.as_deref(),
        "Its previous system is put in the place of the present one.",
    )?;
    let watch = TaskWatch::new(session);
    let programs = session.environment.raw("PATH").cloned().unwrap_or_default();
    let scratch = super::scratch(session)?;
    write(&chosen, &rules, &watch, |disk| Ok(plan.stage_back(disk, chosen.path(), &programs, &scratch)?))?;
    drop(watch);
    session.say(&format!("{} has its previous system again", chosen.path().display()));
    Ok(())
}

fn chosen(session: &Session, board: &Board, args: &TargetArgs, rules: &Rules) -> Result<Chosen> {
    let variable = board.decl.device.as_deref();
    let named = args.device.as_deref().or_else(|| variable.and_then(|name| session.environment.get(name)));
    media::choose(session, named.ok_or_else(|| media::unnamed(variable))?, 0, rules)
}

/// Opens a medium to look at it.
fn look(chosen: &Chosen) -> Result<FileDisk> {
    Ok(FileDisk::new(open(chosen.path(), false)?, chosen.medium().size))
}

fn open(path: &Path, write: bool) -> Result<File> {
    File::options().read(true).write(write).open(path).map_err(|error| {
        let error = CommandError::new(Kind::User, format!("Cannot open `{}`: {error}", path.display()));
        error.hint("devices are root's: sudo, or a rule of udev")
    })
}

/// Opens a medium for writing, works out what is written, and writes it.
fn write(chosen: &Chosen, rules: &Rules, watch: &TaskWatch, stage: impl Fn(&dyn Disk) -> Result<Staged>) -> Result<()> {
    let disk: Box<dyn Disk> = match chosen {
        Chosen::Device(cleared) => Box::new(Target::open(cleared, Path::new(media::MACHINE), rules)?),
        Chosen::File { path, size } => {
            let file = open(path, true)?;
            rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(|_| {
                CommandError::new(Kind::User, format!("`{}` is in use", path.display()))
                    .hint("wait for the other to end")
            })?;
            Box::new(FileDisk::new(file, *size))
        }
    };
    let staged = stage(disk.as_ref())?;
    if let Chosen::File { path, .. } = chosen {
        // A map says what an image held when it was made; whoever wrote by the old one would ruin a medium.
        let mut map = path.as_os_str().to_owned();
        map.push(".bmap");
        match std::fs::remove_file(&map) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(CommandError::new(Kind::User, format!("Cannot remove the old map of the image: {error}"))
                    .hint("it would no longer fit; nothing was written"));
            }
            _ => {}
        }
    }
    staged.commit(disk.as_ref(), watch).map_err(|error| {
        CommandError::new(Kind::User, format!("Writing to `{}` failed: {error}", chosen.path().display()))
            .hint("the medium still boots the old system or the new one; install again")
    })
}

fn show(plan: &InstallPlan, chosen: &Chosen, json: bool) {
    if json {
        let part = |part: &skiff_flash::Part| {
            let files = part.items.iter().filter(|item| item.kind != ItemKind::Folder);
            serde_json::json!({
                "label": part.label,
                "number": part.number,
                "start": part.range.start,
                "size": part.range.end - part.range.start,
                "files": files.map(|item| serde_json::json!({"path": item.target, "size": item.size()})).collect::<Vec<_>>(),
            })
        };
        data!(
            "{:#}",
            serde_json::json!({
                "medium": {"name": chosen.path(), "size": chosen.medium().size},
                "partitions": plan.parts().iter().map(part).collect::<Vec<_>>(),
            })
        );
        return;
    }
    data!("{}", chosen.title());
    for part in plan.parts() {
        let files = part.items.iter().filter(|item| item.kind != ItemKind::Folder).count();
        let size: u64 = part.items.iter().map(skiff_flash::Item::size).sum();
        let what = if files > 0 { format!("{files} files, {}", Bytes(size)) } else { "its previous files".to_owned() };
        data!("  partition {} {:12} {what}", part.number, part.label);
    }
}
