use std::path::Path;

use skiff_flash::Image;
use skiff_flash::ImageSource;
use skiff_flash::Plan;
use skiff_flash::Target;
use skiff_flash::Toolbox;
use skiff_runtime::board::Intent;

use crate::args::FormatArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::command_error::quoted;
use crate::commands::flash;
use crate::question::agree;
use skiff_project::Session;
use skiff_project::media::Board;
use skiff_project::media::Chosen;
use skiff_project::media::MACHINE;
use skiff_project::media::TaskWatch;
use skiff_project::media::forget_maps;
use skiff_project::media::personalize;
use skiff_project::media::rules;
use skiff_text::Shown as _;

/// Makes everything on a medium anew.
pub(crate) fn run(session: &Session, board: &Board, args: &FormatArgs) -> Result<()> {
    let FormatArgs { target: args, write, view, personal } = args;
    let rules = rules(&session.project, args.allow_fixed.as_ref());
    let chosen = board.medium(session, args.device.as_deref(), &rules)?;
    let Chosen::Device(cleared) = &chosen else {
        return Err(CommandError::new(Kind::Usage, format!("{} is a file", chosen.path().shown())).hint(format!(
            "make an image: {} --output {}",
            session.command_line(&format!("cmd {} buildimage", board.package)),
            quoted(&chosen.path().to_string_lossy())
        )));
    };
    let device = cleared.device();
    let medium = chosen.medium();
    let layout = board.layout(session, Intent::Format, medium, device.model.as_deref().unwrap_or_default())?;
    let ids = board.ids(session, medium, device.serial.as_deref().unwrap_or(&device.name));
    let mut plan = Plan::new(&layout, medium, ids, &board.sources(session)?)?;
    super::refuse_source(plan.source_among(&chosen.files()), chosen.path(), "choose another medium")?;
    personalize(session, &personal.into(), &mut plan)?;
    super::show(&plan, &chosen.title(), view)?;
    let programs = session.console.environment.search_path();
    plan.check(&programs)?;
    if args.dry_run {
        return Ok(());
    }
    agree(&session.console, &chosen, args.confirm.as_deref(), "Everything on it will be lost.")?;
    // All of it is made before the medium is touched: whatever fails until then has cost nothing.
    let folder = skiff_project::media::scratch(session)?;
    let failed = |error: std::io::Error| {
        CommandError::new(Kind::User, format!("cannot make the image in `{}`: {error}", folder.shown()))
            .hint("it needs as much room there as the contents have")
    };
    // A file without a name: there may be keys and passwords in it, and nothing of it outlives this process.
    let file = tempfile::tempfile_in(&folder).map_err(failed)?;
    let path = skiff_flash::path_of(&file);
    let watch = TaskWatch::new(&session.console);
    let toolbox = Toolbox { programs: &programs, scratch: &folder };
    let image = Image::build(&plan, file.try_clone().map_err(failed)?, &path, toolbox, &watch)?;
    drop(watch);
    forget_maps(&chosen)?;
    let target = Target::open(cleared, Path::new(MACHINE), &rules)?;
    let source = ImageSource::of_image(&path, &image).map_err(failed)?;
    flash::write(&session.console, &source, &target, &write.options())?;
    drop(target);
    super::reread(&device.path);
    Ok(())
}
