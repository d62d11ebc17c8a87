//! Running programs of the host for a plugin.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::process::Signal;
use skiff_file::SearchPath;
use skiff_report::Cancel;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt as _;
use tokio::process::Child;
use tokio::process::Command;

use super::budget::Allowance;

/// Bytes of each output stream that a plugin gets to see.
const MAX_OUTPUT: usize = 1 << 20;

/// How long a tool at the terminal may take to end by itself after Ctrl-C.
const GRACE: Duration = Duration::from_secs(3);

/// Where programs are looked for, and what little environment they get.
#[derive(Debug, Clone, Default)]
pub struct ToolEnvironment {
    /// The directories to search.
    pub path: SearchPath,
    /// The type of the user's terminal, for tools that are connected to it.
    pub term: Option<OsString>,
}

impl ToolEnvironment {
    /// Makes the environment of tools from the user's search path and terminal type. Directories of the system are searched, too.
    pub fn new(path: SearchPath, term: Option<OsString>) -> Self {
        Self { path: path.with_system(), term }
    }

    fn command(&self, call: &ToolCall<'_>) -> Command {
        let mut command = Command::new(call.program);
        command.args(call.arguments).current_dir(call.folder).env_clear().env("LC_ALL", "C.UTF-8").kill_on_drop(true);
        if let Some(path) = self.path.value() {
            command.env("PATH", path);
        }
        if let Some(epoch) = call.epoch {
            command.env("SOURCE_DATE_EPOCH", epoch.to_string());
        }
        command
    }

    /// Runs a program to its end without input, in a process group of its own that is ended as a whole.
    ///
    /// What it computes is limited, for it and for each program that it starts; what it waits, too, far above that.
    pub(crate) async fn run(&self, call: &ToolCall<'_>, allowance: Allowance, cancel: &Cancel) -> io::Result<Ran> {
        let mut command = self.command(call);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn()?;
        let group = Group::of(&child);
        group.limit(allowance.computed);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (mut out, mut err) = (Collected::default(), Collected::default());
        let finish = async {
            let reading = async { tokio::try_join!(out.read(stdout), err.read(stderr)).map(drop) };
            tokio::pin!(reading);
            let ended = tokio::select! {
                read = &mut reading => Err(read),
                status = child.wait() => Ok(status?),
            };
            match ended {
                Err(read) => {
                    let status = child.wait().await;
                    // What closes its streams and stays is no better than what keeps them.
                    group.kill();
                    read.and(status)
                }
                Ok(status) => {
                    // What it has started in its group ends with it, and what has left the group keeps nobody waiting.
                    group.kill();
                    match tokio::time::timeout(Duration::from_millis(200), reading).await {
                        Ok(read) => read.map(|()| status),
                        Err(_) => Ok(status),
                    }
                }
            }
        };
        let computed = AtomicU64::new(0);
        let stopped = async {
            let end = tokio::time::Instant::now() + allowance.passed;
            while tokio::time::Instant::now() < end && !cancel.is_cancelled() {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let Some(so_far) = group.computed() else { continue };
                computed.store(u64::try_from(so_far.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
                if so_far > allowance.computed {
                    return;
                }
            }
        };
        let status = tokio::select! {
            status = finish => Some(code(status?)),
            () = stopped => {
                group.kill();
                None
            }
        };
        Ok(Ran {
            status: status.unwrap_or(KILLED),
            truncated: out.more || err.more,
            stdout: out.bytes,
            stderr: err.bytes,
            cancelled: status.is_none() && cancel.is_cancelled(),
            timed_out: status.map_or(!cancel.is_cancelled(), |status| status == TIMED_OUT),
            computed: Duration::from_millis(computed.into_inner()),
        })
    }

    /// Runs a program connected to the user's terminal.
    ///
    /// Ctrl-C reaches the program itself; if it is still there a while after, it is asked to end, then ended.
    pub(crate) async fn attach(&self, call: &ToolCall<'_>, cancel: &Cancel) -> io::Result<u8> {
        let mut command = self.command(call);
        if let Some(term) = &self.term {
            command.env("TERM", term);
        }
        let mut child = command.spawn()?;
        let group = Group::of(&child);
        let asked_to_stop = async {
            while !cancel.is_cancelled() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            status = child.wait() => return status.map(code),
            () = asked_to_stop => {}
        }
        if let Ok(status) = tokio::time::timeout(GRACE, child.wait()).await {
            return status.map(code);
        }
        group.terminate();
        if let Ok(status) = tokio::time::timeout(GRACE, child.wait()).await {
            return status.map(code);
        }
        child.kill().await?;
        child.wait().await.map(code)
    }
}

/// A program with all that is needed to run it.
pub(crate) struct ToolCall<'c> {
    pub(crate) program: &'c Path,
    pub(crate) arguments: &'c [OsString],
    /// The directory that it starts in.
    pub(crate) folder: &'c Path,
    /// The time that it is told.
    pub(crate) epoch: Option<u32>,
}

/// What a program did.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    pub(crate) status: u8,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) truncated: bool,
    pub(crate) timed_out: bool,
    pub(crate) cancelled: bool,
    /// How long it computed.
    pub(crate) computed: Duration,
}

/// A child by its number, for signals.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    /// Ends the child and all that it started in its group.
    fn kill(&self) {
        if let Some(pid) = self.0 {
            // An error means that it is gone already, which is what is wanted.
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
    }

    /// Has the kernel end each program of the group that computes longer than that.
    fn limit(&self, computed: Duration) {
        let seconds = computed.as_secs().saturating_add(1);
        let limit = Rlimit { current: Some(seconds), maximum: Some(seconds.saturating_add(1)) };
        if self.0.is_some() {
            // An error means that it has ended already.
            let _ = rustix::process::prlimit(self.0, Resource::Cpu, limit);
        }
    }

    /// Returns how long the child has computed, with those of its children that it has waited for.
    fn computed(&self) -> Option<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0?.as_raw_nonzero())).ok()?;
        // The second field is a name in parentheses, which may hold anything. The fields 14 to 17 are times.
        let (_, fields) = stat.rsplit_once(')')?;
        let ticks: u64 = fields.split_whitespace().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
        Some(Duration::from_millis(ticks.saturating_mul(1000) / rustix::param::clock_ticks_per_second().max(1)))
    }

    fn terminate(&self) {
        if let Some(pid) = self.0 {
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
    }
}

/// What was read of a stream so far: also there when the reading is broken off.
#[derive(Default)]
struct Collected {
    bytes: Vec<u8>,
    more: bool,
}

impl Collected {
    /// Reads the first part of a stream and drains the rest, so that the writer is never blocked.
    async fn read(&mut self, stream: Option<impl AsyncRead + Unpin>) -> io::Result<()> {
        let Some(mut stream) = stream else { return Ok(()) };
        let mut buffer = [0; 8192];
        loop {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            let room = MAX_OUTPUT.saturating_sub(self.bytes.len());
            self.more |= count > room;
            self.bytes.extend(buffer.iter().take(count.min(room)));
        }
    }
}

/// The status of what was ended by SIGKILL, 9.
const KILLED: u8 = 128 + 9;

/// The status of what was ended by SIGXCPU, 24, because it has computed too long.
const TIMED_OUT: u8 = 128 + 24;

/// The exit status as a shell tells it: 128 and the number of the signal that ended it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    // Both are so by the system's own rules: a status has eight bits, and signals end at 64.
    u8::try_from(code).unwrap_or(u8::MAX)
}
