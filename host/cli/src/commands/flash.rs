use std::path::Path;

use skiff_flash::ImageSource;
use skiff_flash::Target;
use skiff_flash::WriteOptions;
use skiff_layout::Bytes;

use crate::args::FlashArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::media;
use crate::media::Chosen;
use crate::media::TaskWatch;
use crate::output::data;
use crate::session::Session;

/// Writes an image file to a device.
pub(crate) fn run(session: &Session, args: &FlashArgs) -> Result<()> {
    let image = session.environment.absolute(&args.image);
    let map = args.bmap.as_ref().map(|path| session.environment.absolute(path));
    let source = ImageSource::open(&image, map.as_deref(), &|| session.cancel.is_cancelled())?;
    let rules = media::rules(session, args.media.allow_fixed.as_ref());
    let device = args.target.as_deref().or(args.media.device.as_deref()).ok_or_else(|| media::unnamed(None))?;
    let chosen = media::choose(session, device, source.size, &rules)?;
    let Chosen::Device(cleared) = &chosen else {
        return Err(CommandError::new(Kind::Usage, format!("{} is a file", chosen.path().display()))
            .hint("an image in a file is copied with cp"));
    };
    data!("{}, {} of {} to {}", image.display(), Bytes(source.mapped.total()), Bytes(source.size), chosen.title());
    if args.media.dry_run {
        return Ok(());
    }
    media::agree(session, &chosen, args.media.confirm.as_deref(), "Everything on it will be lost.")?;
    let target = Target::open(cleared, Path::new(media::MACHINE), &rules)?;
    write(session, &source, &target, &args.write.options())?;
    Ok(())
}

/// Writes an image and says what was done.
pub(crate) fn write(session: &Session, source: &ImageSource, target: &Target, options: &WriteOptions) -> Result<()> {
    let watch = TaskWatch::new(session);
    skiff_flash::write(source, target, *options, &watch)?;
    drop(watch);
    let verified = if options.verify { "written and verified" } else { "written" };
    session.say(&format!("{} is {verified}", target.device().path.display()));
    Ok(())
}
