//! What a shell may offer after a `skiff` that is being typed: packages, workspaces, engines and commands as they are now.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::CommandFactory as _;
use clap_complete::ArgValueCompleter;
use clap_complete::CompleteEnv;
use clap_complete::CompletionCandidate;
use clap_complete::Shell;
use clap_complete::env::Bash;
use clap_complete::env::Elvish;
use clap_complete::env::EnvCompleter;
use clap_complete::env::Fish;
use clap_complete::env::Powershell;
use clap_complete::env::Zsh;
use skiff_build::ENGINES;
use skiff_layers::LayerName;
use skiff_project::package::offers_in;
use skiff_report::Silent;

use skiff_text::Shown as _;

use crate::ambient;
use crate::args::Args;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::interrupt::Interrupt;
use crate::terminal::Terminal;
use skiff_project::Console;
use skiff_project::Environment;
use skiff_project::Session;

/// The variable with which a shell asks what to offer.
const VARIABLE: &str = "SKIFF_COMPLETE";

/// Answers a shell that asks what to offer. Returns `None` when none does.
pub(crate) fn answer(arguments: Vec<OsString>, environment: &Environment) -> Option<ExitCode> {
    environment.get(VARIABLE)?;
    let complete = CompleteEnv::with_factory(offered).var(VARIABLE).bin("skiff");
    match complete.try_complete(arguments, Some(environment.current())) {
        Ok(_) => Some(ExitCode::SUCCESS),
        Err(error) => {
            // A closed output is not an error.
            let _ = error.print();
            Some(ExitCode::from(2))
        }
    }
}

/// Returns the command line without the commands that only skiff and Buildroot call, with values for its arguments.
fn offered() -> clap::Command {
    let all = Args::command();
    let shown = all.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    with_values(clap::Command::new("skiff").args(all.get_arguments().cloned()).subcommands(shown))
}

/// Adds what shells may offer for the arguments of a command and of those below it.
fn with_values(command: clap::Command) -> clap::Command {
    let is_cmd = command.get_name() == "cmd";
    let completed = |arg: clap::Arg| {
        let values = match arg.get_id().as_str() {
            "config" => ArgValueCompleter::new(chain),
            "engine" => ArgValueCompleter::new(engines),
            "package" | "plugin" => ArgValueCompleter::new(packages),
            "workspace" | "from" | "to" => ArgValueCompleter::new(workspaces),
            "name" if arg.is_positional() => ArgValueCompleter::new(workspaces),
            "words" if is_cmd => ArgValueCompleter::new(commands),
            _ => return arg,
        };
        arg.add(values)
    };
    command.mut_args(completed).mut_subcommands(with_values)
}

/// Writes what a shell has to read at its start.
pub(crate) fn register(shell: Shell, program: Option<&Path>, environment: &Environment) -> Result<ExitCode> {
    let completer: &dyn EnvCompleter = match shell {
        Shell::Bash => &Bash,
        Shell::Elvish => &Elvish,
        Shell::Fish => &Fish,
        Shell::PowerShell => &Powershell,
        Shell::Zsh => &Zsh,
        other => return Err(CommandError::new(Kind::Usage, format!("skiff cannot complete for `{other}`"))),
    };
    if let Some(relative) = program.filter(|program| !program.is_absolute()) {
        return Err(CommandError::new(Kind::Usage, format!("`{}` is not an absolute path", relative.shown()))
            .hint("name the program by an absolute path"));
    }
    let program =
        program.or_else(|| environment.program()).map_or_else(|| "skiff".into(), |path| path.to_string_lossy());
    if !program.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte)) {
        return Err(CommandError::new(
            Kind::User,
            format!("`{}` cannot stand in a script of a shell", skiff_text::shown(&program)),
        )
        .hint("move the checkout to a path of letters, digits, `/`, `.`, `_`, `-` and `+`"));
    }
    let mut script = Vec::new();
    completer
        .write_registration(VARIABLE, "skiff", "skiff", &program, &mut script)
        .map_err(|error| CommandError::new(Kind::Bug, error.to_string()))?;
    crate::output::write_plugin(&script);
    Ok(ExitCode::SUCCESS)
}

