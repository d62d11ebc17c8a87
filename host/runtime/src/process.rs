//! Running programs of the host for a plugin.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;
use skiff_plan::Cancel;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt as _;
use tokio::process::Child;
use tokio::process::Command;

/// Bytes of each output stream that a plugin gets to see.
const MAX_OUTPUT: u64 = 1 << 20;

/// How long a tool at the terminal may take to end by itself after Ctrl-C.
const GRACE: Duration = Duration::from_secs(3);

/// Where programs are looked for, and what little environment they get.
#[derive(Debug, Clone, Default)]
pub struct ToolEnvironment {
    /// The folders to search, in order.
    pub path: Vec<PathBuf>,
    /// The type of the user's terminal, for tools that are connected to it.
    pub term: Option<OsString>,
}

impl ToolEnvironment {
    /// Makes the environment of tools from the user's search path and terminal type.
    ///
    /// Where an ordinary user's `PATH` lacks the `sbin` folders, `mkfs` and its like are found all the same.
    pub fn new(path: impl IntoIterator<Item = PathBuf>, term: Option<OsString>) -> Self {
        let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
        Self { path: path.into_iter().chain(system).collect(), term }
    }

    /// Finds an executable file by its bare name.
    pub(crate) fn find(&self, program: &str) -> Option<PathBuf> {
        let executable = |path: &PathBuf| {
            path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
        };
        self.path.iter().filter(|folder| folder.is_absolute()).map(|folder| folder.join(program)).find(executable)
    }

    fn command(&self, program: &Path, arguments: &[OsString], folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).env_clear().env("LC_ALL", "C.UTF-8").kill_on_drop(true);
        if let Ok(path) = std::env::join_paths(&self.path) {
            command.env("PATH", path);
        }
        command
    }

    /// Runs a program to its end without input, in a process group of its own that is ended as a whole.
    pub(crate) async fn run(
        &self,
        program: &Path,
        arguments: &[OsString],
        folder: &Path,
        timeout: Duration,
        cancel: &Cancel,
    ) -> io::Result<Ran> {
        let mut command = self.command(program, arguments, folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn()?;
        let group = Group::of(&child);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let finish = async {
            let (out, err, status) = tokio::join!(collect(stdout), collect(stderr), child.wait());
            io::Result::Ok((out?, err?, status?))
        };
        let stopped = async {
            let end = tokio::time::Instant::now() + timeout;
            while tokio::time::Instant::now() < end && !cancel.is_cancelled() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            finished = finish => {
                let ((stdout, more), (stderr, more_too), status) = finished?;
                Ok(Ran { status: code(status), stdout, stderr, truncated: more || more_too, timed_out: false })
            }
            () = stopped => {
                group.kill();
                Ok(Ran { status: 128 + Signal::KILL.as_raw(), timed_out: true, ..Ran::default() })
            }
        }
    }

    /// Runs a program connected to the user's terminal.
    ///
    /// Ctrl-C reaches the program itself; if it is still there a while after, it is asked to end, then ended.
    pub(crate) async fn attach(
        &self,
        program: &Path,
        arguments: &[OsString],
        folder: &Path,
        cancel: &Cancel,
    ) -> io::Result<i32> {
        let mut command = self.command(program, arguments, folder);
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

/// What a program did.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) truncated: bool,
    pub(crate) timed_out: bool,
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

    fn terminate(&self) {
        if let Some(pid) = self.0 {
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
    }
}

/// Reads the first part of a stream and drains the rest, so that the writer is never blocked.
async fn collect(stream: Option<impl AsyncRead + Unpin>) -> io::Result<(Vec<u8>, bool)> {
    let Some(mut stream) = stream else { return Ok((Vec::new(), false)) };
    let mut bytes = Vec::new();
    (&mut stream).take(MAX_OUTPUT).read_to_end(&mut bytes).await?;
    let mut rest = [0; 8192];
    let mut more = false;
    while stream.read(&mut rest).await? > 0 {
        more = true;
    }
    Ok((bytes, more))
}

/// The exit status as a shell tells it: 128 and the number of the signal that ended it.
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
