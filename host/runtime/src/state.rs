//! What belongs to one call: made before it, dropped after it.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use skiff_report::Cancel;
use skiff_report::Event;
use skiff_report::Level;
use skiff_report::Reporter;
use skiff_text::harmless;
use wasmtime::ResourceLimiter;
use wasmtime_wasi::Deterministic;
use wasmtime_wasi::FsPerms;
use wasmtime_wasi::HostMonotonicClock;
use wasmtime_wasi::HostWallClock;
use wasmtime_wasi::ResourceTable;
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::WasiCtxView;
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;

use crate::AuditEvent;
use crate::Given;
use crate::PluginId;
use crate::System;
use crate::bindings::imports::skiff::host::fault::Code;
use crate::bindings::imports::skiff::host::fault::Failure;
use crate::capability::Budgets;
use crate::capability::files::Mounts;
use crate::clock::WorkClock;
use crate::component::Plugin;
use crate::interface::failure;
use crate::interface::listing::Listings;
use skiff_text::Shown as _;

/// Bytes of log text that a call may send.
const MAX_LOG: usize = 1 << 20;

/// Bytes of one log message.
const MAX_MESSAGE: usize = 8 << 10;

/// Refusals of one call that are noted one by one.
const MAX_REFUSALS: u32 = 100;

/// Bytes that a guest may print.
const MAX_OUTPUT: usize = 1 << 20;

/// Open files, tasks and the like that a guest may hold at a time.
const MAX_HANDLES: usize = 1000;

/// The most random bytes a guest gets at once.
const MAX_RANDOM: u64 = 1 << 20;

/// The data of a store.
pub(crate) struct State {
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) system: Arc<System>,
    /// What the guest knows of the time.
    pub(crate) time: Time,
    pub(crate) given: Given,
    pub(crate) mounts: Mounts,
    pub(crate) clock: Arc<WorkClock>,
    pub(crate) cancel: Cancel,
    pub(crate) reporter: Arc<dyn Reporter>,
    pub(crate) memory: MemoryLimit,
    pub(crate) table: ResourceTable,
    pub(crate) listings: Listings,
    wasi: WasiCtx,
    stdout: MemoryOutputPipe,
    stderr: MemoryOutputPipe,
    log_left: usize,
    /// Bytes of titles and notes that are still shown.
    notes_left: usize,
    /// Refusals so far.
    refusals: AtomicU32,
    /// What the capabilities of this call may take.
    pub(crate) budgets: Budgets,
}

