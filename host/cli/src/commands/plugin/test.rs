use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use skiff_layers::Capability;
use skiff_layers::LayerPlugin;
use skiff_layers::Stage;
use skiff_runtime::GivenValue;
use skiff_runtime::PluginId;
use skiff_runtime::Runner;
use skiff_runtime::Standing;
use skiff_runtime::Tape;

use super::Chosen;
use super::case::Case;
use super::case::FILE;
use super::case::Outcome;
use super::folder;
use super::folder::changes;
use super::folder::copy;
use super::folder::unreadable;
use super::scene::Scene;
use super::source::Source;
use crate::args::Language;
use crate::args::TestPluginArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::commands::cmd;
use crate::consent;
use crate::output::data;
use crate::session::Session;
use skiff_text::Shown as _;

/// The zones that a case compares.
const COMPARED: [&str; 3] = ["images", "state", "target"];

/// Runs the tests of plugins.
pub(super) fn run(session: &Session, args: &TestPluginArgs) -> Result<()> {
    let chosen = Chosen::working(session, &args.plugin.plugin)?;
    if args.record.is_some() && chosen.plugins.len() > 1 {
        let names: Vec<&str> = chosen.plugins.iter().map(|plugin| plugin.decl.name.as_str()).collect();
        return Err(CommandError::new(Kind::Usage, format!("{} has several plugins", chosen.layer.name))
            .hint(format!("a case is of one: name it, {}/<{}>", chosen.layer.name, names.join(" or "))));
    }
    let mut failed = Vec::new();
    for plugin in &chosen.plugins {
        // Cases of a plugin that the layer uses are the layer's: they are about its settings.
        let name = PluginId::new(&chosen.layer.name, &plugin.decl.name);
        let source = if plugin.is_used() { None } else { Some(Source::find(&chosen.layer, &plugin.decl)?) };
        let cases = chosen.layer.root.join("plugins").join(&plugin.decl.name).join("tests");
        folder::check_way(&chosen.layer.root, &cases)?;
        if let Some(case) = &args.record {
            if case.contains('/') || case.starts_with('.') {
                return Err(CommandError::new(Kind::Usage, format!("`{case}` is no name for a case"))
                    .hint("a case is a directory in `tests` beside the sources; name it by one word"));
            }
            record(session, plugin, &cases.join(case), &args.words)?;
            data!("{name}: recorded {case}");
            continue;
        }
        if let Some(source) = source {
            if source.is_newer(&plugin.decl.component) {
                let hint = format!("skiff plugin build {name}");
                session.console.warn(&format!("the sources of {name} have changed since it was built: {hint}"));
            }
            if source.language == Language::Rust {
                source.trust(session, name.as_str(), args.trust)?;
            }
            if !native(session, name.as_str(), &source)? {
                failed.push(format!("{name}: the native tests"));
            }
        }
        for case in folders(&cases)? {
            let shown = format!("{name}: {}", case.file_name().unwrap_or_default().to_string_lossy());
            let wrong = replay(session, plugin, &case)?;
            data!("{shown} {}", if wrong.is_empty() { "ok" } else { "FAILED" });
            wrong.iter().for_each(|wrong| data!("  {wrong}"));
            if !wrong.is_empty() {
                failed.push(shown);
            }
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(CommandError::new(Kind::User, format!("These have failed: {}", failed.join(", ")))
            .hint("if a case should come to something else now, record it again: --record CASE")),
    }
}

/// The directories that hold a case, in byte order.
fn folders(cases: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(cases) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(cases, &error)),
    };
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.retain(|folder| folder.join(FILE).is_file());
    folders.sort();
    Ok(folders)
}

/// Runs the tests that a language has of its own. Returns whether they passed.
fn native(session: &Session, name: &str, source: &Source) -> Result<bool> {
    if source.language != Language::Rust {
        return Ok(true);
    }
    data!("{name}: native tests");
    let target = source.compiler_cache(session)?.join("plugin-target/native");
    fs::create_dir_all(&target).map_err(|error| unreadable(&target, &error))?;
    let status = session.console.interrupt.passing(|| {
        Command::new("cargo")
            .args(["test", "--quiet", "--target-dir"])
            .arg(&target)
            // Not where the user is: cargo and rustup read settings from all directories above.
            .current_dir(&target)
            .arg("--manifest-path")
            .arg(source.folder.join("Cargo.toml"))
            .status()
    });
    match status {
        Ok(status) => Ok(status.success()),
        Err(error) => {
            Err(CommandError::new(Kind::User, format!("Cannot run cargo: {error}")).hint("is Rust installed?"))
        }
    }
}

