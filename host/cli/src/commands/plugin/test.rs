use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use skiff_layers::ArgumentKind;
use skiff_layers::Stage;
use skiff_plan::Event;
use skiff_plan::HookCall;
use skiff_plan::HookRunner as _;
use skiff_plan::HookStep;
use skiff_plan::PlannedPlugin;
use skiff_plan::Reporter;
use skiff_plan::Zones;
use skiff_runtime::Downloads;
use skiff_runtime::Given;
use skiff_runtime::GivenValue;
use skiff_runtime::PluginId;
use skiff_runtime::Runner;
use skiff_runtime::Standing;
use skiff_runtime::System;
use skiff_runtime::Tape;
use skiff_runtime::capability_id;
use walkdir::WalkDir;

use super::Chosen;
use super::case::Case;
use super::case::FILE;
use super::case::Outcome;
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

/// The zones that a case compares.
const COMPARED: [&str; 3] = ["images", "state", "target"];

/// Seconds since 1970 that every case believes it is.
const EPOCH: u32 = 0;

/// Runs the tests of plugins.
pub(super) fn run(session: &Session, args: &TestPluginArgs) -> Result<()> {
    let chosen = Chosen::find(session, &args.plugin.plugin)?;
    let mut failed = Vec::new();
    for planned in chosen.planned() {
        let name = format!("{}/{}", planned.layer, planned.plugin.name);
        let source = Source::find(&chosen.layer, &planned.plugin)?;
        let cases = source.folder.join("tests");
        if let Some(case) = &args.record {
            record(session, &planned, &cases.join(case), &args.words)?;
            data!("{name}: recorded {case}");
            continue;
        }
        if !native(session, &name, &source)? {
            failed.push(format!("{name}: the native tests"));
        }
        for case in folders(&cases)? {
            let shown = format!("{name}: {}", case.file_name().unwrap_or_default().to_string_lossy());
            let wrong = replay(session, &planned, &case)?;
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

/// The folders that hold a case, in byte order.
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

fn unreadable(path: &Path, error: &io::Error) -> CommandError {
    CommandError::new(Kind::User, format!("Cannot use `{}`: {error}", path.display()))
        .hint("check that it can be read, and that there is room")
}

/// Runs the tests that a language has of its own. Returns whether they passed.
fn native(session: &Session, name: &str, source: &Source) -> Result<bool> {
    if source.language != Language::Rust {
        return Ok(true);
    }
    data!("{name}: native tests");
    let target = session.environment.cache().join("plugin-target/native");
    let status = session.interrupt.passing(|| {
        Command::new("cargo")
            .args(["test", "--quiet", "--target-dir"])
            .arg(target)
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
fn replay(session: &Session, planned: &PlannedPlugin, folder: &Path) -> Result<Vec<String>> {
    let case = Case::read(folder)?;
    let tape = Arc::new(Tape::replay(folder.to_owned(), case.tools.clone()));
    // In a folder of its own and without tools, a test needs nobody's consent.
    let (id, digest) = Runner::identify(planned)?;
    session.grant_for_now(&id, digest, planned.plugin.capabilities.iter().map(capability_id).collect());
    let stage = Scene::set(session, planned, folder, &case, &tape, true)?;
    let outcome = stage.play(planned, &case)?;
    let mut wrong = tape.deviations();
    wrong.extend(differences(&case.expect, &outcome));
    for zone in COMPARED {
        wrong.extend(changes(zone, &folder.join("after").join(zone), &stage.zone(zone, &id))?);
    }
    Ok(wrong)
}

/// Runs a case with the real tools and notes what comes of it.
fn record(session: &Session, planned: &PlannedPlugin, folder: &Path, words: &[String]) -> Result<()> {
    let known = folder.join(FILE).is_file();
    let mut case = match (known, words.split_first()) {
        (true, None) => Case::read(folder)?,
        (false, Some((call, rest))) => new_case(session, planned, call, rest)?,
        (true, Some(_)) => {
            return Err(CommandError::new(Kind::Usage, format!("`{}` has a call already", folder.display()))
                .hint("leave out what stands behind `--`, or remove the folder first"));
        }
        (false, None) => {
            return Err(CommandError::new(Kind::Usage, "A new case needs a call")
                .hint("--record CASE -- COMMAND ARGUMENTS, or --record CASE -- pre"));
        }
    };
    consent::obtain(session, [planned])?;
    let (id, digest) = Runner::identify(planned)?;
    if let Standing::Missing(denied) = session.grants()?.standing(&id, digest, &planned.plugin.capabilities) {
        return Err(denied.into());
    }
    fs::create_dir_all(folder).map_err(|error| unreadable(folder, &error))?;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == "after" || name == "fetch" || name.starts_with("tool-") {
            fs::remove_dir_all(entry.path()).map_err(|error| unreadable(&entry.path(), &error))?;
        }
    }
    let tape = Arc::new(Tape::record(folder.to_owned()));
    let scene = Scene::set(session, planned, folder, &case, &tape, false)?;
    case.expect = scene.play(planned, &case)?;
    case.tools = tape.recorded();
    for zone in COMPARED {
        let (from, into) = (scene.zone(zone, &id), folder.join("after").join(zone));
        if fs::read_dir(&from).is_ok_and(|mut entries| entries.next().is_some()) {
            copy(&from, &into).map_err(|error| unreadable(&into, &error))?;
        }
    }
    case.write(folder)
}

fn new_case(session: &Session, planned: &PlannedPlugin, call: &str, rest: &[String]) -> Result<Case> {
    let stage = [Stage::Configure, Stage::Pre, Stage::Post].into_iter().find(|stage| stage.to_string() == call);
    if let Some(stage) = stage.filter(|stage| planned.plugin.hooks.contains(stage)) {
        return Ok(Case { hook: Some(stage), ..Case::default() });
    }
    let Some(command) = planned.plugin.commands.iter().find(|command| command.name == call) else {
        return Err(CommandError::new(Kind::Usage, format!("The plugin has no command and no hook `{call}`"))
            .hint("its manifest names them"));
    };
    let given = match cmd::parse(session, planned, command, rest) {
        Ok(given) => given?,
        Err(error) => return Err(CommandError::new(Kind::Usage, error.to_string().trim().to_owned())),
    };
    let arguments = given.own().map(|(name, value)| (name.to_owned(), value.clone()));
    // A flag that is not set says nothing.
    let arguments = arguments.filter(|(_, value)| *value != GivenValue::Flag(false)).collect();
    Ok(Case { command: Some(call.to_owned()), arguments, ..Case::default() })
}

/// The folders and the host in which a case is played.
struct Scene {
    folder: tempfile::TempDir,
    runner: Runner,
    zones: Zones,
    said: Arc<Said>,
}

impl Scene {
    fn set(
        session: &Session,
        planned: &PlannedPlugin,
        folder: &Path,
        case: &Case,
        tape: &Arc<Tape>,
        offline: bool,
    ) -> Result<Self> {
        let scene = tempfile::tempdir().map_err(|error| unreadable(Path::new("/tmp"), &error))?;
        let at = |name: &str| scene.path().join(name);
        let (id, _) = Runner::identify(planned)?;
        let before = folder.join("before");
        for (zone, place) in
            [("target", at("target")), ("images", at("images")), ("state", at("state").join(id.as_str()))]
        {
            fs::create_dir_all(&place)
                .and_then(|()| if before.join(zone).is_dir() { copy(&before.join(zone), &place) } else { Ok(()) })
                .map_err(|error| unreadable(&place, &error))?;
        }
        let own = [planned.layer.clone()];
        let names = if case.layers.is_empty() { &own[..] } else { &case.layers };
        let layer = |(position, name): (usize, &String)| {
            let given = before.join(format!("layers/{position:02}"));
            let is_own = *name == planned.layer && !given.is_dir();
            (name.clone(), if is_own { planned.layer_root.clone() } else { given })
        };
        let zones = Zones {
            layers: names.iter().enumerate().map(layer).collect(),
            target: Some(at("target")),
            images: Some(at("images")),
            state: at("state"),
            epoch: Some(EPOCH),
        };
        let said = Arc::new(Said::default());
        let mut system = System {
            layers: names.to_vec(),
            configs: case.configs(folder)?,
            downloads: Downloads { cache: folder.to_owned(), offline, ..session.downloads() },
            tape: Some(Arc::clone(tape)),
            ..session.bare_system()
        };
        if let Some(buildroot) = system.configs.get(&skiff_kconfig::Kind::Buildroot) {
            system.target = skiff_plan::Target::of(buildroot)?;
        }
        let runner = session.runner_with(system, Arc::clone(&said) as Arc<dyn Reporter>)?;
        Ok(Self { folder: scene, runner, zones, said })
    }

    fn zone(&self, zone: &str, id: &PluginId) -> PathBuf {
        match zone {
            "state" => self.folder.path().join("state").join(id.as_str()),
            other => self.folder.path().join(other),
        }
    }

    /// Makes the call.
    fn play(&self, planned: &PlannedPlugin, case: &Case) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        if let Some(command) = &case.command {
            match self.runner.run_command(planned, command, &given(planned, command, case)?, &self.zones) {
                Ok((status, stdout)) => {
                    outcome.status = Some(status);
                    outcome.stdout = String::from_utf8_lossy(&stdout).into_owned();
                }
                Err(error) => outcome.failure = Some(error.to_string()),
            }
        }
        if let Some(stage) = case.hook {
            let call = HookCall {
                layer: planned.layer.clone(),
                layer_root: planned.layer_root.clone(),
                plugin: planned.plugin.clone(),
                stage,
            };
            let called = match stage {
                Stage::Configure => self.runner.contribute(&call, &self.zones).map(|contributions| {
                    let named = |c: skiff_plan::Contribution| (format!("{}/{}", c.kind.folder(), c.name), c.text);
                    outcome.fragments = contributions.into_iter().map(named).collect();
                }),
                Stage::Pre | Stage::Post => self.runner.run_hook(&HookStep::Component(Box::new(call)), &self.zones),
            };
            outcome.failure = called.err().map(|error| error.source.to_string());
        }
        outcome.messages = self.said.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(outcome)
    }
}

/// Returns the arguments of a command: those of the case, and the defaults of the manifest.
fn given(planned: &PlannedPlugin, command: &str, case: &Case) -> Result<Given> {
    let Some(decl) = planned.plugin.commands.iter().find(|decl| decl.name == command) else {
        return Err(CommandError::new(Kind::User, format!("The plugin has no command `{command}`"))
            .hint("mend the case, or the manifest"));
    };
    let mut given = Given::default();
    for argument in &decl.arguments {
        match (case.arguments.get(&argument.name), &argument.default) {
            (Some(value), _) => given.insert(&argument.name, value.clone()),
            (None, _) if argument.kind == ArgumentKind::Flag => given.insert(&argument.name, GivenValue::Flag(false)),
            (None, Some(default)) => given.insert_default(&argument.name, cmd::value(argument, default)?),
            (None, None) => {}
        }
    }
    Ok(given)
}

/// Everything that the plugin says.
#[derive(Default)]
struct Said(Mutex<Vec<String>>);

impl Reporter for Said {
    fn event(&self, event: Event<'_>) {
        if let Event::Message { plugin: Some(_), text, .. } = event {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
        }
    }
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

/// What a file of a tree is, as far as a checkout keeps it.
#[derive(PartialEq, Eq)]
enum Content {
    File(bool, Vec<u8>),
    Link(PathBuf),
}

/// Returns in which files a zone differs from what was recorded.
fn changes(zone: &str, expected: &Path, present: &Path) -> Result<Vec<String>> {
    let (expected, present) = (contents(expected)?, contents(present)?);
    let shown = |path: &Path| format!("{zone}/{}", path.display());
    let mut wrong = Vec::new();
    for (path, content) in &present {
        match expected.get(path) {
            None => wrong.push(format!("{}: it was not there when the case was recorded", shown(path))),
            Some(other) if other != content => wrong.push(format!("{}: it is another than was recorded", shown(path))),
            Some(_) => {}
        }
    }
    let lost = expected.keys().filter(|path| !present.contains_key(*path));
    wrong.extend(lost.map(|path| format!("{}: it is not there", shown(path))));
    Ok(wrong)
}

fn contents(folder: &Path) -> Result<BTreeMap<PathBuf, Content>> {
    let mut found = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in WalkDir::new(folder) {
        let entry = entry.map_err(|error| unreadable(folder, &error.into()))?;
        let inner = entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_owned();
        let failed = |error: io::Error| unreadable(entry.path(), &error);
        if entry.path_is_symlink() {
            found.insert(inner, Content::Link(fs::read_link(entry.path()).map_err(failed)?));
        } else if entry.file_type().is_file() {
            let mode = entry.metadata().map_err(|error| unreadable(folder, &error.into()))?.permissions().mode();
            found.insert(inner, Content::File(mode & 0o111 != 0, fs::read(entry.path()).map_err(failed)?));
        }
    }
    Ok(found)
}

/// Copies a tree of files, folders and links.
fn copy(from: &Path, into: &Path) -> io::Result<()> {
    for entry in WalkDir::new(from) {
        let entry = entry?;
        let place = into.join(entry.path().strip_prefix(from).unwrap_or(entry.path()));
        if entry.path_is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, place)?;
        } else if entry.file_type().is_dir() {
            fs::create_dir_all(place)?;
        } else {
            fs::copy(entry.path(), place)?;
        }
    }
    Ok(())
}
