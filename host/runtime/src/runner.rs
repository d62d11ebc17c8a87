//! Getting plugins ready and bounding what a call of one may use up.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use skiff_layers::Capability;
use skiff_layers::Identified;
use skiff_layers::LayerPlugin;
use skiff_layers::Zone;
use skiff_plan::Contribution;
use skiff_plan::HookCall;
use skiff_plan::HookFailure;
use skiff_plan::HookRunner;
use skiff_plan::HookStep;
use skiff_plan::PlannedShellHook;
use skiff_plan::Zones;
use skiff_report::Cancel;
use skiff_report::Cancelled;
use skiff_report::Level;
use skiff_report::Reporter;

use wasmtime::Store;
use wasmtime::component::InstancePre;

use crate::AuditEvent;
use crate::AuditLog;
use crate::CallError;
use crate::Downloads;
use crate::FactsError;
use crate::Given;
use crate::Grants;
use crate::HostError;
use crate::Identity;
use crate::Inspection;
use crate::Late;
use crate::LazyFacts;
use crate::LoadError;
use crate::PluginId;
use crate::ScriptEnvironment;
use crate::Scripts;
use crate::Tape;
use crate::ToolEnvironment;
use crate::bindings::imports::skiff::host::fault;
use crate::capability::files::Mounts;
use crate::component::Plugin;
use crate::component::Unchecked;
use crate::engine::Host;
use crate::identity::real;
use crate::interface::AnswerTooLarge;
use crate::invoke::failed;
use crate::invoke::one_line;
use crate::state::State;
use crate::state::Time;

/// How often a running call is compared with its limits.
const WATCH: Duration = Duration::from_millis(20);

/// Bytes that a guest may hand over in one call of the host.
const MAX_CALL_BYTES: usize = 1 << 20;

/// Handles that a component may hold.
const MAX_HANDLES: usize = 1000;

/// Components that are loaded at the same time.
const MAX_WORKERS: usize = 8;

/// Where components are compiled, and where what comes of it is kept.
#[derive(Debug, Clone, Default)]
pub struct Workshop {
    /// The directory with compiled components; `None` compiles them each time.
    pub cache: Option<PathBuf>,
    /// The program that calls [`precompile`](crate::precompile), and its first arguments.
    pub compiler: Vec<PathBuf>,
}

/// What plugins may know about the system being built and the machine it is built on.
#[derive(Debug, Clone)]
pub struct System {
    /// What they may know about the system.
    pub facts: Arc<LazyFacts>,
    /// Where tools are found.
    pub tools: ToolEnvironment,
    /// What scripts of layers find around them.
    pub scripts: ScriptEnvironment,
    /// Where downloads come from.
    pub downloads: Downloads,
    /// Where it is noted what plugins do beyond their sandbox.
    pub audit: Arc<AuditLog>,
    /// Where tools are recorded, or answer from.
    pub tape: Option<Arc<Tape>>,
    /// Returns the sentence that says how to install a program.
    pub install_hint: fn(&str) -> String,
}

impl System {
    pub(crate) fn install_hint(&self, tool: &str) -> String {
        (self.install_hint)(tool)
    }
}

/// What a loaded plugin is found by: its name, the directory of the layer that ships it (two layers can have one name), and
/// that of the layer for which it works.
type LoadedKey = (PluginId, PathBuf, PathBuf);

/// Calls plugins: loads each when it is first called, checks grants, and gives every call a store of its own.
pub struct Runner {
    host: Host,
    system: Arc<System>,
    grants: Grants,
    cancel: Cancel,
    reporter: Arc<dyn Reporter>,
    loaded: Mutex<BTreeMap<LoadedKey, Arc<Plugin>>>,
}

