//! The commands of every board: skiff's own, over what the board's plugin proposes.

mod buildimage;
mod format;
mod install;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap::FromArgMatches as _;
use skiff_flash::Plan;
use skiff_layers::BoardCommand;
use skiff_layers::BoardDecl;
use skiff_layers::LayerName;
use skiff_plan::BuildPlan;

use crate::args::BuildImageArgs;
use crate::args::FormatArgs;
use crate::args::InstallArgs;
use crate::args::ViewArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;
use crate::output::note;
use skiff_draw::Picture;
use skiff_project::Session;
use skiff_project::media::Board;
use skiff_text::Shown as _;

/// Refuses to write to a file that is among the sources of an image.
fn refuse_source(found: Option<&Path>, file: &Path, hint: &str) -> Result<()> {
    let Some(source) = found else { return Ok(()) };
    let message = format!("`{}` is a source of this image: `{}`", file.shown(), source.shown());
    Err(CommandError::new(Kind::Usage, message).hint(hint))
}

/// Carries out a command of a board.
pub(crate) fn run(
    session: &Session,
    plan: BuildPlan,
    package: &LayerName,
    command: BoardCommand,
    arguments: &[String],
) -> Result<ExitCode> {
    // What is not in the chain would lay its own files over those of the board that is.
    let is_help = arguments.iter().any(|argument| argument == "--help" || argument == "-h");
    if !is_help && session.requested().is_some() && !session.chain()?.names().contains(package) {
        let line = format!("skiff -w WORKSPACE -c {package} cmd {package} {}", command.name());
        return Err(CommandError::new(Kind::User, format!("this workspace has no system for `{package}`"))
            .hint(format!("name a workspace and a chain with it: {line}")));
    }
    let board = Board::in_plan(session, plan, package)?;
    if !is_help {
        board.check_images(session)?;
    }
    let done = match command {
        BoardCommand::BuildImage => match parse::<BuildImageArgs>(package, command, &board.decl, arguments) {
            Ok(args) => buildimage::run(session, &board, &args),
            Err(code) => return Ok(code),
        },
        BoardCommand::Format => match parse::<FormatArgs>(package, command, &board.decl, arguments) {
            Ok(args) => format::run(session, &board, &args),
            Err(code) => return Ok(code),
        },
        BoardCommand::Install | BoardCommand::Rollback => {
            match parse::<InstallArgs>(package, command, &board.decl, arguments) {
                Ok(args) if command == BoardCommand::Install => install::run(session, &board, &args),
                Ok(args) => install::back(session, &board, &args),
                Err(code) => return Ok(code),
            }
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn parse<A: clap::Args>(
    package: &LayerName,
    command: BoardCommand,
    decl: &BoardDecl,
    arguments: &[String],
) -> Result<A, ExitCode> {
    #[derive(clap::Parser)]
    struct Wrapped<A: clap::Args> {
        #[command(flatten)]
        args: A,
    }
    let name = format!("skiff cmd {package} {}", command.name());
    let (variable, means, option) = match command {
        BoardCommand::BuildImage => (&decl.image, "image file", "--output"),
        BoardCommand::Format | BoardCommand::Install | BoardCommand::Rollback => (&decl.device, "device", "--device"),
    };
    let mut parser = Wrapped::<A>::command()
        .name(name.clone())
        .bin_name(name)
        .about(command.summary())
        .no_binary_name(true)
        .disable_version_flag(true);
    if let Some(variable) = variable {
        parser = parser.after_help(format!("{variable} names the {means} if {option} is missing."));
    }
    let parsed = parser.try_get_matches_from(arguments).and_then(|matches| Wrapped::<A>::from_arg_matches(&matches));
    parsed.map(|wrapped| wrapped.args).map_err(|error| {
        // A closed output is not an error.
        let _ = error.print();
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

/// Shows a plan as the user wants to see it.
fn show(plan: &Plan, title: &str, args: &ViewArgs) -> Result<()> {
    let picture = Picture::new(plan, title);
    match args.json {
        true => data!("{:#}", picture.json()),
        false => data!("{}", picture.text()),
    }
    for what in plan.unkept() {
        note!("warning: {what}");
    }
    let labels = plan.unrenewable();
    if !labels.is_empty() {
        note!(
            "warning: `install` cannot update `{}` later: it supports FAT32 only, which needs 34 MiB",
            labels.join("`, `")
        );
    }
    let Some(path) = &args.svg else { return Ok(()) };
    refuse_source(plan.source_at(path), path, "choose another file with --svg")?;
    if path.exists() && !is_drawing(path) {
        let message = format!("`{}` exists and is not a drawing", path.shown());
        return Err(CommandError::new(Kind::Usage, message).hint("choose another file with --svg"));
    }
    skiff_build::write_file(path, picture.svg()?.as_bytes())
        .map_err(|error| CommandError::from(error).hint("choose another file"))
}

/// Returns whether a file is a drawing of an earlier plan, which may be replaced.
fn is_drawing(path: &Path) -> bool {
    const START: &[u8] = b"<svg";
    let mut start = [0; START.len()];
    path.is_file() && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *START
}

/// Has the system look at the partitions of a device again.
fn reread(device: &std::path::Path) {
    // Not everybody has this program, and not every system reads tables; the next plugging in does the same.
    // PATH holds absolute directories only: `run` sees to that.
    let _ = std::process::Command::new("blockdev")
        .arg("--rereadpt")
        .arg(device)
        .stderr(std::process::Stdio::null())
        .status();
}
