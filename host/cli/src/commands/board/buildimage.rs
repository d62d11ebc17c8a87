use std::path::Path;
use std::path::PathBuf;

use skiff_flash::Image;
use skiff_flash::Outputs;
use skiff_flash::Plan;
use skiff_flash::Toolbox;
use skiff_layout::Bytes;
use skiff_layout::Medium;
use skiff_runtime::board::Intent;

use crate::args::BuildImageArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::command_error::quoted;
use crate::output::data;
use skiff_project::Session;
use skiff_project::media::Board;
use skiff_project::media::TaskWatch;
use skiff_text::Shown as _;

/// The size of an image where neither the user nor the board says another.
const SIZE: u64 = 1536 << 20;

/// Bytes of a sector.
const SECTOR: u64 = 512;

/// Makes an image file, its map, and what else was asked for.
pub(crate) fn run(session: &Session, board: &Board, args: &BuildImageArgs) -> Result<()> {
    let told = board.decl.image_size.as_deref().map(str::parse::<Bytes>).transpose();
    let told =
        told.map_err(|error| CommandError::new(Kind::User, format!("image_size of `{}`: {error}", board.package)))?;
    let size = args.size.or(told).map_or(SIZE, |size| size.0);
    // 300MB is not a multiple of the sector size; the rest is left out.
    let medium = Medium { size: size - size % SECTOR, sector: 512 };
    let (path, is_told) = output(session, board, args);
    if path.exists() && !path.is_file() {
        return Err(CommandError::new(Kind::Usage, format!("expected a file: `{}`", path.shown())).hint(format!(
            "to write to a device: {}",
            session.command_line(&format!("cmd {} format", board.package))
        )));
    }
    if let Some(end) = ["zst", "xz", "gz"].iter().find(|end| path.extension().is_some_and(|own| own == **end)) {
        return Err(CommandError::new(
            Kind::Usage,
            format!("`{}`: --output writes an uncompressed image", path.shown()),
        )
        .hint(format!("leave .{end} away; --publish makes a packed image beside it")));
    }
    let layout = board.layout(session, Intent::Image, medium, "")?;
    let plan = Plan::new(&layout, medium, board.ids(session, medium, ""), &board.sources(session)?)?;
    let shown = path.shown().to_string();
    let outputs = Outputs { publish: args.publish, name: board.package.to_string(), date: date(session)? };
    for file in outputs.files(&path) {
        super::refuse_source(plan.source_at(&file), &file, "choose another file with --output")?;
    }
    super::show(&plan, &shown, &args.view)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    // A mistyped path, or the mount point of an absent stick, would fill the disk.
    if is_told && !folder.as_os_str().is_empty() && !folder.is_dir() {
        return Err(CommandError::new(Kind::Usage, format!("there is no directory `{}`", folder.shown()))
            .hint("make it, or choose another place with --output"));
    }
    let programs = session.console.environment.search_path();
    plan.check(&programs)?;
    if args.dry_run {
        return Ok(());
    }
    // In the workspace are images that skiff has made; digests of other files in SHA256SUMS stay.
    let mut files = outputs.files(&path).into_iter().filter(|file| !file.ends_with("SHA256SUMS"));
    if is_told
        && !args.force
        && let Some(file) = files.find(|file| file.exists())
    {
        let question = format!("Overwrite `{}`?", file.shown());
        let size = args.size.map(|size| format!(" --size {}", size.exact())).unwrap_or_default();
        let publish = if args.publish { " --publish" } else { "" };
        let words = format!("cmd {} buildimage --force{size}{publish} --output {}", board.package, quoted(&shown));
        let again = session.command_line(&words);
        if !session.console.confirm(&question, &again)? {
            return Err(CommandError::new(Kind::Cancelled, "nothing was written"));
        }
    }
    let failed = |error: std::io::Error| {
        CommandError::new(Kind::User, format!("cannot write `{shown}`: {error}"))
            .hint("choose another place with --output")
    };
    let scratch = skiff_project::media::scratch(session)?;
    if !is_told {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let file = skiff_flash::unfinished_file(folder).map_err(failed)?;
    let watch = TaskWatch::new(&session.console);
    let toolbox = Toolbox { programs: &programs, scratch: &scratch };
    let image = Image::build(&plan, file.reopen().map_err(failed)?, file.path(), toolbox, &watch)?;
    let made = outputs.publish(image, file, &path, &watch)?;
    drop(watch);
    for file in made.iter().filter(|_| !args.view.json) {
        data!("{}", file.shown());
    }
    Ok(())
}

/// When the image is released: what the environment says, or now.
fn date(session: &Session) -> Result<u32> {
    let now = || session.console.environment.now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    Ok(session.source_date_epoch()?.unwrap_or_else(|| u32::try_from(now()).unwrap_or_default()))
}

/// Where the image goes: what was said, or what the board's variable says; or else a place in the workspace.
fn output(session: &Session, board: &Board, args: &BuildImageArgs) -> (PathBuf, bool) {
    let variable = board.decl.image.as_deref().and_then(|name| session.console.environment.path(name));
    let said = args.output.as_ref().map(|path| session.console.environment.absolute(path));
    match said.or(variable) {
        Some(path) => (path, true),
        None => {
            let name = board.package.as_str().replace('/', "-");
            (session.workspace.folder().join("media").join(format!("{name}.img")), false)
        }
    }
}
