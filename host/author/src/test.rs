//! The tests of a plugin: those that its language has, and recorded cases.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use skiff_layers::Capability;
use skiff_layers::LayerPlugin;
use skiff_project::Session;
use skiff_project::consent;
use skiff_runtime::PluginId;
use skiff_runtime::Runner;
use skiff_runtime::Standing;
use skiff_runtime::Tape;

use crate::case::Case;
use crate::case::FILE;
use crate::case::Outcome;
use crate::error::Error;
use crate::error::Result;
use crate::folder;
use crate::folder::changes;
use crate::folder::copy;
use crate::folder::unreadable;
use crate::scene::Scene;
use crate::source::Language;
use crate::source::Source;

/// The zones that a case compares.
const COMPARED: [&str; 3] = ["images", "state", "target"];

/// The tests of a plugin for the layer for which it works. Cases of a plugin that the layer uses are the layer's: they are
/// about its settings.
pub struct Suite<'a> {
    session: &'a Session,
    plugin: &'a LayerPlugin,
    /// The directory with its cases.
    cases: PathBuf,
    /// The sources; none if the plugin is another layer's.
    source: Option<Source>,
}

impl<'a> Suite<'a> {
    /// Finds the tests of a plugin.
    ///
    /// # Errors
    /// If it has no sources, or if a link is on the way to its cases.
    pub fn find(session: &'a Session, plugin: &'a LayerPlugin) -> Result<Self> {
        let layer = &plugin.layer;
        let source = if plugin.is_used() { None } else { Some(Source::find(layer, &plugin.decl)?) };
        let cases = layer.root.join("plugins").join(&plugin.decl.name).join("tests");
        folder::check_way(&layer.root, &cases)?;
        Ok(Self { session, plugin, cases, source })
    }

    /// Returns the name of the plugin with that of its layer.
    pub fn id(&self) -> PluginId {
        PluginId::new(&self.plugin.layer.name, &self.plugin.decl.name)
    }

    /// Sees to it that the user trusts the sources, if tests of their language are to be run. `now` says that they do.
    ///
    /// # Errors
    /// If they do not.
    pub fn trust(&self, now: bool) -> Result<()> {
        let Some(source) = &self.source else { return Ok(()) };
        let id = self.id();
        if source.is_newer(&self.plugin.decl.component) {
            self.session
                .console
                .warn(&format!("the sources of {id} have changed since it was built: skiff plugin build {id}"));
        }
        match source.language {
            Language::Rust => source.trust(self.session, id.as_str(), now),
            Language::C | Language::Python | Language::Javascript => Ok(()),
        }
    }

    /// Returns whether the language of the sources has tests of its own.
    pub fn has_native(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.language == Language::Rust)
    }

    /// Runs the tests that the language of the sources has of its own. Returns whether they passed.
    ///
    /// # Errors
    /// If they cannot be run.
    pub fn native(&self) -> Result<bool> {
        let Some(source) = self.source.as_ref().filter(|_| self.has_native()) else { return Ok(true) };
        let target = source.compiler_cache(self.session)?.join("plugin-target/native");
        fs::create_dir_all(&target).map_err(|error| unreadable(&target, error))?;
        let status = self.session.console.passing(|| {
            Command::new("cargo")
                .args(["test", "--quiet", "--target-dir"])
                .arg(&target)
                // Not where the user is: cargo and rustup read settings from all directories above.
                .current_dir(&target)
                .arg("--manifest-path")
                .arg(source.folder.join("Cargo.toml"))
                .status()
        });
        status.map(|status| status.success()).map_err(Error::Cargo)
    }

    /// Returns the directories that hold a case, in byte order.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn cases(&self) -> Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.cases) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(&self.cases, error)),
        };
        let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        folders.retain(|folder| folder.join(FILE).is_file());
        folders.sort();
        Ok(folders)
    }

    /// Plays a case back and returns what is not as it was recorded.
    ///
    /// # Errors
    /// If the case means nothing, or if the plugin cannot be called.
    pub fn replay(&self, folder: &Path) -> Result<Vec<String>> {
        folder::check(folder)?;
        let case = Case::read(folder)?;
        let tape = Arc::new(Tape::replay(folder.to_owned(), case.tools.clone()));
        // In a directory of its own and without tools, a test needs no consent.
        let (session, plugin) = (self.session, self.plugin);
        let identity = Runner::identify(plugin)?;
        session.grant_for_now(&identity, plugin.decl.capabilities.iter().map(Capability::id).collect());
        let scene = Scene::set(session, plugin, folder, &case, &tape, true)?;
        let outcome = scene.play(plugin, &case)?;
        let mut wrong = tape.deviations();
        wrong.extend(differences(&case.expect, &outcome));
        for zone in COMPARED {
            wrong.extend(changes(zone, &folder.join("after").join(zone), &scene.zone(zone, plugin))?);
        }
        Ok(wrong)
    }

    /// Runs a case with the real tools and notes what comes of it. `new` is the call of a case that is not there yet.
    ///
    /// # Errors
    /// If a new case has no call, or a known one a second; if the plugin is not granted what it declares; if something cannot be
    /// written.
    pub fn record(&self, name: &str, new: Option<Case>) -> Result<()> {
        if name.contains('/') || name.starts_with('.') {
            return Err(Error::CaseName(name.to_owned()));
        }
        let folder = &self.cases.join(name);
        if folder.exists() {
            folder::check(folder)?;
        }
        let mut case = match (folder.join(FILE).is_file(), new) {
            (true, None) => Case::read(folder)?,
            (false, Some(new)) => new,
            (true, Some(_)) => return Err(Error::HasCall(folder.clone())),
            (false, None) => return Err(Error::NoCall),
        };
        let (session, plugin) = (self.session, self.plugin);
        consent::obtain(session, [plugin])?;
        let identity = Runner::identify(plugin)?;
        if let Standing::Missing(denied) = session.grants()?.standing(&identity, &plugin.decl.capabilities) {
            return Err(skiff_project::Error::from(denied).into());
        }
        fs::create_dir_all(folder).map_err(|error| unreadable(folder, error))?;
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == "after" || name == "fetch" || name.starts_with("tool-") {
                skiff_tree::remove(rustix::fs::CWD, &entry.path(), &|| Ok(()))
                    .map_err(|error| unreadable(&entry.path(), error.into()))?;
            }
        }
        let tape = Arc::new(Tape::record(folder.clone()));
        let scene = Scene::set(session, plugin, folder, &case, &tape, false)?;
        case.expect = scene.play(plugin, &case)?;
        case.tools = tape.recorded();
        for zone in COMPARED {
            let (from, into) = (scene.zone(zone, plugin), folder.join("after").join(zone));
            if fs::read_dir(&from).is_ok_and(|mut entries| entries.next().is_some()) {
                copy(&from, &into).map_err(|error| unreadable(&into, error))?;
            }
        }
        case.write(folder)
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
