use std::fs;
use std::path::Path;

use skiff_flash::Plan;
use skiff_layers::LayerName;
use skiff_layers::ReadError;
use skiff_layout::ImportError;
use skiff_layout::Layout;
use skiff_layout::Medium;
use skiff_layout::Surroundings;
use skiff_runtime::board;
use skiff_text::Shown as _;

use crate::args::Intent;
use crate::args::LayoutArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;
use skiff_draw::Picture;
use skiff_project::Environment;
use skiff_project::Session;
use skiff_project::media::Board;

/// The default size of a sector in bytes.
const SECTOR: u32 = 512;

/// Bytes of a file of another tool that are read.
const MAX_FILE: u64 = 1 << 20;

/// Files of a directory of definitions that are read.
const MAX_FILES: usize = 256;

/// Asks a board's plugin what is where on a medium.
pub(crate) fn run(session: &Session, args: &LayoutArgs) -> Result<()> {
    if let Some(path) = &args.import {
        return print_imported(&session.console.environment, path);
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
        Some(folder) => export(&session.console.environment.absolute(folder), &layout),
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
        data!("\nNot built yet, so of unknown size:");
        missing.iter().for_each(|source| data!("  {source}"));
    }
    Ok(())
}

/// Prints the layout of a file of another tool.
pub(crate) fn print_imported(environment: &Environment, path: &Path) -> Result<()> {
    let (layout, left_out) = import(environment, &environment.absolute(path))?;
    for what in left_out {
        data!("# not taken over: {what}");
    }
    data!("{}", skiff_layout::to_yaml(&layout).trim_end());
    Ok(())
}

/// The layout of a file of another tool, and what of it a layout has no words for.
fn import(environment: &Environment, path: &Path) -> Result<(Layout, Vec<String>)> {
    let unreadable = |error: std::io::Error| {
        CommandError::new(Kind::User, format!("cannot read `{}`: {error}", path.shown()))
            .hint("name a genimage configuration, or a directory with systemd-repart definitions (*.conf)")
    };
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let imported = if path.is_dir() {
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let file = name(&path);
            if file.ends_with(".conf.d") {
                return Err(CommandError::new(Kind::User, format!("drop-ins are not supported: `{}`", path.shown()))
                    .hint("add its settings to the file that it belongs to"));
            }
            if file.ends_with(".conf") {
                files.push((file, read(&path).map_err(unreadable)?));
            }
            if files.len() > MAX_FILES {
                return Err(CommandError::new(
                    Kind::User,
                    format!("more than {MAX_FILES} definitions: `{}`", path.shown()),
                )
                .hint("name a directory of systemd-repart"));
            }
        }
        files.sort();
        if files.is_empty() {
            return Err(CommandError::new(Kind::User, format!("no file in `{}` ends with .conf", path.shown()))
                .hint("name a directory with definitions of systemd-repart"));
        }
        skiff_layout::from_repart(&files)
    } else {
        let variable = |name: &str| environment.get(name).map(str::to_owned);
        let folder = path.parent().unwrap_or(path);
        let include = |name: &str| read(&folder.join(name)).map_err(|error| error.to_string());
        let around = Surroundings { variable: &variable, include: &include };
        skiff_layout::from_genimage(&name(path), &read(path).map_err(unreadable)?, &around)
    };
    imported.map_err(|error: ImportError| {
        CommandError::new(Kind::User, error.to_string())
            .hint("change that line, or write metadata/layout.yaml by hand: configs/README.md")
    })
}

fn read(path: &Path) -> std::io::Result<String> {
    let wrong = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidInput, what);
    let bytes = skiff_layers::optional_bytes(path, MAX_FILE).map_err(|error| match error {
        ReadError::Io { source, .. } => source,
        ReadError::NotAFile { .. } => wrong("expected a regular file"),
        ReadError::TooLarge { .. } => wrong("expected a file of up to 1 MiB"),
        other => std::io::Error::other(other),
    })?;
    let bytes = bytes.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))?;
    String::from_utf8(bytes).map_err(|_| wrong("expected text in UTF-8"))
}

fn export(folder: &Path, layout: &Layout) -> Result<()> {
    let definitions = skiff_layout::to_repart(layout);
    if definitions.is_empty() {
        return Err(CommandError::new(Kind::User, "systemd-repart grows media with a GPT only")
            .hint("others grow with resize2fs at the first boot"));
    }
    for (name, text) in definitions {
        let path = folder.join(name);
        skiff_build::write_file(&path, text.as_bytes())
            .map_err(|error| CommandError::from(error).hint("choose another directory"))?;
        data!("{}", path.shown());
    }
    Ok(())
}
