use std::fs;
use std::path::Path;

use skiff_flash::Plan;
use skiff_layers::LayerName;
use skiff_layout::ImportError;
use skiff_layout::Layout;
use skiff_layout::Medium;
use skiff_runtime::board;

use crate::args::Intent;
use crate::args::LayoutArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::media::Board;
use crate::media::Picture;
use crate::output::data;
use crate::session::Session;

/// Size of a sector in bytes, where nobody says otherwise.
const SECTOR: u32 = 512;

/// Bytes of a file of another tool that are read.
const MAX_FILE: u64 = 1 << 20;

/// Asks a board's plugin what is where on a medium.
pub(crate) fn run(session: &Session, args: &LayoutArgs) -> Result<()> {
    if let Some(path) = &args.import {
        let (layout, left_out) = import(&session.environment.absolute(path))?;
        for what in left_out {
            data!("# not taken over: {what}");
        }
        data!("{}", skiff_layout::to_yaml(&layout).trim_end());
        return Ok(());
    }
    let package: LayerName = args.package.as_deref().unwrap_or_default().parse()?;
    let board = Board::of(session, &package)?;
    let intent = match args.intent {
        Intent::Format => board::Intent::Format,
        Intent::Install => board::Intent::Install,
        Intent::Image => board::Intent::Image,
    };
    let medium = Medium { size: args.size.0, sector: SECTOR };
    let layout = board.layout(session, intent, medium, "")?;
    match &args.repart {
        Some(folder) => export(&session.environment.absolute(folder), &layout),
        None if args.json => {
            data!("{:#}", serde_json::json!(layout));
            Ok(())
        }
        None => draw(session, &board, &layout, medium),
    }
}

/// Draws a layout with what is there of its contents.
fn draw(session: &Session, board: &Board, layout: &Layout, medium: Medium) -> Result<()> {
    let ids = board.ids(session, medium, "");
    let (plan, missing) = Plan::sketch(layout, medium, ids, &board.sources(session)?)?;
    data!("{}", Picture::new(&plan, board.package.as_str()).text());
    if !missing.is_empty() {
        data!("Not there, and of unknown size: {}", missing.join(", "));
    }
    Ok(())
}

/// The layout of a file of another tool, and what of it a layout has no words for.
fn import(path: &Path) -> Result<(Layout, Vec<String>)> {
    let unreadable = |error: std::io::Error| {
        CommandError::new(Kind::User, format!("Cannot read `{}`: {error}", path.display())).hint("is it there?")
    };
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let read = |path: &Path| -> std::io::Result<String> {
        match fs::metadata(path)? {
            metadata if metadata.is_file() && metadata.len() <= MAX_FILE => fs::read_to_string(path),
            _ => Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no file of up to 1 MiB")),
        }
    };
    let layout = if path.is_dir() {
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "conf") {
                files.push((name(&path), read(&path).map_err(unreadable)?));
            }
        }
        files.sort();
        skiff_layout::from_repart(&files).map(|layout| (layout, Vec::new()))
    } else {
        skiff_layout::from_genimage(&name(path), &read(path).map_err(unreadable)?)
    };
    layout.map_err(|error: ImportError| {
        CommandError::new(Kind::User, error.to_string())
            .hint("mend that, or write metadata/layout.yaml by hand: configs/README.md")
    })
}

fn export(folder: &Path, layout: &Layout) -> Result<()> {
    let definitions = skiff_layout::to_repart(layout);
    if definitions.is_empty() {
        return Err(CommandError::new(Kind::User, "systemd-repart grows media with a GPT only")
            .hint("others grow with resize2fs at the first boot"));
    }
    for (name, text) in definitions {
        let path = folder.join(name);
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, text));
        written.map_err(|error| {
            CommandError::new(Kind::User, format!("Cannot write `{}`: {error}", path.display()))
                .hint("choose another folder")
        })?;
        data!("{}", path.display());
    }
    Ok(())
}
