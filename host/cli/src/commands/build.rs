use std::process::ExitCode;

use crate::args::BuildArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::commands::compile;
use crate::commands::configure;
use crate::output::note;
use skiff_project::Console;
use skiff_project::Options;
use skiff_project::Session;
use skiff_project::consent;
use skiff_project::media::keep_keys;
use skiff_text::Shown as _;

/// Configures and builds, under one lock and from one plan.
pub(crate) fn run(session: &Session, args: &BuildArgs) -> Result<()> {
    keep_keys(session, &args.ssh_key)?;
    let job = session.open(args.compile.update)?;
    configure::with(&job, &args.configure)?;
    compile::with(&job, true)
}

/// Builds all workspaces of the project. One that fails does not keep the others from being built.
pub(crate) fn run_all(options: &Options, args: &BuildArgs, console: &Console) -> Result<ExitCode> {
    let project = Session::new(options, console.again())?.project;
    if options.config.as_deref().is_some_and(|chain| !chain.is_empty()) {
        return Err(CommandError::new(Kind::Usage, "--all takes the chains of skiff.yaml, and a chain was given, too")
            .hint("unset SKIFF_CONFIG, or leave --all out"));
    }
    if project.workspaces.is_empty() {
        let message = match project.path() {
            Some(path) => format!("{} names no workspaces", path.shown()),
            None => "there is no project file in this directory or above it".to_owned(),
        };
        return Err(CommandError::new(Kind::User, message)
            .hint("write into skiff.yaml: workspaces: {boat: {chain: \"pi/4,skiff/core\"}}"));
    }
    let of_workspace = |name: &String| {
        let options = Options { workspace: Some(name.clone()), ..options.clone() };
        Session::new(&options, console.again())
    };
    // A plugin may be one of a single workspace.
    let mut given = project.workspaces.keys().map(|name| consent::check_given(&of_workspace(name)?));
    if let Some(Err(first)) = given.next()
        && given.all(|other| other.is_err())
    {
        return Err(first.into());
    }
    let mut outcomes = Vec::new();
    for name in project.workspaces.keys() {
        note!("\x1b[1m== {name}\x1b[0m");
        let outcome = of_workspace(name).map_err(CommandError::from).and_then(|mut session| {
            session.asks = true;
            run(&session, args)
        });
        let code = match &outcome {
            Ok(()) => 0,
            Err(error) => {
                error.report();
                error.code()
            }
        };
        outcomes.push((name, code));
        if console.cancel.is_cancelled() {
            break;
        }
    }
    note!("");
    for (name, code) in &outcomes {
        note!("{name:24} {}", if *code == 0 { "built".to_owned() } else { format!("failed ({code})") });
    }
    Ok(ExitCode::from(outcomes.iter().map(|(_, code)| *code).find(|code| *code != 0).unwrap_or(0)))
}
