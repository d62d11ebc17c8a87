//! Calling Buildroot's make.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitStatus;

use super::Buildroot;
use super::BuildrootError;
use super::Goal;
use super::Refused;
use super::Tree;
use super::mount_namespace::Place;
use crate::BuildContext;
use crate::FileError;
use crate::process::watch;
use skiff_text::Shown as _;

/// make in one workspace.
pub(crate) struct Make<'m> {
    program: &'m Path,
    tree: Tree,
    pub(crate) place: Place,
    variables: BTreeMap<OsString, OsString>,
    external: String,
    offline: bool,
    refused: &'m [Refused],
}

impl<'m> Make<'m> {
    pub(crate) fn new(engine: &'m Buildroot, context: &BuildContext, tree: Tree) -> Result<Self, BuildrootError> {
        refuse_odd_paths(context, &tree)?;
        let place = Place::of(context, engine.fixed_path, &engine.program)?;
        let external: Vec<_> = context.plan.external.iter().map(|path| path.to_string_lossy()).collect();
        let variables = engine.environment.clone();
        Ok(Self {
            program: &engine.program,
            tree,
            place,
            variables,
            external: external.join(":"),
            offline: engine.policy.offline,
            refused: &engine.refused,
        })
    }

    /// Whether nothing may be fetched.
    pub(crate) fn is_offline(&self) -> bool {
        self.offline
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Returns the command that makes some targets.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.place.command(self.program, "make");
        command.arg("--no-print-directory").arg("-C").arg(&self.tree.root);
        command.arg(format!("O={}", self.place.path.shown())).arg(format!("BR2_EXTERNAL={}", self.external));
        if self.offline {
            // Of no site is all that there is.
            command.args(["BR2_PRIMARY_SITE=", "BR2_PRIMARY_SITE_ONLY=y"]);
        }
        command.args(words).env_clear().envs(&self.variables);
        command
    }

    /// Whether make would run something when it expands a variable of its environment.
    pub(crate) fn expands(&self, name: &str) -> bool {
        self.variables.get(OsStr::new(name)).is_some_and(|value| value.as_encoded_bytes().contains(&b'$'))
    }

    /// Returns a command that runs something else where make runs.
    pub(crate) fn other(&self, program: &str) -> Command {
        let mut command = self.place.command(self.program, program);
        command.env_clear().envs(&self.variables).current_dir(&self.place.folder);
        command
    }

    /// Refuses to go on when make would run scripts of layers that the user has not agreed to.
    pub(crate) fn allow_scripts(&self) -> Result<(), BuildrootError> {
        let unbound = self.refused.iter().find_map(|refused| match refused {
            Refused::Script { place, path } => Some((place.clone(), path.clone())),
            Refused::Layer(_) => None,
        });
        if let Some((place, path)) = unbound {
            return Err(BuildrootError::UnboundScript { place, path });
        }
        let layer = |refused: &Refused| match refused {
            Refused::Layer(name) => Some(name.clone()),
            Refused::Script { .. } => None,
        };
        match self.refused.iter().filter_map(layer).collect::<Vec<_>>() {
            layers if layers.is_empty() => Ok(()),
            layers => Err(BuildrootError::Scripts { layers }),
        }
    }

    /// Makes some goals, and with them what layers want run, and hands each line of output to `line`.
    pub(crate) fn build(
        &self,
        words: &[&str],
        context: &BuildContext,
        line: impl FnMut(&str),
    ) -> Result<ExitStatus, BuildrootError> {
        self.allow_scripts()?;
        self.run(words, context, line)
    }

    fn run(
        &self,
        words: &[&str],
        context: &BuildContext,
        line: impl FnMut(&str),
    ) -> Result<ExitStatus, BuildrootError> {
        let mut command = self.command(words);
        let status = context.lock.shared_with(|| watch(&mut command, &context.cancel, line));
        context.cancel.check()?;
        status.map_err(FileError::at("run", self.program)).map_err(Into::into)
    }

    /// Makes some goals at the user's terminal.
    pub(crate) fn run_at_terminal(&self, words: &[&str], context: &BuildContext) -> Result<ExitStatus, BuildrootError> {
        if Goal::of_all(words).iter().any(|goal| goal.runs_scripts()) {
            self.allow_scripts()?;
        }
        let status = context.lock.shared_with(|| self.command(words).status());
        status.map_err(FileError::at("run", self.program)).map_err(Into::into)
    }

    /// Makes something that takes a moment and runs nothing of the layers', and returns what it prints.
    pub(crate) fn output(&self, words: &[&str], context: &BuildContext, what: &str) -> Result<String, BuildrootError> {
        let mut lines = Vec::new();
        let status = self.run(words, context, |line| lines.push(line.to_owned()))?;
        match status.success() {
            true => Ok(lines.join("\n")),
            false => Err(failed(what, &lines, self.place.folder.clone())),
        }
    }
}

/// Makes an error of the output of a make that was not watched more closely.
fn failed(what: &str, lines: &[String], log: PathBuf) -> BuildrootError {
    const SHOWN: usize = 20;
    let tail = lines.iter().skip(lines.len().saturating_sub(SHOWN)).cloned().collect();
    BuildrootError::Make { what: what.to_owned(), last: None, tail, log, package: None }
}

/// Refuses directories that Buildroot would take apart or misread: it puts them into lists, and make reads `.config`.
fn refuse_odd_paths(context: &BuildContext, tree: &Tree) -> Result<(), BuildrootError> {
    let plan = &context.plan;
    let own = [context.workspace.config(), tree.root.clone()];
    let patches = &plan.patches;
    let overlays = plan.overlays.iter().map(|overlay| &overlay.path);
    let folders = overlays.chain(&plan.external).chain(&patches.buildroot).chain(&patches.kernel).chain(&patches.uboot);
    let odd = |path: &&PathBuf| {
        path.to_string_lossy()
            .contains(|c: char| c.is_whitespace() || c.is_control() || ":\"'\\$#`\u{fffd}".contains(c))
    };
    match folders.chain(&own).find(odd) {
        Some(path) => Err(BuildrootError::OddPath { path: path.clone() }),
        None => Ok(()),
    }
}