/// Plays a case back and returns what is not as it was recorded.
fn replay(session: &Session, plugin: &LayerPlugin, folder: &Path) -> Result<Vec<String>> {
    folder::check(folder)?;
    let case = Case::read(folder)?;
    let tape = Arc::new(Tape::replay(folder.to_owned(), case.tools.clone()));
    // In a directory of its own and without tools, a test needs nobody's consent.
    let identity = Runner::identify(plugin)?;
    session.grant_for_now(&identity, plugin.decl.capabilities.iter().map(Capability::id).collect());
    let stage = Scene::set(session, plugin, folder, &case, &tape, true)?;
    let outcome = stage.play(plugin, &case)?;
    let mut wrong = tape.deviations();
    wrong.extend(differences(&case.expect, &outcome));
    for zone in COMPARED {
        wrong.extend(changes(zone, &folder.join("after").join(zone), &stage.zone(zone, plugin))?);
    }
    Ok(wrong)
}

/// Runs a case with the real tools and notes what comes of it.
fn record(session: &Session, plugin: &LayerPlugin, folder: &Path, words: &[String]) -> Result<()> {
    if folder.exists() {
        folder::check(folder)?;
    }
    let known = folder.join(FILE).is_file();
    let mut case = match (known, words.split_first()) {
        (true, None) => Case::read(folder)?,
        (false, Some((call, rest))) => new_case(session, plugin, call, rest)?,
        (true, Some(_)) => {
            return Err(CommandError::new(Kind::Usage, format!("`{}` has a call already", folder.shown()))
                .hint("leave out what stands behind `--`, or remove the directory first"));
        }
        (false, None) => {
            return Err(CommandError::new(Kind::Usage, "A new case needs a call")
                .hint("--record CASE -- COMMAND ARGUMENTS, or --record CASE -- pre"));
        }
    };
    consent::obtain(session, [plugin])?;
    let identity = Runner::identify(plugin)?;
    if let Standing::Missing(denied) = session.grants()?.standing(&identity, &plugin.decl.capabilities) {
        return Err(denied.into());
    }
    fs::create_dir_all(folder).map_err(|error| unreadable(folder, &error))?;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == "after" || name == "fetch" || name.starts_with("tool-") {
            skiff_tree::remove(rustix::fs::CWD, &entry.path(), &|| Ok(()))
                .map_err(|error| unreadable(&entry.path(), &error.into()))?;
        }
    }
    let tape = Arc::new(Tape::record(folder.to_owned()));
    let scene = Scene::set(session, plugin, folder, &case, &tape, false)?;
    case.expect = scene.play(plugin, &case)?;
    case.tools = tape.recorded();
    for zone in COMPARED {
        let (from, into) = (scene.zone(zone, plugin), folder.join("after").join(zone));
        if fs::read_dir(&from).is_ok_and(|mut entries| entries.next().is_some()) {
            copy(&from, &into).map_err(|error| unreadable(&into, &error))?;
        }
    }
    case.write(folder)
}

fn new_case(session: &Session, plugin: &LayerPlugin, call: &str, rest: &[String]) -> Result<Case> {
    let stage = [Stage::Configure, Stage::Pre, Stage::Post].into_iter().find(|stage| stage.to_string() == call);
    if let Some(stage) = stage.filter(|stage| plugin.decl.hooks.contains(stage)) {
        return Ok(Case { hook: Some(stage), ..Case::default() });
    }
    let Some(command) = plugin.decl.command(call) else {
        return Err(CommandError::new(Kind::Usage, format!("The plugin has no command and no hook `{call}`"))
            .hint("its manifest names them"));
    };
    let given = match cmd::parse(session, plugin, command, rest) {
        Ok(given) => given?,
        Err(error) => {
            return Err(CommandError::new(
                Kind::Usage,
                error.to_string().trim().trim_start_matches("error: ").to_owned(),
            ));
        }
    };
    let arguments = given.own().map(|(name, value)| (name.to_owned(), value.clone()));
    // A flag that is not set says nothing.
    let arguments = arguments.filter(|(_, value)| *value != GivenValue::Flag(false)).collect();
    Ok(Case { command: Some(call.to_owned()), arguments, ..Case::default() })
}

fn differences(expected: &Outcome, present: &Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut compare = |what: &str, expected: String, present: String| {
        if expected != present {
            wrong.push(format!("{what}: expected {expected}, and it is {present}"));
        }
    };
    compare("status", format!("{:?}", expected.status), format!("{:?}", present.status));
    compare("failure", format!("{:?}", expected.failure), format!("{:?}", present.failure));
    compare("stdout", format!("{:?}", expected.stdout), format!("{:?}", present.stdout));
    compare("messages", format!("{:?}", expected.messages), format!("{:?}", present.messages));
    compare("fragments", format!("{:?}", expected.fragments), format!("{:?}", present.fragments));
    wrong
}
