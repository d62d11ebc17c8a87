//! `skiff:host/tools`: programs of the host, by declared name and pattern.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use skiff_layers::Capability;
use skiff_layers::ToolCapability;
use tracing::debug;

use super::failure;
use crate::AuditEvent;
use crate::bindings::imports::skiff::host::fault::Failure;
use crate::bindings::imports::skiff::host::fault::Kind;
use crate::bindings::imports::skiff::host::tools;
use crate::grant::capability_id;
use crate::matcher;
use crate::matcher::Actual;
use crate::mount::View;
use crate::process::ToolCall;
use crate::state::State;

/// Where a layer declares tools. The guest is told no path of the host.
const MANIFEST: &str = "its layer's metadata/plugins.yaml";

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
        Ok(self.declared(&tool).is_some() && self.system.tools.find(&tool).is_some())
    }

    async fn run(
        &mut self,
        tool: String,
        arguments: Vec<tools::Argument>,
        timeout_ms: Option<u32>,
    ) -> wasmtime::Result<Result<tools::Outcome, Failure>> {
        let (capability, checked) = match self.check(&tool, arguments) {
            Ok(checked) => checked,
            Err(failure) => return Ok(Err(failure)),
        };
        let allowed = Duration::from_secs(capability.timeout_s.into());
        let timeout = timeout_ms.map_or(allowed, |ms| allowed.min(Duration::from_millis(ms.into())));
        let system = std::sync::Arc::clone(&self.system);
        let _pause = self.clock.pause();
        let ran = system.tools.run(&checked.call(self.epoch), timeout, &self.cancel).await;
        if ran.as_ref().is_ok_and(|ran| ran.cancelled) {
            return Ok(Err(failure(
                Kind::Cancelled,
                format!("`{tool}` was ended because the user asked to stop"),
                None,
            )));
        }
        Ok(ran.map_err(|error| cannot_run(&tool, &error)).map(|ran| tools::Outcome {
            status: ran.status,
            stdout: ran.stdout,
            stderr: ran.stderr,
            truncated: ran.truncated,
            timed_out: ran.timed_out,
        }))
    }

    async fn attach(
        &mut self,
        tool: String,
        arguments: Vec<tools::Argument>,
    ) -> wasmtime::Result<Result<i32, Failure>> {
        if self.declared(&tool).is_some_and(|declared| !declared.terminal) {
            let message = format!("the manifest does not ask to connect `{tool}` to the terminal");
            let hint = format!("add `terminal: true` to it in {MANIFEST}");
            return Ok(Err(self.refuse(message, Some(hint))));
        }
        let (_, checked) = match self.check(&tool, arguments) {
            Ok(checked) => checked,
            Err(failure) => return Ok(Err(failure)),
        };
        let system = std::sync::Arc::clone(&self.system);
        let _pause = self.clock.pause();
        let status = system.tools.attach(&checked.call(self.epoch), &self.cancel).await;
        Ok(status.map_err(|error| cannot_run(&tool, &error)))
    }
}

impl State {
    fn declared(&self, tool: &str) -> Option<ToolCapability> {
        self.plugin.decl.capabilities.iter().find_map(|capability| match capability {
            Capability::Tool(declared) if declared.program == tool => Some(declared.clone()),
            _ => None,
        })
    }

    /// Everything that can be refused is refused here, before anything runs.
    fn check(&self, tool: &str, arguments: Vec<tools::Argument>) -> Result<(ToolCapability, Checked), Failure> {
        self.impure("tools")?;
        let capability = self.declared(tool).ok_or_else(|| self.undeclared(tool))?;
        let program = self.system.tools.find(tool).ok_or_else(|| {
            let hint = self.system.install_hint(tool);
            failure(Kind::Missing, format!("the program `{tool}` is not installed"), Some(hint))
        })?;
        let actual = arguments.into_iter().map(|argument| self.actual(argument)).collect::<Result<Vec<_>, _>>()?;
        if let Err(position) = matcher::check(&capability.arguments, &actual) {
            return Err(self.unmatched(&capability, actual.get(position), position));
        }
        let arguments: Vec<_> = actual.into_iter().flat_map(|argument| self.words(argument)).collect();
        let view = self.mounts.view().map_err(|error| failure(Kind::Io, error.to_string(), None))?;
        debug!(plugin = %self.id(), %tool, ?arguments, "running a tool");
        let shown = |argument: &OsString| argument.to_string_lossy().into_owned();
        self.note(AuditEvent::Tool { program: program.clone(), arguments: arguments.iter().map(shown).collect() })?;
        Ok((capability, Checked { program, arguments, view }))
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
            capability_id(&Capability::Tool(capability.clone())).split('#').next().unwrap_or_default(),
        );
        self.refuse(message, Some(hint))
    }

    fn actual(&self, argument: tools::Argument) -> Result<Actual, Failure> {
        let find = |path: &str| {
            self.mounts
                .find(path)
                .map(|inside| (inside.zone, inside.view))
                .map_err(|message| self.refuse(message, None))
        };
        match argument {
            tools::Argument::Word(text) => Ok(Actual::text(text)),
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
                            return Err(failure(Kind::Invalid, message, None));
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

fn cannot_run(tool: &str, error: &std::io::Error) -> Failure {
    failure(Kind::Tool, format!("`{tool}` cannot be run: {error}"), None)
}