/// The words in front of the one that is completed, as the shell hands them on: `skiff -- skiff -w demo cmd`.
fn typed() -> Vec<OsString> {
    let words = std::env::args_os().skip_while(|word| word != "--").skip(1);
    let before = std::env::var("_CLAP_COMPLETE_INDEX").ok().and_then(|index| index.parse().ok());
    words.take(before.unwrap_or(1)).collect()
}

/// What the command line is about so far. It prints and writes nothing.
fn session() -> Option<Session> {
    let parse = |words: Vec<OsString>| <Args as clap::Parser>::try_parse_from(words).ok();
    let args = parse(typed()).or_else(|| parse(vec!["skiff".into()]))?;
    let interrupt = Interrupt::deaf();
    let cancel = interrupt.cancel.clone();
    let console = Console::new(ambient::environment(), Arc::new(Silent), cancel, Arc::new(Terminal::new(interrupt)));
    Session::new(&args.global.into(), console).ok()
}

fn candidates(names: impl IntoIterator<Item = String>, current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let fits = names.into_iter().filter(|name| name.starts_with(current.as_ref()));
    fits.map(CompletionCandidate::new).collect()
}

/// Offers packages.
fn packages(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(package_names(), current)
}

fn package_names() -> Vec<String> {
    let catalog = session().and_then(|session| session.catalog().ok());
    let names = catalog.iter().flat_map(|catalog| catalog.packages());
    names.filter(|package| !package.unlisted()).map(|package| package.name.to_string()).collect()
}

/// Offers packages for the last place of a chain.
fn chain(current: &OsStr) -> Vec<CompletionCandidate> {
    let text = current.to_string_lossy();
    let (before, _) = text.rsplit_once(',').map_or(("", text.as_ref()), |(before, last)| (before, last));
    let comma = if before.is_empty() { "" } else { "," };
    let chains = session().map(|session| session.project.chains.keys().cloned().collect::<Vec<_>>());
    let names = package_names().into_iter().chain(chains.unwrap_or_default());
    candidates(names.map(|name| format!("{before}{comma}{name}")), current)
}

/// Offers workspaces.
fn workspaces(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(session().map(|session| session.workspaces()).unwrap_or_default(), current)
}

/// Offers engines.
fn engines(current: &OsStr) -> Vec<CompletionCandidate> {
    let fits = ENGINES.into_iter().filter(|kind| kind.name.as_str().starts_with(current.to_string_lossy().as_ref()));
    fits.map(|kind| CompletionCandidate::new(kind.name.as_str()).help(Some(kind.about.into()))).collect()
}

/// Offers commands. Behind a package, those that it answers to; otherwise those of the chain as `package/command`, and for what
/// is typed of a package outside of it, that package with its commands.
fn commands(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(session) = session() else { return Vec::new() };
    let Ok(search) = session.search_path() else { return Vec::new() };
    let offered = |package: &LayerName| {
        let offers = offers_in(&search, package).unwrap_or_default();
        offers.into_iter().filter(|offer| offer.owner().is_some()).map(|offer| offer.name).collect::<Vec<_>>()
    };
    let words = typed();
    let mut words = words.iter().rev().map(|word| word.to_string_lossy());
    let package = words.next().and_then(|word| word.parse::<LayerName>().ok());
    if let Some(package) = package.filter(|_| words.next().is_some_and(|word| word == "cmd")) {
        return candidates(offered(&package), current);
    }
    let text = current.to_string_lossy();
    let in_chain = session.chain().map(|chain| chain.names().to_vec()).unwrap_or_default();
    // `pi/` and `pi/4/f` are about packages, `p` is not yet.
    let typed: String = text.split_inclusive('/').take(2).collect();
    let typed = typed.trim_end_matches('/');
    let catalog = if text.contains('/') { session.catalog().ok() } else { None };
    let outside = catalog.iter().flat_map(|catalog| catalog.packages()).map(|package| package.name.clone());
    let outside = outside.filter(|package| package.as_str().starts_with(typed) && !in_chain.contains(package));
    let all: Vec<LayerName> = in_chain.iter().cloned().chain(outside).collect();
    let of =
        |package: &LayerName| offered(package).into_iter().map(|name| format!("{package}/{name}")).collect::<Vec<_>>();
    candidates(all.iter().flat_map(of), current)
}
