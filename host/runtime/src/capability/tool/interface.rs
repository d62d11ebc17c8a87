//! `skiff:host/tools`: programs of the host, by declared name and pattern.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use skiff_layers::Capability;
use skiff_layers::ToolCapability;
use tracing::debug;

use super::ToolUse;
use super::matcher;
use super::matcher::Actual;
use super::process::ToolCall;
use super::tape::Listing;
use crate::Tape;
use crate::ToolRun;
use crate::bindings::imports::skiff::host::fault::Code;
use crate::bindings::imports::skiff::host::fault::Failure;
use crate::bindings::imports::skiff::host::tools;
use crate::capability::Use;
use crate::capability::files::View;
use crate::interface::failure;
use crate::state::State;
use crate::state::Time;

/// Where a layer declares tools. The guest is told no path of the host.
const MANIFEST: &str = "its layer's metadata/plugins.yaml";

/// Bytes that the arguments of a tool may take.
const MAX_ARGUMENTS: usize = 1 << 20;

/// A tool call that passed all checks.
struct Checked {
    program: PathBuf,
    arguments: Vec<OsString>,
    view: View,
}

impl Checked {
    fn call(&self, epoch: Option<u32>) -> ToolCall<'_> {
        ToolCall { program: &self.program, arguments: &self.arguments, folder: self.view.path(), epoch }
    }
}

impl tools::Host for State {
    async fn available(&mut self, tool: String) -> wasmtime::Result<bool> {
        let found = match self.replay() {
            Some(tape) => tape.has(&tool),
            None => self.system.tools.path.find(&tool).is_some(),
        };
        Ok(self.time != Time::Pure && self.declared(&tool).is_some() && found)
    }

    async fn run(
        &mut self,
        tool: String,
        arguments: Vec<tools::Argument>,
        timeout_ms: Option<u32>,
    ) -> wasmtime::Result<Result<tools::Outcome, Failure>> {
        let (capability, actual) = match self.allow(&tool, arguments) {
            Ok(allowed) => allowed,
            Err(failure) => return Ok(Err(failure)),
        };
        let shown = self.shown(&actual);
        if let Some(tape) = self.replay() {
            return match self.played(tape, &tool, &shown) {
                Ok(run) => {
                    let mut room = self.room();
                    Ok(Ok(tools::Outcome {
                        status: run.status,
                        stdout: room.bytes(run.stdout.into_bytes())?,
                        stderr: room.bytes(run.stderr.into_bytes())?,
                        truncated: run.truncated,
                        timed_out: run.timed_out,
                    }))
                }
                Err(failure) => Ok(Err(failure)),
            };
        }
        let (checked, before) = match self.prepare(&tool, actual) {
            Ok(prepared) => prepared,
            Err(failure) => return Ok(Err(failure)),
        };
        let allowed = Duration::from_secs(capability.timeout_s.into());
        let timeout = timeout_ms.map_or(allowed, |ms| allowed.min(Duration::from_millis(ms.into())));
        let Some(allowance) = self.budgets.tool.begin(timeout) else { return Ok(Err(too_much(&tool))) };
        let system = Arc::clone(&self.system);
        let begun = Instant::now();
        let ran = {
            let _pause = self.clock.pause();
            system.tools.run(&checked.call(self.time.epoch()), allowance, &self.cancel).await
        };
        self.budgets.tool.end(ran.as_ref().map(|ran| ran.computed).unwrap_or_default(), begun.elapsed());
        if ran.as_ref().is_ok_and(|ran| ran.cancelled) {
            return Ok(Err(failure(
                Code::Cancelled,
                format!("`{tool}` was ended because the user asked to stop"),
                None,
            )));
        }
        if let Ok(ran) = &ran {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let run = ToolRun {
                tool: tool.clone(),
                arguments: shown,
                status: ran.status,
                stdout: text(&ran.stdout),
                stderr: text(&ran.stderr),
                truncated: ran.truncated,
                timed_out: ran.timed_out,
                files: None,
            };
            self.record(run, before)?;
        }
        let mut room = self.room();
        Ok(match ran {
            Ok(ran) => Ok(tools::Outcome {
                status: ran.status,
                stdout: room.bytes(ran.stdout)?,
                stderr: room.bytes(ran.stderr)?,
                truncated: ran.truncated,
                timed_out: ran.timed_out,
            }),
            Err(error) => Err(cannot_run(&tool, &error)),
        })
    }

