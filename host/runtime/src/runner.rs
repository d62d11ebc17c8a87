//! Calling hooks and commands.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use skiff_kconfig::Kind;
use skiff_kconfig::Merged;
use skiff_layers::PluginDecl;
use skiff_layers::Stage;
use skiff_plan::Cancel;
use skiff_plan::Cancelled;
use skiff_plan::HookCall;
use skiff_plan::HookFailure;
use skiff_plan::HookRunner;
use skiff_plan::HookStep;
use skiff_plan::Level;
use skiff_plan::PlannedPlugin;
use skiff_plan::PlannedShellHook;
use skiff_plan::Reporter;
use skiff_plan::Target;
use skiff_plan::Zones;
use skiff_plan::harmless;
use wasmtime::Store;
use wasmtime::component::InstancePre;

use crate::CallError;
use crate::Given;
use crate::GivenValue;
use crate::Grants;
use crate::Host;
use crate::HostError;
use crate::LoadError;
use crate::PluginFailure;
use crate::PluginId;
use crate::ScriptEnvironment;
use crate::Scripts;
use crate::bindings;
use crate::bindings::command::exports::skiff::plugin::commands;
use crate::bindings::hook::exports::skiff::plugin::hooks;
use crate::bindings::imports::skiff::host::fault;
use crate::component::Plugin;
use crate::component::Unchecked;
use crate::mount::Mounts;
use crate::process::ToolEnvironment;
use crate::state::State;

/// How often a running call is compared with its limits.
const WATCH: Duration = Duration::from_millis(20);

/// Bytes that a guest may hand over in one call of the host.
const MAX_CALL_BYTES: usize = 1 << 20;

/// Handles that a component may hold.
const MAX_HANDLES: usize = 1000;

/// What plugins may know about the system being built and the machine it is built on.
#[derive(Debug, Clone)]
pub struct System {
    /// The names of all layers in merge order.
    pub layers: Vec<String>,
    /// The merged configurations.
    pub configs: BTreeMap<Kind, Merged>,
    /// What the configuration says about the target.
    pub target: Target,
    /// Words that the layers want on the kernel's command line.
    pub command_line: Vec<String>,
    /// Where tools are found.
    pub tools: ToolEnvironment,
    /// What scripts of layers find around them.
    pub scripts: ScriptEnvironment,
    /// Returns the sentence that says how to install a program.
    pub install_hint: fn(&str) -> String,
}

impl System {
    pub(crate) fn install_hint(&self, tool: &str) -> String {
        (self.install_hint)(tool)
    }
}

/// Calls plugins: loads each when it is first called, checks grants, and gives every call a store of its own.
pub struct Runner {
    host: Host,
    system: Arc<System>,
    grants: Grants,
    cancel: Cancel,
    reporter: Arc<dyn Reporter>,
    loaded: Mutex<BTreeMap<PluginId, Arc<Plugin>>>,
}

impl Runner {
    /// Makes a runner for one system.
    ///
    /// # Errors
    /// [`HostError`] when wasmtime or the operating system refuses.
    pub fn new(system: System, grants: Grants, cancel: Cancel, reporter: Arc<dyn Reporter>) -> Result<Self, HostError> {
        let loaded = Mutex::new(BTreeMap::new());
        Ok(Self { host: Host::new()?, system: Arc::new(system), grants, cancel, reporter, loaded })
    }

