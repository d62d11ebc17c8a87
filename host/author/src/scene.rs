use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use skiff_layers::ArgumentKind;
use skiff_layers::LayerPlugin;
use skiff_layers::Stage;
use skiff_plan::HookCall;
use skiff_plan::HookRunner as _;
use skiff_plan::HookStep;
use skiff_plan::Zones;
use skiff_report::Event;
use skiff_report::Reporter;
use skiff_runtime::Downloads;
use skiff_runtime::Facts;
use skiff_runtime::Given;
use skiff_runtime::GivenValue;
use skiff_runtime::Runner;
use skiff_runtime::System;
use skiff_runtime::Tape;
use skiff_runtime::state_folder;
use skiff_tree::Temporary;

use crate::case::Case;
use crate::case::Outcome;
use crate::folder::copy;
use crate::folder::unreadable;
use skiff_project::Session;

use crate::error::Error;
use crate::error::Result;

/// Seconds since 1970 that every case believes it is.
const EPOCH: u32 = 0;

/// The directories and the host in which a case is played.
pub(crate) struct Scene {
    folder: Temporary,
    runner: Runner,
    zones: Zones,
    said: Arc<Said>,
}

impl Scene {
    pub(crate) fn set(
        session: &Session,
        plugin: &LayerPlugin,
        folder: &Path,
        case: &Case,
        tape: &Arc<Tape>,
        offline: bool,
    ) -> Result<Self> {
        let room = session.console.environment.temporary();
        let scene = Temporary::new("skiff-case-", &room).map_err(|error| unreadable(&room, error))?;
        let at = |name: &str| scene.path().join(name);
        let before = folder.join("before");
        for (zone, place) in [
            ("target", at("target")),
            ("images", at("images")),
            ("state", at("state").join(state_folder(plugin, &at("state")))),
        ] {
            fs::create_dir_all(&place)
                .and_then(|()| if before.join(zone).is_dir() { copy(&before.join(zone), &place) } else { Ok(()) })
                .map_err(|error| unreadable(&place, error))?;
        }
        let layers = before.join("layers");
        if layers.is_dir() {
            copy(&layers, &at("layers")).map_err(|error| unreadable(&layers, error))?;
        }
        let own = [plugin.layer.name.clone()];
        let names = if case.layers.is_empty() { &own[..] } else { &case.layers };
        let layer = |(position, name): (usize, &String)| {
            let given = at("layers").join(format!("{position:02}"));
            let is_own = *name == plugin.layer.name && !given.is_dir();
            (name.clone(), if is_own { plugin.layer.root.clone() } else { given })
        };
        let zones = Zones {
            layers: names.iter().enumerate().map(layer).collect(),
            target: Some(at("target")),
            images: Some(at("images")),
            state: at("state"),
            epoch: Some(EPOCH),
        };
        let said = Arc::new(Said::default());
        let configs = case.configs(folder)?;
        let target = configs.get(&skiff_kconfig::Kind::Buildroot).map(skiff_plan::Target::of).transpose()?;
        let (layers, target) = (names.to_vec(), target.unwrap_or_default());
        let system = System {
            facts: Arc::new(Facts { layers, configs, target, ..Facts::default() }.into()),
            downloads: Downloads { folder: folder.join("fetch"), offline, ..session.downloads()? },
            tape: Some(Arc::clone(tape)),
            ..session.bare_system()?
        };
        let runner = session.runner_with(system, Arc::clone(&said) as Arc<dyn Reporter>)?;
        Ok(Self { folder: scene, runner, zones, said })
    }

    pub(crate) fn zone(&self, zone: &str, plugin: &LayerPlugin) -> PathBuf {
        match zone {
            "state" => self.zones.state.join(state_folder(plugin, &self.zones.state)),
            other => self.folder.path().join(other),
        }
    }

    /// Makes the call.
    pub(crate) fn play(&self, plugin: &LayerPlugin, case: &Case) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        if let Some(command) = &case.command {
            match self.runner.run_command(plugin, command, &given(plugin, command, case)?, &self.zones) {
                Ok((status, stdout)) => {
                    outcome.status = Some(status);
                    outcome.stdout = String::from_utf8_lossy(&stdout).into_owned();
                }
                Err(error) => outcome.failure = Some(error.to_string()),
            }
        }
        if let Some(stage) = case.hook {
            let call = HookCall { plugin: plugin.clone(), stage };
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
fn given(plugin: &LayerPlugin, command: &str, case: &Case) -> Result<Given> {
    let Some(decl) = plugin.decl.command(command) else {
        return Err(Error::NoCommand(command.to_owned()));
    };
    let mut given = Given::default();
    for argument in &decl.arguments {
        match (case.arguments.get(&argument.name), &argument.default) {
            (Some(value), _) => given.insert(&argument.name, value.clone()),
            (None, _) if argument.kind == ArgumentKind::Flag => given.insert(&argument.name, GivenValue::Flag(false)),
            (None, Some(default)) => {
                given.insert_default(&argument.name, skiff_project::package::read_value(argument, default)?)
            }
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
