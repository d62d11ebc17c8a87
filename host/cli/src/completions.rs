//! What a shell may offer after a `skiff` that is being typed: packages, workspaces, engines and commands as they are now.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::CompleteEnv;
use clap_complete::CompletionCandidate;
use clap_complete::Shell;
use clap_complete::env::Bash;
use clap_complete::env::Elvish;
use clap_complete::env::EnvCompleter;
use clap_complete::env::Fish;
use clap_complete::env::Powershell;
use clap_complete::env::Zsh;
use skiff_layers::LayerName;

use crate::args::Args;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::commands::cmd;
use crate::commands::workspace;
use crate::environment::Environment;
use crate::interrupt::Interrupt;
use crate::session::Session;

/// The variable with which a shell asks what to offer.
const VARIABLE: &str = "SKIFF_COMPLETE";

/// Answers a shell that asks what to offer. Returns `None` when none does.
pub(crate) fn answer(arguments: Vec<OsString>, environment: &Environment) -> Option<ExitCode> {
    environment.get(VARIABLE)?;
    let complete = CompleteEnv::with_factory(offered).var(VARIABLE).bin("skiff");
    match complete.try_complete(arguments, Some(environment.current())) {
        Ok(_) => Some(ExitCode::SUCCESS),
        Err(error) => {
            // A closed output is nobody's fault.
            let _ = error.print();
            Some(ExitCode::from(2))
        }
    }
}

/// The command line without what only Buildroot calls.
fn offered() -> clap::Command {
    let all = Args::command();
    let shown = all.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    clap::Command::new("skiff").args(all.get_arguments().cloned()).subcommands(shown)
}

/// Writes what a shell has to read at its start.
pub(crate) fn register(shell: Shell, environment: &Environment) -> Result<ExitCode> {
    let completer: &dyn EnvCompleter = match shell {
        Shell::Bash => &Bash,
        Shell::Elvish => &Elvish,
        Shell::Fish => &Fish,
        Shell::PowerShell => &Powershell,
        Shell::Zsh => &Zsh,
        other => return Err(CommandError::new(Kind::Usage, format!("skiff cannot complete for `{other}`"))),
    };
    let program = environment.program().map_or_else(|| "skiff".into(), |path| path.to_string_lossy());
    let mut script = Vec::new();
    completer
        .write_registration(VARIABLE, "skiff", "skiff", &program, &mut script)
        .map_err(|error| CommandError::new(Kind::Bug, error.to_string()))?;
    crate::output::write_plugin(&script);
    Ok(ExitCode::SUCCESS)
}

/// What the command line would be about without any arguments. Whoever only completes gets no complaints.
fn session() -> Option<Session> {
    let args = <Args as clap::Parser>::try_parse_from(["skiff"]).ok()?;
    Session::new(&args.global, Environment::of_process(), Interrupt::deaf()).ok()
}

fn candidates(names: impl IntoIterator<Item = String>, current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let fits = names.into_iter().filter(|name| name.starts_with(current.as_ref()));
    fits.map(CompletionCandidate::new).collect()
}

/// Offers packages.
pub(crate) fn packages(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(package_names(), current)
}

fn package_names() -> Vec<String> {
    let catalog = session().and_then(|session| session.catalog().ok());
    let names = catalog.iter().flat_map(|catalog| catalog.packages());
    names.filter(|package| !package.unlisted()).map(|package| package.name.to_string()).collect()
}

/// Offers packages for the last place of a chain.
pub(crate) fn chain(current: &OsStr) -> Vec<CompletionCandidate> {
    let text = current.to_string_lossy();
    let (before, _) = text.rsplit_once(',').map_or(("", text.as_ref()), |(before, last)| (before, last));
    let comma = if before.is_empty() { "" } else { "," };
    let chains = session().map(|session| session.project.chains.keys().cloned().collect::<Vec<_>>());
    let names = package_names().into_iter().chain(chains.unwrap_or_default());
    candidates(names.map(|name| format!("{before}{comma}{name}")), current)
}

/// Offers workspaces.
pub(crate) fn workspaces(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(session().map(|session| workspace::names(&session)).unwrap_or_default(), current)
}

/// Offers engines.
pub(crate) fn engines(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(["prebuilt", "buildroot"].map(str::to_owned), current)
}

/// Offers the commands of all packages of the chain, as `package/command`; those of a package that is typed already, in the
/// chain or not.
pub(crate) fn commands(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(session) = session() else { return Vec::new() };
    let chain = session.chain().map(|chain| chain.names().to_vec()).unwrap_or_default();
    let text = current.to_string_lossy();
    let typed = text.rsplit_once('/').and_then(|(package, _)| package.parse::<LayerName>().ok());
    let packages = chain.iter().chain(typed.iter().filter(|typed| !chain.contains(typed)));
    let of = |package: &LayerName| {
        let offers = cmd::offers(&session, package).unwrap_or_default();
        let offers = offers.into_iter().filter(|offer| offer.owner().is_some());
        offers.map(|offer| format!("{package}/{}", offer.name)).collect::<Vec<_>>()
    };
    candidates(packages.flat_map(of), current)
}