    async fn attach(&mut self, tool: String, arguments: Vec<tools::Argument>) -> wasmtime::Result<Result<u8, Failure>> {
        if self.declared(&tool).is_some_and(|declared| !declared.terminal) {
            let message = format!("the manifest does not ask to connect `{tool}` to the terminal");
            let hint = format!("add `terminal: true` to it in {MANIFEST}");
            return Ok(Err(self.refuse(message, Some(hint))));
        }
        let actual = match self.allow(&tool, arguments) {
            Ok((_, actual)) => actual,
            Err(failure) => return Ok(Err(failure)),
        };
        let shown = self.shown(&actual);
        if let Some(tape) = self.replay() {
            return Ok(self.played(tape, &tool, &shown).map(|run| run.status));
        }
        let (checked, before) = match self.prepare(&tool, actual) {
            Ok(prepared) => prepared,
            Err(failure) => return Ok(Err(failure)),
        };
        if self.budgets.tool.begin(Duration::ZERO).is_none() {
            return Ok(Err(too_much(&tool)));
        }
        let system = Arc::clone(&self.system);
        let _pause = self.clock.pause();
        let status = system.tools.attach(&checked.call(self.time.epoch()), &self.cancel).await;
        if let Ok(status) = status {
            self.record(ToolRun { tool: tool.clone(), arguments: shown, status, ..ToolRun::default() }, before)?;
        }
        Ok(status.map_err(|error| cannot_run(&tool, &error)))
    }
}

impl State {
    fn declared(&self, tool: &str) -> Option<ToolCapability> {
        self.plugin.decl().capabilities.iter().find_map(|capability| match capability {
            Capability::Tool(declared) if declared.program == tool => Some(declared.clone()),
            _ => None,
        })
    }

    /// Everything that can be refused is refused here, before anything runs.
    fn allow(&self, tool: &str, arguments: Vec<tools::Argument>) -> Result<(ToolCapability, Vec<Actual>), Failure> {
        self.impure("tools")?;
        let capability = self.declared(tool).ok_or_else(|| self.undeclared(tool))?;
        let actual = arguments.into_iter().map(|argument| self.actual(argument)).collect::<Result<Vec<_>, _>>()?;
        match matcher::check(&capability.arguments, &actual) {
            Ok(()) => self.fits(tool, &actual).map(|()| (capability, actual)),
            Err(position) => Err(self.unmatched(&capability, actual.get(position), position)),
        }
    }

    /// Refuses more arguments than the system hands over: a guest can name the user's words again and again.
    fn fits(&self, tool: &str, actual: &[Actual]) -> Result<(), Failure> {
        let mut left = MAX_ARGUMENTS;
        for argument in actual {
            let bytes: usize = match argument {
                Actual::Given(name) => self.given.words(name).iter().map(|word| word.len() + 1).sum(),
                Actual::Pieces { before, path, after } => {
                    before.len() + path.as_ref().map_or(0, |(_, view)| view.len()) + after.len() + 1
                }
            };
            left = left.checked_sub(bytes).ok_or_else(|| {
                let limit = MAX_ARGUMENTS >> 20;
                failure(Code::Limit, format!("the arguments of `{tool}` take more than {limit} MiB"), None)
            })?;
        }
        Ok(())
    }

    /// Finds the program and makes the directory in which it sees what the plugin sees; notes that it is run.
    fn prepare(&self, tool: &str, actual: Vec<Actual>) -> Result<(Checked, Option<Listing>), Failure> {
        let program = self.system.tools.path.find(tool).ok_or_else(|| {
            let hint = self.system.install_hint(tool);
            failure(Code::Missing, format!("the program `{tool}` is not installed"), Some(hint))
        })?;
        let arguments: Vec<_> = actual.into_iter().flat_map(|argument| self.words(argument)).collect();
        let io = |error: std::io::Error| failure(Code::Io, error.to_string(), None);
        let view = self.mounts.view().map_err(io)?;
        debug!(plugin = %self.id(), %tool, ?arguments, "running a tool");
        let shown = |argument: &OsString| argument.to_string_lossy().into_owned();
        let used = ToolUse { program: program.clone(), arguments: arguments.iter().map(shown).collect() };
        self.note(Use::Tool(used).into())?;
        let before = self.system.tape.as_ref().map(|_| Listing::of(&self.mounts.writable())).transpose().map_err(io)?;
        Ok((Checked { program, arguments, view }, before))
    }