impl Runner {
    /// Makes a runner for one system.
    ///
    /// # Errors
    /// [`HostError`] when wasmtime or the operating system refuses.
    pub fn new(
        system: System,
        workshop: &Workshop,
        grants: Grants,
        cancel: Cancel,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, HostError> {
        let loaded = Mutex::new(BTreeMap::new());
        Ok(Self { host: Host::new(workshop)?, system: Arc::new(system), grants, cancel, reporter, loaded })
    }

    fn run_script(&self, hook: &PlannedShellHook) -> Result<(), CallError> {
        let scripts = self.ready_script(hook)?;
        let event = AuditEvent::Script { path: hook.path.clone() };
        let noted = self.system.audit.note(&scripts.identity.plugin, scripts.identity.digest, event);
        noted.map_err(|source| CallError::Audit { path: self.system.audit.path().to_owned(), source })?;
        scripts.run_hook(hook, &self.system.scripts)
    }

    fn ready_script(&self, hook: &PlannedShellHook) -> Result<Scripts, CallError> {
        let scripts = Scripts::read(&hook.layer, &hook.layer_dir, &self.cancel)?;
        scripts.check(&self.grants, &hook.path)?;
        Scripts::check_hook(hook)?;
        Ok(scripts)
    }

    /// Loads a plugin, the first time, after checking that all it declares is granted to its bytes.
    pub(crate) fn ready(&self, source: &LayerPlugin) -> Result<Arc<Plugin>, CallError> {
        let LayerPlugin { owner, layer, .. } = source;
        let key = (PluginId::of(source), owner.root.clone(), layer.root.clone());
        if let Some(plugin) = self.loaded().get(&key) {
            return Ok(Arc::clone(plugin));
        }
        // Consent comes first: not even the compiler sees bytes that nobody has agreed to.
        let identity = Self::identify(source)?;
        self.check_grants(&identity, source)?;
        let plugin = match self.host.load_compiled(&identity, source)? {
            Some(plugin) => plugin,
            None => {
                let unchecked = Unchecked::read(source)?;
                // The file may have changed since it was identified.
                self.check_grants(&Identity { digest: unchecked.digest, ..identity }, source)?;
                self.host.load(&unchecked, source, &self.cancel)??
            }
        };
        let plugin = Arc::new(plugin);
        self.loaded().insert(key, Arc::clone(&plugin));
        Ok(plugin)
    }

    /// Checks that a plugin is granted all that it declares.
    fn check_grants(&self, identity: &Identity, source: &LayerPlugin) -> Result<(), CallError> {
        self.grants.check(identity, &source.decl.capabilities).map_err(|denied| {
            let event = AuditEvent::Refused { reason: denied.to_string() };
            // It is refused in any case; if it cannot be noted, that must not hide the reason.
            let _ = self.system.audit.note(&identity.plugin, identity.digest, event);
            denied.into()
        })
    }

    fn loaded(&self) -> MutexGuard<'_, BTreeMap<LoadedKey, Arc<Plugin>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what belongs to one call of a plugin.
    pub(crate) fn state(&self, plugin: &Arc<Plugin>, zones: &Zones, given: Given) -> Result<State, CallError> {
        let mounts = Mounts::open(&plugin.source, zones, &plugin.decl().capabilities)?;
        self.new_state(plugin, mounts, zones.epoch.map_or(Time::Now, Time::OfBuild), given)
    }

    /// Makes what belongs to a call whose outcome may depend on the layers alone.
    pub(crate) fn pure_state(&self, plugin: &Arc<Plugin>, zones: &Zones) -> Result<State, CallError> {
        let reads = |capability: &&Capability| matches!(capability, Capability::Files(access) if matches!(access.zone, Zone::Layer | Zone::Layers));
        let capabilities: Vec<_> = plugin.decl().capabilities.iter().filter(reads).cloned().collect();
        let mounts = Mounts::open(&plugin.source, zones, &capabilities)?;
        self.new_state(plugin, mounts, Time::Pure, Given::default())
    }

    fn new_state(&self, plugin: &Arc<Plugin>, mounts: Mounts, time: Time, given: Given) -> Result<State, CallError> {
        let (system, reporter) = (Arc::clone(&self.system), Arc::clone(&self.reporter));
        State::new(Arc::clone(plugin), system, given, mounts, self.cancel.clone(), reporter, time)
            .map_err(|error| CallError::Trap { plugin: plugin.id.clone(), message: format!("{error:#}") })
    }

    /// Runs `body` in a fresh store until it ends, its limits are reached or the user wants to stop.
    pub(crate) fn bounded<T>(
        &self,
        plugin: &Arc<Plugin>,
        state: State,
        body: impl AsyncFnOnce(&mut Store<State>, InstancePre<State>) -> wasmtime::Result<Result<T, fault::Failure>>,
    ) -> Result<T, CallError> {
        let ready = plugin.ready.clone();
        let clock = Arc::clone(&state.clock);
        let mut store = Store::new(&self.host.engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        store.set_hostcall_fuel(MAX_CALL_BYTES);
        store.set_max_component_handles(MAX_HANDLES);
        let watch = async {
            loop {
                tokio::time::sleep(WATCH).await;
                if let Some(late) = clock.late() {
                    return Stopped::Late(late);
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
                result = body(&mut store, ready) => Ok(result),
                stopped = watch => Err(stopped),
            }
        });
        let level = if matches!(outcome, Ok(Ok(_))) { Level::Info } else { Level::Error };
        store.data_mut().flush_stderr(level);
        let (id, limits) = (plugin.id.clone(), plugin.decl().limits);
        let too_late = |late| CallError::Timeout { plugin: plugin.id.clone(), limits, late };
        match outcome {
            Ok(Ok(Ok(value))) => Ok(value),
            // Whoever was stopped in a call of the host may make something else of it.
            Ok(Ok(Err(_))) if self.cancel.is_cancelled() => Err(CallError::Cancelled(Cancelled)),
            Ok(Ok(Err(fault))) => Err(clock.late().map_or_else(|| failed(id, fault), too_late)),
            Ok(Err(_)) if store.data().memory.exceeded => Err(CallError::Memory { plugin: id, limits }),
            Ok(Err(error)) => Err(match (error.downcast_ref::<AnswerTooLarge>(), error.downcast_ref::<FactsError>()) {
                (Some(answer), _) => CallError::Answer { plugin: id, answer: *answer },
                (None, Some(source)) => CallError::Facts { plugin: id, source: source.clone() },
                (None, None) => CallError::Trap { plugin: id, message: one_line(&error.root_cause().to_string()) },
            }),
            Err(Stopped::Late(late)) => Err(too_late(late)),
            Err(Stopped::Cancelled) => Err(CallError::Cancelled(Cancelled)),
        }
    }

    /// Returns who a planned plugin is: what a grant is bound to.
    ///
    /// # Errors
    /// [`LoadError`] when the component cannot be read.
    pub fn identify(plugin: &LayerPlugin) -> Result<Identity, LoadError> {
        let found = || Ok(Identified { digest: Unchecked::read(plugin)?.digest, root: real(&plugin.owner.root) });
        let Identified { digest, root } = plugin.identified(found)?.clone();
        Ok(Identity { plugin: PluginId::of(plugin), digest, root })
    }

    /// Returns what a component really imports and exports. It is compiled for that, and nothing of it runs.
    ///
    /// # Errors
    /// [`CallError`] when it cannot be read or is no component.
    pub fn inspect(&self, plugin: &LayerPlugin) -> Result<Inspection, CallError> {
        let unchecked = Unchecked::read(plugin)?;
        Ok(self.host.inspect(&unchecked, &plugin.decl, &self.cancel)??)
    }

    /// Checks that a component is what its manifest says, whether it is granted anything or not. It is compiled for that,
    /// and nothing of it runs.
    ///
    /// # Errors
    /// [`CallError`] with the first thing that does not fit.
    pub fn check(&self, plugin: &LayerPlugin) -> Result<Inspection, CallError> {
        let unchecked = Unchecked::read(plugin)?;
        self.host.load(&unchecked, plugin, &self.cancel)??;
        Ok(self.host.inspect(&unchecked, &plugin.decl, &self.cancel)??)
    }

    fn check_step(&self, step: &HookStep) -> Result<(), HookFailure> {
        let checked = match step {
            HookStep::Component(call) => self.ready(&call.plugin).map(drop),
            HookStep::Script(hook) => self.ready_script(hook).map(drop),
        };
        checked.map_err(|error| step.failure(Box::new(error)))
    }
}

enum Stopped {
    Late(Late),
    Cancelled,
}

impl HookRunner for Runner {
    fn check_hooks(&self, steps: &[HookStep]) -> Result<(), HookFailure> {
        let workers = thread::available_parallelism().map_or(1, usize::from).min(steps.len()).min(MAX_WORKERS);
        if workers < 2 {
            return steps.iter().try_for_each(|step| self.check_step(step));
        }
        // Whoever is free takes the next; the first failure in the order of the steps is the one that is told.
        let next = AtomicUsize::new(0);
        let results: Vec<OnceLock<Result<(), HookFailure>>> = steps.iter().map(|_| OnceLock::new()).collect();
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some((step, result)) = {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        steps.get(at).zip(results.get(at))
                    } {
                        // Nobody else has this place.
                        let _ = result.set(self.check_step(step));
                    }
                });
            }
        });
        results.into_iter().filter_map(OnceLock::into_inner).collect()
    }

    fn run_hook(&self, step: &HookStep, zones: &Zones) -> Result<(), HookFailure> {
        let ran = match step {
            HookStep::Component(call) => self.run_stage(call, zones),
            HookStep::Script(hook) => self.run_script(hook),
        };
        ran.map_err(|error| step.failure(Box::new(error)))
    }

    fn contribute(&self, call: &HookCall, zones: &Zones) -> Result<Vec<Contribution>, HookFailure> {
        self.contributions(call, zones).map_err(|error| call.failure(Box::new(error)))
    }
}
