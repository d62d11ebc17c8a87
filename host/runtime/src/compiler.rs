//! Compiling components, in a process of its own: a component can be made so that compiling it takes all memory and
//! forever, and that must not be skiff's.

use std::io;
use std::io::Read;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::process::Signal;
use skiff_report::Cancel;
use skiff_report::Cancelled;

use crate::HostError;
use crate::engine::compiling_engine;

/// What one component may take to be compiled. A Python component with its interpreter takes 11 s and 334 MB. The limit
/// on the time that passes is for a compiler that waits: what else the machine does must not decide.
const MAX_CPU_S: u64 = 120;
const MAX_WALL: Duration = Duration::from_secs(MAX_CPU_S * 10);
const MAX_MEMORY: u64 = 4 << 30;

/// Bytes that a component may be compiled to.
const MAX_CODE: u64 = 512 << 20;

/// How often a compiler at work is looked after.
const GLANCE: Duration = Duration::from_millis(2);

/// Compiles components with a program that calls [`precompile`].
pub(crate) struct Compiler {
    program: Vec<PathBuf>,
}

/// Why a component was not compiled.
pub(crate) enum CompileFailure {
    /// The component is not valid, or uses what plugins may not use.
    Invalid(String),
    /// It takes more than a plugin may.
    Budget(&'static str),
    /// The compiler could not be run.
    Io(io::Error),
    Cancelled,
}

impl From<io::Error> for CompileFailure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Compiler {
    /// Names the program and its first arguments.
    pub(crate) fn new(program: Vec<PathBuf>) -> Self {
        Self { program }
    }

    pub(crate) fn compile(&self, component: &[u8], cancel: &Cancel) -> Result<Vec<u8>, CompileFailure> {
        let Some((program, arguments)) = self.program.split_first() else {
            return Err(io::Error::other("no compiler is named").into());
        };
        let mut command = Command::new(program);
        command.args(arguments).env_clear().current_dir("/");
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        Work(child).result(component, cancel)
    }
}

/// A compiler at work, ended when dropped.
struct Work(Child);

impl Drop for Work {
    fn drop(&mut self) {
        // An error means that it has ended, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Work {
    fn result(mut self, component: &[u8], cancel: &Cancel) -> Result<Vec<u8>, CompileFailure> {
        let (input, output, errors) = (self.0.stdin.take(), self.0.stdout.take(), self.0.stderr.take());
        let deadline = Instant::now() + MAX_WALL;
        thread::scope(|scope| {
            // If it does not want all, it says why on the other stream.
            scope.spawn(move || input.map(|mut input| input.write_all(component)));
            let code = scope.spawn(move || read_all(output, MAX_CODE));
            let said = scope.spawn(move || read_all(errors, 1 << 16));
            let status = loop {
                if let Some(status) = self.0.try_wait()? {
                    break Ok(status);
                }
                if cancel.is_cancelled() {
                    break Err(CompileFailure::Cancelled);
                }
                if Instant::now() > deadline {
                    break Err(CompileFailure::Budget("time"));
                }
                thread::sleep(GLANCE);
            };
            // Readers and writer end with it.
            drop(self);
            let code = code.join().unwrap_or_else(|_| Err(io::Error::other("a reader has crashed")));
            let said = said.join().unwrap_or_else(|_| Err(io::Error::other("a reader has crashed")));
            let status = status?;
            if status.success() {
                return Ok(code?);
            }
            let said = String::from_utf8_lossy(&said?).trim().to_owned();
            match (status.code(), status.signal()) {
                (Some(1), _) => Err(CompileFailure::Invalid(said)),
                // The kernel ends what takes too long, and Rust what gets no memory.
                (_, Some(signal)) if signal == Signal::XCPU.as_raw() => Err(CompileFailure::Budget("time")),
                (_, Some(_)) => Err(CompileFailure::Budget("memory or stack")),
                _ => Err(io::Error::other(format!("the compiler has ended with {status}: {said}")).into()),
            }
        })
    }
}

fn read_all(stream: Option<impl Read>, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(limit).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Compiles the component that stands on an input, within bounds that it sets for the whole process. Returns what is
/// wrong with it, if something is.
///
/// # Errors
/// [`HostError`] when the bounds cannot be set, or a stream breaks.
pub fn precompile(input: impl Read, mut output: impl io::Write) -> Result<Result<(), String>, HostError> {
    let bound = |resource, value| {
        let wanted = Rlimit { current: Some(value), maximum: Some(value) };
        rustix::process::setrlimit(resource, wanted).map_err(|error| HostError::Runtime(error.into()))
    };
    bound(Resource::Cpu, MAX_CPU_S)?;
    bound(Resource::As, MAX_MEMORY)?;
    bound(Resource::Core, 0)?;
    bound(Resource::Fsize, 0)?;
    let component = read_all(Some(input), u64::MAX).map_err(HostError::Runtime)?;
    match compile(&component)? {
        Ok(code) => output.write_all(&code).and_then(|()| output.flush()).map(Ok).map_err(HostError::Runtime),
        Err(wrong) => Ok(Err(wrong)),
    }
}

/// Compiles a component without bounds, for whoever has set them. Returns the code, or what is wrong with the component.
///
/// # Errors
/// [`HostError`] when wasmtime cannot be set up.
pub fn compile(component: &[u8]) -> Result<Result<Vec<u8>, String>, HostError> {
    let compiled = compiling_engine()?.precompile_component(component);
    Ok(compiled.map_err(|error| format!("{error:#}").replace('\n', " ")))
}

impl From<Cancelled> for CompileFailure {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}