    /// Runs a command of a plugin and returns its exit status, and what it printed to stdout.
    ///
    /// # Errors
    /// [`CallError`]: not loaded, not granted, failed, crashed or stopped.
    pub fn run_command(
        &self,
        planned: &PlannedPlugin,
        command: &str,
        given: &Given,
        zones: &Zones,
    ) -> Result<(i32, Vec<u8>), CallError> {
        let plugin = self.ready(&planned.layer, &planned.plugin)?;
        let arguments: Vec<_> = given.iter().map(argument).collect();
        let state = self.state(&plugin, &planned.layer_root, zones, given.clone())?;
        let (called, stdout) = self.bounded(&plugin, state, async |store, pre| {
            let instance = bindings::command::CommandPluginPre::new(pre)?.instantiate_async(&mut *store).await?;
            let called = instance.skiff_plugin_commands().call_invoke(&mut *store, command, &arguments).await?;
            Ok((called, store.data().stdout()))
        })?;
        called.map(|status| (status, stdout)).map_err(|fault| failed(&plugin, fault))
    }

    fn run_stage(&self, call: &HookCall, zones: &Zones) -> Result<(), CallError> {
        let plugin = self.ready(&call.layer, &call.plugin)?;
        if !plugin.decl.hooks.contains(&call.stage) {
            return Err(CallError::NoHook { plugin: plugin.id.clone(), stage: call.stage });
        }
        let stage = match call.stage {
            Stage::Pre => hooks::Stage::Pre,
            Stage::Post => hooks::Stage::Post,
        };
        let state = self.state(&plugin, &call.layer_root, zones, Given::default())?;
        let called = self.bounded(&plugin, state, async |store, pre| {
            let instance = bindings::hook::HookPluginPre::new(pre)?.instantiate_async(&mut *store).await?;
            let called = instance.skiff_plugin_hooks().call_run(&mut *store, stage).await?;
            // A hook has no reader of its own.
            store.data_mut().flush_stdout(Level::Info);
            Ok(called)
        })?;
        called.map_err(|fault| failed(&plugin, fault))
    }

    fn ready_script(&self, hook: &PlannedShellHook) -> Result<Scripts, CallError> {
        let scripts = Scripts::read(&hook.layer, &hook.layer_root)?;
        scripts.check(&self.grants, &hook.path)?;
        Scripts::check_hook(hook)?;
        Ok(scripts)
    }

    /// Loads a plugin, the first time, after checking that all it declares is granted to its bytes.
    fn ready(&self, layer: &str, decl: &PluginDecl) -> Result<Arc<Plugin>, CallError> {
        let id = PluginId::new(layer, &decl.name);
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plugin) = loaded.get(&id) {
            return Ok(Arc::clone(plugin));
        }
        let unchecked = Unchecked::read(layer, decl)?;
        // Consent comes first: not even the compiler sees bytes that nobody has agreed to.
        self.grants.check(&id, unchecked.digest, &decl.capabilities)?;
        let plugin = Arc::new(self.host.compile(unchecked, decl)?);
        loaded.insert(id, Arc::clone(&plugin));
        Ok(plugin)
    }

    fn state(&self, plugin: &Arc<Plugin>, layer_root: &Path, zones: &Zones, given: Given) -> Result<State, CallError> {
        let mounts = Mounts::open(&plugin.id, layer_root, zones, &plugin.decl.capabilities)?;
        let (system, reporter) = (Arc::clone(&self.system), Arc::clone(&self.reporter));
        State::new(Arc::clone(plugin), system, given, mounts, self.cancel.clone(), reporter, zones.epoch)
            .map_err(|error| CallError::Trap { plugin: plugin.id.clone(), message: format!("{error:#}") })
    }

    /// Runs `body` in a fresh store until it ends, its limits are reached or the user wants to stop.
    fn bounded<T>(
        &self,
        plugin: &Arc<Plugin>,
        state: State,
        body: impl AsyncFnOnce(&mut Store<State>, InstancePre<State>) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        let link = |error: wasmtime::Error| {
            let message = format!("{error:#}").replace('\n', " ");
            CallError::Load(LoadError::Link { plugin: plugin.id.clone(), message })
        };
        let pre = self.host.linker.instantiate_pre(&plugin.component).map_err(link)?;
        let clock = Arc::clone(&state.clock);
        let mut store = Store::new(&self.host.engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        store.set_hostcall_fuel(MAX_CALL_BYTES);
        store.set_max_component_handles(MAX_HANDLES);
        let allowed = Duration::from_secs(plugin.decl.limits.time_s.into());
        let watch = async {
            loop {
                tokio::time::sleep(WATCH).await;
                if clock.worked() > allowed {
                    return Stopped::Late;
                }
                // A tool is told of Ctrl-C itself, and is waited for.
                if self.cancel.is_cancelled() && !clock.is_paused() {
                    return Stopped::Cancelled;
                }
            }
        };
        let outcome = self.host.runtime.block_on(async {
            tokio::select! {
                biased;
                result = body(&mut store, pre) => Ok(result),
                stopped = watch => Err(stopped),
            }
        });
        let level = if matches!(outcome, Ok(Ok(_))) { Level::Info } else { Level::Error };
        store.data_mut().flush_stderr(level);
        let (id, limits) = (plugin.id.clone(), plugin.decl.limits);
        match outcome {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(_)) if store.data().memory.exceeded => Err(CallError::Memory { plugin: id, limits }),
            Ok(Err(error)) => Err(CallError::Trap { plugin: id, message: harmless(&error.root_cause().to_string()) }),
            Err(Stopped::Late) => Err(CallError::Timeout { plugin: id, limits }),
            Err(Stopped::Cancelled) => Err(CallError::Cancelled(Cancelled)),
        }
    }

    /// Returns who a planned plugin is and the digest of its component: what a grant is bound to.
    ///
    /// # Errors
    /// [`LoadError`] when the component cannot be read.
    pub fn identify(planned: &PlannedPlugin) -> Result<(PluginId, skiff_plan::Digest), LoadError> {
        let unchecked = Unchecked::read(&planned.layer, &planned.plugin)?;
        Ok((unchecked.id, unchecked.digest))
    }
}

