use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use wasmtime::Config;
use wasmtime::Engine;
use wasmtime::component::HasSelf;
use wasmtime::component::Linker;

use crate::HostError;
use crate::bindings::imports::skiff::host;
use crate::state::State;

/// How often running guests are interrupted, so that a limit or Ctrl-C can take effect.
const TICK: Duration = Duration::from_millis(10);

/// Bytes of stack that a guest may use.
const GUEST_STACK: usize = 1 << 20;

/// The component host: one engine, one set of interfaces, for all plugins of a process.
pub struct Host {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<State>,
    pub(crate) runtime: tokio::runtime::Runtime,
    _ticker: Ticker,
}

impl Host {
    /// Sets up the host.
    ///
    /// # Errors
    /// [`HostError`] when wasmtime or the operating system refuses.
    pub fn new() -> Result<Self, HostError> {
        let engine = Engine::new(&config()).map_err(|error| HostError::Engine(format!("{error:#}")))?;
        let linker = linker(&engine).map_err(|error| HostError::Engine(format!("{error:#}")))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(HostError::Runtime)?;
        let ticker = Ticker::start(engine.clone()).map_err(HostError::Runtime)?;
        Ok(Self { engine, linker, runtime, _ticker: ticker })
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(GUEST_STACK * 2)
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

fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    host::report::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    host::context::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    host::tools::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    Ok(linker)
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
