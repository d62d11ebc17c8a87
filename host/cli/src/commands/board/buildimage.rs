use std::path::Path;
use std::path::PathBuf;

use skiff_flash::Image;
use skiff_flash::Outputs;
use skiff_flash::Plan;
use skiff_layout::Bytes;
use skiff_layout::Medium;
use skiff_runtime::board::Intent;

use crate::args::BuildImageArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::media::Board;
use crate::media::TaskWatch;
use crate::output::data;
use crate::session::Session;

/// The size of an image where neither the user nor the board says another.
const SIZE: u64 = 1536 << 20;

/// Makes an image file, its map, and what else was asked for.
pub(crate) fn run(session: &Session, board: &Board, args: &BuildImageArgs) -> Result<()> {
    let told = board.decl.image_size.as_deref().map(str::parse::<Bytes>).transpose();
    let told =
        told.map_err(|error| CommandError::new(Kind::User, format!("image_size of `{}`: {error}", board.package)))?;
    let medium = Medium { size: args.size.or(told).map_or(SIZE, |size| size.0), sector: 512 };
    let path = output(session, board, args);
    if path.exists() && !path.is_file() {
        return Err(CommandError::new(Kind::Usage, format!("{} is no file", path.display()))
            .hint(format!("to write to a device: skiff cmd {} format", board.package)));
    }
    let layout = board.layout(session, Intent::Image, medium, "")?;
    let plan = Plan::new(&layout, medium, board.ids(session, medium, ""), &board.sources(session)?)?;
    let shown = path.display().to_string();
    super::show(&plan, &shown, &args.show())?;
    if args.dry_run {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let failed = |error: std::io::Error| {
        CommandError::new(Kind::User, format!("Cannot write `{shown}`: {error}"))
            .hint("choose another place with --output")
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let file = tempfile::Builder::new().prefix(".image-").tempfile_in(folder).map_err(failed)?;
    let watch = TaskWatch::new(session);
    let programs = session.environment.raw("PATH").cloned().unwrap_or_default();
    let image = Image::build(&plan, file.reopen().map_err(failed)?, file.path(), &programs, &watch)?;
    let outputs =
        Outputs { publish: args.publish, name: board.package.to_string(), date: board.sources(session)?.epoch };
    let made = outputs.publish(image, file, &path, &watch)?;
    drop(watch);
    for file in made {
        data!("{}", file.display());
    }
    Ok(())
}

/// Where the image goes: what was said, what the board's variable says, or a place in the workspace.
fn output(session: &Session, board: &Board, args: &BuildImageArgs) -> PathBuf {
    let variable = board.decl.image.as_deref().and_then(|name| session.environment.path(name));
    let said = args.output.as_ref().map(|path| session.environment.absolute(path));
    said.or(variable).unwrap_or_else(|| {
        let name = board.package.as_str().replace('/', "-");
        session.workspace.folder().join("media").join(format!("{name}.img"))
    })
}