    fn replay(&self) -> Option<&Tape> {
        self.system.tape.as_deref().filter(|tape| tape.replays())
    }

    fn played(&self, tape: &Tape, tool: &str, shown: &[String]) -> Result<ToolRun, Failure> {
        match tape.next(tool, shown, &self.mounts.writable()) {
            Ok(Some(run)) => Ok(run),
            Ok(None) => Err(failure(Code::Internal, format!("`{tool}` was not recorded like this"), None)),
            Err(error) => Err(cannot_run(tool, &error)),
        }
    }

    fn record(&self, run: ToolRun, before: Option<Listing>) -> wasmtime::Result<()> {
        if let (Some(tape), Some(before)) = (&self.system.tape, before) {
            tape.add(run, &before, &self.mounts.writable())?;
        }
        Ok(())
    }

    /// Writes arguments as the plugin knows them.
    fn shown(&self, actual: &[Actual]) -> Vec<String> {
        let words = |argument: &Actual| match argument {
            Actual::Given(name) => self.given.words(name),
            Actual::Pieces { before, path, after } => {
                let path = path.as_ref().map(|(_, view)| view.trim_start_matches('.')).unwrap_or_default();
                vec![format!("{before}{path}{after}")]
            }
        };
        actual.iter().flat_map(words).collect()
    }

    fn undeclared(&self, tool: &str) -> Failure {
        let message = format!("the tool `{tool}` is neither declared nor granted");
        let hint = format!(
            "add `- tool: {tool}` to the capabilities in {MANIFEST}, then run: skiff grant add {} tool:{tool}",
            self.id(),
        );
        self.refuse(message, Some(hint))
    }

    fn unmatched(&self, capability: &ToolCapability, actual: Option<&Actual>, position: usize) -> Failure {
        let shown = actual.map(Actual::shown).unwrap_or_else(|| "the end".into());
        let message =
            format!("argument {} of `{}`, {shown}, fits no pattern of the manifest", position + 1, capability.program);
        let hint = format!(
            "add a pattern for it to the tool in {MANIFEST}, then run: skiff grant add {} {}",
            self.id(),
            Capability::Tool(capability.clone()),
        );
        self.refuse(message, Some(hint))
    }

    fn actual(&self, argument: tools::Argument) -> Result<Actual, Failure> {
        let find = |path: &str| {
            self.mounts
                .find(path, &self.watch())
                .map(|inside| (inside.zone, inside.view))
                .map_err(|message| self.refuse(message, None))
        };
        match argument {
            tools::Argument::Text(text) => Ok(Actual::text(text)),
            tools::Argument::Path(path) => {
                Ok(Actual::Pieces { before: String::new(), path: Some(find(&path)?), after: String::new() })
            }
            tools::Argument::Given(name) => Ok(Actual::Given(name)),
            tools::Argument::Joined(pieces) => {
                let (mut before, mut path, mut after) = (String::new(), None, String::new());
                for piece in pieces {
                    match piece {
                        tools::Piece::Text(text) if path.is_none() => before.push_str(&text),
                        tools::Piece::Text(text) => after.push_str(&text),
                        tools::Piece::Path(inner) if path.is_none() => path = Some(find(&inner)?),
                        tools::Piece::Path(_) => {
                            let message = "an argument can hold one path only".to_owned();
                            return Err(failure(Code::Invalid, message, None));
                        }
                    }
                }
                Ok(Actual::Pieces { before, path, after })
            }
        }
    }

    fn words(&self, argument: Actual) -> Vec<OsString> {
        match argument {
            Actual::Given(name) => self.given.words(&name).into_iter().map(OsString::from).collect(),
            Actual::Pieces { before, path, after } => {
                let view = path.map(|(_, view)| view).unwrap_or_default();
                vec![OsString::from(format!("{before}{view}{after}"))]
            }
        }
    }
}

fn too_much(tool: &str) -> Failure {
    let message = format!("`{tool}` is not run: the tools of this call have been run too often or for too long");
    failure(Code::Limit, message, None)
}

fn cannot_run(tool: &str, error: &std::io::Error) -> Failure {
    failure(Code::Tool, format!("`{tool}` cannot be run: {error}"), None)
}
