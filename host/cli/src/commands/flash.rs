use std::path::Path;

use skiff_flash::ImageSource;
use skiff_flash::Room;
use skiff_flash::Target;
use skiff_flash::WriteOptions;
use skiff_flash::clear;
use skiff_layout::Bytes;

use crate::args::FlashArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::command_error::quoted;
use crate::output::data;
use crate::question::agree;
use skiff_project::Console;
use skiff_project::MediumError;
use skiff_project::Project;
use skiff_project::media::Chosen;
use skiff_project::media::MACHINE;
use skiff_project::media::TaskWatch;
use skiff_project::media::choose;
use skiff_project::media::forget_maps;
use skiff_project::media::rules;
use skiff_text::Shown as _;

/// Writes an image file to a device.
pub(crate) fn run(console: &Console, project: &Project, args: &FlashArgs) -> Result<()> {
    if args.image.to_string_lossy().contains("://") {
        return Err(CommandError::new(
            Kind::Usage,
            format!("`{}` is an address, and skiff downloads no images", args.image.shown()),
        )
        .hint(format!("download it first: curl -LO {}", quoted(&args.image.to_string_lossy()))));
    }
    let image = console.environment.absolute(&args.image);
    let map = args.bmap.as_ref().map(|path| console.environment.absolute(path));
    let rules = rules(project, args.media.allow_fixed.as_ref());
    let device =
        args.target.as_deref().or(args.media.device.as_deref()).ok_or(MediumError::Unnamed { variable: None })?;
    // The device comes first: its size bounds how far a packed image is unpacked.
    let chosen = choose(console, device, 0, &rules)?;
    let Chosen::Device(cleared) = &chosen else {
        return Err(CommandError::new(Kind::Usage, format!("{} is a file", chosen.path().shown()))
            .hint("an image in a file is copied with cp"));
    };
    let device = cleared.device();
    let room = Room { size: device.size, sector: device.sector };
    let cancel = &console.cancel;
    let source = ImageSource::open(&image, map.as_deref(), room, &|| cancel.is_cancelled())?;
    source.check_apart(device)?;
    clear(device, source.size, &rules)?;
    data!("{}, {} of {} to {}", image.shown(), Bytes(source.mapped.total()), Bytes(source.size), chosen.title());
    consider(console, &source, args)?;
    if args.media.dry_run {
        return Ok(());
    }
    agree(console, &chosen, args.media.confirm.as_deref(), "Everything on it will be lost.")?;
    forget_maps(&chosen)?;
    let target = Target::open(cleared, Path::new(MACHINE), &rules)?;
    write(console, &source, &target, &args.write.options())?;
    Ok(())
}

/// Says what is odd about an image, and asks whether it is to be written where that may be a mistake.
fn consider(console: &Console, source: &ImageSource, args: &FlashArgs) -> Result<()> {
    let path = source.path().shown();
    for note in &source.notes {
        console.warn(&format!("{path}: {note}"));
    }
    let Some((last, others)) = source.doubts.split_last() else { return Ok(()) };
    for doubt in others {
        console.warn(&format!("{path}: {doubt}"));
    }
    let asks = console.dialog.is_answered() && console.environment.wants_questions();
    if !args.allow_unknown && !asks {
        return Err(CommandError::new(Kind::Refused, format!("{path}: {last}"))
            .hint("check that it is the right image; to write it as it is: --allow-unknown"));
    }
    console.warn(&format!("{path}: {last}"));
    if args.allow_unknown || args.media.dry_run {
        return Ok(());
    }
    match console.ask("Write it as it is?", "skiff flash --allow-unknown …")? {
        true => Ok(()),
        false => Err(CommandError::new(Kind::Cancelled, "nothing was written")),
    }
}

/// Writes an image and says what was done.
pub(crate) fn write(console: &Console, source: &ImageSource, target: &Target, options: &WriteOptions) -> Result<()> {
    let watch = TaskWatch::new(console);
    skiff_flash::write(source, target, *options, &watch)?;
    drop(watch);
    let verified = if options.verify { "written and verified" } else { "written" };
    console.say(&format!("{} is {verified}", target.device().path.shown()));
    Ok(())
}