enum Stopped {
    Late,
    Cancelled,
}

impl HookRunner for Runner {
    fn check_hook(&self, step: &HookStep) -> Result<(), HookFailure> {
        let checked = match step {
            HookStep::Component(call) => self.ready(&call.layer, &call.plugin).map(drop),
            HookStep::Script(hook) => self.ready_script(hook).map(drop),
        };
        checked.map_err(|error| step.failure(Box::new(error)))
    }

    fn run_hook(&self, step: &HookStep, zones: &Zones) -> Result<(), HookFailure> {
        let ran = match step {
            HookStep::Component(call) => self.run_stage(call, zones),
            HookStep::Script(hook) => {
                self.ready_script(hook).and_then(|scripts| scripts.run_hook(hook, &self.system.scripts))
            }
        };
        ran.map_err(|error| step.failure(Box::new(error)))
    }
}

fn argument((name, value): (&str, &GivenValue)) -> commands::Argument {
    let value = match value {
        GivenValue::Flag(flag) => commands::Value::Flag(*flag),
        GivenValue::Number(number) => commands::Value::Number(*number),
        GivenValue::Text(text) => commands::Value::Text(text.clone()),
        GivenValue::Many(words) => commands::Value::Many(words.clone()),
    };
    commands::Argument { name: name.to_owned(), value }
}

/// What a plugin says about its failure stands behind skiff's own words: it gets one line of bounded length.
fn one_line(text: &str) -> String {
    const MAX: usize = 2000;
    let text = harmless(text).replace('\n', " ");
    text.get(..text.floor_char_boundary(MAX)).unwrap_or_default().to_owned()
}

fn failed(plugin: &Plugin, fault: fault::Failure) -> CallError {
    CallError::Failed(PluginFailure {
        plugin: plugin.id.clone(),
        refused: matches!(fault.kind, fault::Kind::Refused),
        message: one_line(&fault.message),
        hint: fault.hint.map(|hint| one_line(&hint)),
        subject: fault.subject.map(|subject| one_line(&subject)),
    })
}
