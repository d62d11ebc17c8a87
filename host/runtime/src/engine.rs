use std::collections::BTreeMap;
use std::hash::BuildHasher as _;
use std::hash::BuildHasherDefault;
use std::hash::DefaultHasher;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use wasmtime::Config;
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::HostError;
use crate::Workshop;
use crate::cache::Cache;
use crate::capability::Imports;
use crate::compiler::Compiler;
use crate::state::State;

/// How often running guests are interrupted, so that a limit or Ctrl-C can take effect.
const TICK: Duration = Duration::from_millis(10);

/// Bytes of stack that a guest may use.
const GUEST_STACK: usize = 1 << 20;

/// The component host: one engine for all plugins of a process, and a linker for each set of imports.
pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) cache: Option<Cache>,
    pub(crate) compiler: Compiler,
    linkers: Mutex<BTreeMap<Imports, Arc<Linker<State>>>>,
    _ticker: Ticker,
}

impl Host {
    /// Sets up the host.
    ///
    /// # Errors
    /// [`HostError`] when wasmtime or the operating system refuses.
    pub(crate) fn new(workshop: &Workshop) -> Result<Self, HostError> {
        // What is not needed to run is not set up: whoever compiles is another process.
        let engine = engine(config().enable_compiler(false))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(HostError::Runtime)?;
        let ticker = Ticker::start(engine.clone()).map_err(HostError::Runtime)?;
        let compatibility =
            BuildHasherDefault::<DefaultHasher>::default().hash_one(engine.precompile_compatibility_hash());
        let cache = workshop.cache.as_deref().and_then(|folder| Cache::open(folder, compatibility));
        let compiler = Compiler::new(workshop.compiler.clone());
        Ok(Self { engine, runtime, cache, compiler, linkers: Mutex::new(BTreeMap::new()), _ticker: ticker })
    }

    /// Returns the linker of plugins that may import the same.
    pub(crate) fn linker(&self, imports: &Imports) -> wasmtime::Result<Arc<Linker<State>>> {
        let mut linkers = self.linkers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(linker) = linkers.get(imports) {
            return Ok(Arc::clone(linker));
        }
        let mut linker = Linker::new(&self.engine);
        imports.link(&mut linker)?;
        let linker = Arc::new(linker);
        linkers.insert(imports.clone(), Arc::clone(&linker));
        Ok(linker)
    }
}

/// Makes an engine that compiles.
pub(crate) fn compiling_engine() -> Result<Engine, HostError> {
    engine(&config())
}

fn engine(config: &Config) -> Result<Engine, HostError> {
    Engine::new(config).map_err(|error| HostError::Engine(format!("{error:#}")))
}

/// All engines of one skiff are alike, so that one can run what another has compiled.
fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(GUEST_STACK * 2)
        // Most components are instantiated once: then copying their few pages is cheaper than sharing them.
        .memory_init_cow(false)
        // Nobody is shown where in the machine code a guest has crashed, and the map takes a third of what is kept of it.
        .generate_address_map(false)
        // A plugin is a plain single-threaded program: everything else would only be more to defend.
        .concurrency_support(false)
        .shared_memory(false)
        .wasm_threads(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_memory64(false);
    config
}

/// Advances the engine's epoch until dropped.
struct Ticker(Arc<AtomicBool>);

impl Ticker {
    fn start(engine: Engine) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        thread::Builder::new().name("skiff-epoch".into()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                thread::sleep(TICK);
                engine.increment_epoch();
            }
        })?;
        Ok(Self(stop))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