impl State {
    pub(crate) fn new(
        plugin: Arc<Plugin>,
        system: Arc<System>,
        given: Given,
        mounts: Mounts,
        cancel: Cancel,
        reporter: Arc<dyn Reporter>,
        time: Time,
    ) -> wasmtime::Result<Self> {
        let (stdout, stderr) = (MemoryOutputPipe::new(MAX_OUTPUT), MemoryOutputPipe::new(MAX_OUTPUT));
        let mut wasi = WasiCtx::builder();
        wasi.stdout(stdout.clone()).stderr(stderr.clone()).max_random_size(MAX_RANDOM);
        // File calls run on the calling thread: a hand-over to another costs 20 times the CPU.
        wasi.allow_blocking_current_thread(true);
        if let Some(epoch) = time.epoch() {
            let seed = || Deterministic::new(plugin.digest.bytes().to_vec());
            wasi.wall_clock(Stopped(epoch)).secure_random(seed()).insecure_random(seed()).insecure_random_seed(0);
        }
        if time == Time::Pure {
            wasi.monotonic_clock(Ticks::default());
        }
        for (path, guest, write) in mounts.preopens() {
            wasi.preopened_dir(path, guest, if write { FsPerms::ReadWrite } else { FsPerms::ReadOnly })?;
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        Ok(Self {
            memory: MemoryLimit::new(plugin.decl().limits.memory_mib),
            clock: Arc::new(WorkClock::start(plugin.time())),
            wasi: wasi.build(),
            log_left: MAX_LOG,
            notes_left: MAX_LOG,
            refusals: AtomicU32::new(0),
            budgets: Budgets::of(&plugin.decl().capabilities),
            plugin,
            system,
            time,
            given,
            mounts,
            cancel,
            reporter,
            table,
            listings: Listings::default(),
            stdout,
            stderr,
        })
    }

    pub(crate) fn id(&self) -> &PluginId {
        &self.plugin.id
    }

    /// Returns whether the plugin has worked or waited longer than it may.
    pub(crate) fn is_late(&self) -> bool {
        self.clock.late().is_some()
    }

    /// Notes what the plugin does beyond its sandbox. What cannot be noted must not happen.
    pub(crate) fn note(&self, event: AuditEvent) -> Result<(), Failure> {
        self.system.audit.note(self.id(), self.plugin.digest, event).map_err(|error| {
            failure(Code::Io, format!("it cannot be noted in {}: {error}", self.system.audit.path().shown()), None)
        })
    }

    /// Makes the failure for something that the plugin may not do, and notes it. What a plugin tries again and again is
    /// noted so often that nobody can miss it, and no more: it must not fill the log.
    pub(crate) fn refuse(&self, reason: String, hint: Option<String>) -> Failure {
        let noted = match self.refusals.fetch_add(1, Ordering::Relaxed) {
            ..MAX_REFUSALS => Some(reason.clone()),
            MAX_REFUSALS => Some("more of the same call, which are not noted".to_owned()),
            _ => None,
        };
        if let Some(reason) = noted {
            // It is refused in any case; if it cannot be noted, that must not hide the reason.
            let _ = self.note(AuditEvent::Refused { reason });
        }
        failure(Code::Refused, reason, hint)
    }

    /// Refuses what would make the outcome of a pure call depend on something else than the layers.
    pub(crate) fn impure(&self, what: &str) -> Result<(), Failure> {
        match self.time == Time::Pure {
            true => Err(self.refuse(format!("{what} are not there while a plan is made"), None)),
            false => Ok(()),
        }
    }

    /// Shows a message of the guest, as long as it has not said too much already.
    pub(crate) fn log(&mut self, level: Level, message: &str) {
        if self.log_left == 0 {
            return;
        }
        let end = message.floor_char_boundary(MAX_MESSAGE);
        let mut text = harmless(message.get(..end).unwrap_or_default());
        if end < message.len() {
            text += " … (the rest of this message is left out)";
        }
        self.message(level, &text);
        self.log_left = self.log_left.saturating_sub(text.len().max(64));
        if self.log_left == 0 {
            self.message(Level::Warning, "it says too much; the rest of its messages is left out");
        }
    }

    /// Counts a title or note. Returns whether there is room for it.
    pub(crate) fn charge(&mut self, text: &str) -> bool {
        let room = self.notes_left > 0;
        self.notes_left = self.notes_left.saturating_sub(text.len().max(64));
        if room && self.notes_left == 0 {
            self.message(Level::Warning, "it reports too much progress; the rest of it is not shown");
        }
        room
    }

    fn message(&self, level: Level, text: &str) {
        self.reporter.event(Event::Message { level, plugin: Some(self.id().as_str()), text });
    }

    /// Shows what the guest printed to stderr: mostly the message of a panic.
    pub(crate) fn flush_stderr(&mut self, level: Level) {
        // Whoever has said too much before it crashed may still say why.
        self.log_left = self.log_left.max(MAX_MESSAGE);
        self.log_printed(level, &self.stderr.contents());
    }

    /// Shows what the guest printed to stdout as a message.
    pub(crate) fn flush_stdout(&mut self, level: Level) {
        self.log_printed(level, &self.stdout.contents());
    }

    /// Returns what the guest printed to stdout.
    pub(crate) fn stdout(&self) -> Vec<u8> {
        self.stdout.contents().to_vec()
    }

    fn log_printed(&mut self, level: Level, printed: &[u8]) {
        let text = String::from_utf8_lossy(printed).trim_end().to_owned();
        if !text.is_empty() {
            self.log(level, &text);
        }
    }
}

/// What a guest knows of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Time {
    /// What time it is.
    Now,
    /// The time of the build, in seconds since 1970: equal inputs give equal images.
    OfBuild(u32),
    /// None: the outcome may depend on the layers alone, and there are neither tools nor downloads.
    Pure,
}

impl Time {
    /// Returns the time that stands still, if it does, in seconds since 1970.
    pub(crate) fn epoch(self) -> Option<u32> {
        match self {
            Self::Now => None,
            Self::OfBuild(epoch) => Some(epoch),
            Self::Pure => Some(0),
        }
    }
}

/// A clock that counts how often it is asked, in microseconds.
#[derive(Default)]
struct Ticks(AtomicU64);

impl HostMonotonicClock for Ticks {
    fn resolution(&self) -> u64 {
        1000
    }

    fn now(&self) -> u64 {
        self.0.fetch_add(1000, Ordering::Relaxed)
    }
}

/// A clock that always tells the same time, in seconds since 1970.
struct Stopped(u32);

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Bounds the memory of a store and remembers whether more was wanted.
pub(crate) struct MemoryLimit {
    left: usize,
    pub(crate) exceeded: bool,
}

impl MemoryLimit {
    /// Elements a table may have.
    const MAX_TABLE: usize = 100_000;

    fn new(mebibytes: u32) -> Self {
        Self { left: (mebibytes as usize) << 20, exceeded: false }
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        match self.left.checked_sub(desired.saturating_sub(current)) {
            Some(left) => self.left = left,
            None => {
                self.exceeded = true;
                return Err(wasmtime::Error::msg("memory limit"));
            }
        }
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= Self::MAX_TABLE)
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        64
    }

    fn memories(&self) -> usize {
        8
    }
}
