//! The project file `skiff.yaml`: what a team writes down instead of typing it. All of it is optional, and the
//! environment overrides it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use skiff_build::EngineName;
use skiff_build::buildroot::Pin;
use skiff_layers::NAME_RULE;
use skiff_layers::ReadError;
use skiff_layers::is_name_part;
use skiff_plan::Workspace;
use skiff_text::Shown as _;

use crate::environment::Environment;
use crate::error::Error;
use crate::error::Result;
use crate::media::Personal;
use crate::trust::Belief;

/// The name of the file.
pub const PROJECT_FILE: &str = "skiff.yaml";

/// Words that a chain may become.
const MAX_WORDS: usize = 10_000;

/// Chains in chains.
const MAX_DEPTH: usize = 64;

/// The only version of the file's shape so far.
const SCHEMA: u32 = 1;

/// What is wrong with the project file.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// The existence of the file cannot be determined.
    #[error("cannot look for `{}`: {error}", path.shown())]
    Hidden {
        /// Where it would be.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It cannot be read.
    #[error("cannot read `{}`: {error}", path.shown())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It says something that means nothing: the file, the line where it is known, and what.
    #[error("{0}")]
    Wrong(String),
    /// A chain has more packages than a system can have.
    #[error("the chain `{0}` of {PROJECT_FILE} becomes too long")]
    TooLong(String),
    /// A chain contains itself.
    #[error("the chain `{0}` of {PROJECT_FILE} contains itself")]
    Cycle(String),
    /// A word of a chain means nothing.
    #[error("`{0}` is neither a package (`namespace/name`) nor one of `chains:` in {PROJECT_FILE}")]
    Unknown(String),
}

/// What the file says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// The version of the shape.
    #[serde(default)]
    schema: Option<u32>,
    /// The engine of all workspaces that name none.
    #[serde(default)]
    pub engine: Option<EngineName>,
    /// Further directories with packages, relative to the file; the first match wins.
    #[serde(default)]
    extra_layers: Vec<PathBuf>,
    /// Where Buildroot comes from.
    #[serde(default)]
    pub buildroot: BuildrootSettings,
    /// Chains with names, which other chains can use.
    #[serde(default)]
    pub chains: BTreeMap<String, String>,
    /// The workspaces.
    #[serde(default)]
    pub workspaces: BTreeMap<String, ProjectWorkspace>,
    /// Serial numbers, names or models of devices that are never written to; `*` stands for anything.
    #[serde(default)]
    pub protect: Vec<String>,
    /// What goes onto devices that are written, and nowhere else.
    #[serde(default)]
    pub personalize: Personal,
    /// The file.
    #[serde(skip)]
    path: Option<PathBuf>,
}

/// What the file says of Buildroot.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BuildrootSettings {
    /// A tree that is there, relative to the file.
    dir: Option<PathBuf>,
    /// A release to fetch.
    pub pin: Option<Pin>,
    /// Whether to build at one path in all workspaces (yes).
    pub fixed_path: Option<bool>,
}

/// A workspace of the project.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectWorkspace {
    /// Its chain.
    pub chain: String,
    /// Its engine.
    #[serde(default)]
    pub engine: Option<EngineName>,
}

impl Project {
    /// Reads the file nearest to a directory, upwards, or else that of the checkout, or else the one that the workspace was
    /// configured with.
    pub fn find(environment: &Environment, belief: &Belief, root: Option<&Path>, known: Option<&Path>) -> Result<Self> {
        if let Some(path) = environment.path("SKIFF_PROJECT") {
            belief.check("the project file", &path)?;
            // So that it is known again, wherever that is from.
            let path = fs::canonicalize(&path).unwrap_or(path);
            return Self::read(&path);
        }
        let below = |root: &&Path| environment.current().starts_with(root);
        let folders = environment.current().ancestors().chain(root.filter(|root| !below(root)));
        let files = folders.map(|folder| folder.join(PROJECT_FILE)).chain(known.map(Path::to_owned));
        let mut found = None;
        for path in files {
            let is_there = path.try_exists().map_err(|error| FileProblem::Hidden { path: path.clone(), error })?;
            if is_there {
                found = Some(path);
                break;
            }
        }
        let Some(path) = found else { return Ok(Self::default()) };
        // The file decides what runs, so a user who can write to a parent directory must not provide it for others. The
        // check examines the file itself, not a link to it: its paths are relative to the file.
        belief.check("the project file", &path)?;
        let path = fs::canonicalize(&path).map_err(|error| FileProblem::Unreadable { path: path.clone(), error })?;
        Self::read(&path)
    }

    fn read(path: &Path) -> Result<Self> {
        let wrong = |line: Option<usize>, message: String| {
            let line = line.map(|line| format!(":{line}")).unwrap_or_default();
            Error::from(FileProblem::Wrong(format!("{}{line}: {message}", path.shown())))
        };
        let text = skiff_layers::optional_text(path)?;
        let text = text.ok_or_else(|| wrong(None, "there is no such file".to_owned()))?;
        let mut project: Self = match skiff_layers::parse_yaml(path, &text) {
            Err(ReadError::Yaml { at, message }) => return Err(wrong(at.line, message)),
            project => project?,
        };
        if let Some(other) = project.schema.filter(|schema| *schema != SCHEMA) {
            return Err(wrong(None, format!("schema {other} is unknown; this skiff reads schema {SCHEMA}")));
        }
        if let Some(message) = project.buildroot.pin.as_ref().and_then(Pin::wrong) {
            return Err(wrong(None, message));
        }
        if let Some(name) = project.chains.keys().find(|name| !is_name_part(name)) {
            return Err(wrong(
                None,
                format!("`{}` cannot be the name of a chain: {NAME_RULE}", skiff_text::shown(name)),
            ));
        }
        let mut workspaces = BTreeMap::new();
        for (name, workspace) in std::mem::take(&mut project.workspaces) {
            // As `-w` has it, so that both mean the same.
            let plain = Workspace::exact(PathBuf::new(), &name).map_err(|error| wrong(None, error.to_string()))?;
            if workspaces.insert(plain.name().to_owned(), workspace).is_some() {
                return Err(wrong(None, format!("two workspaces have the name `{}`", plain.name())));
            }
        }
        project.workspaces = workspaces;
        project.path = Some(path.to_owned());
        Ok(project)
    }

    /// Returns the file, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Makes a path of the file absolute.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        self.path().and_then(Path::parent).unwrap_or(Path::new("/")).join(path)
    }

    /// Returns the further directories with packages.
    pub fn extra_layers(&self) -> Vec<PathBuf> {
        self.extra_layers.iter().map(|path| self.absolute(path)).collect()
    }

    /// Returns the Buildroot tree that the file names.
    pub fn buildroot_dir(&self) -> Option<PathBuf> {
        self.buildroot.dir.as_ref().map(|path| self.absolute(path))
    }

    /// Replaces the names of chains in a chain by what they stand for. A name is a word without `/`.
    pub fn expand(&self, chain: &str) -> Result<String> {
        let mut words = Vec::new();
        self.expand_into(chain, &mut Vec::new(), &mut words, &mut 0)?;
        Ok(words.join(","))
    }

    fn expand_into<'p>(
        &'p self,
        chain: &'p str,
        open: &mut Vec<&'p str>,
        words: &mut Vec<&'p str>,
        steps: &mut usize,
    ) -> Result<()> {
        for word in chain.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty()) {
            *steps += 1;
            if *steps > MAX_WORDS || open.len() > MAX_DEPTH {
                return Err(FileProblem::TooLong(word.to_owned()).into());
            }
            match self.chains.get(word) {
                Some(_) if open.contains(&word) => {
                    return Err(FileProblem::Cycle(word.to_owned()).into());
                }
                Some(inner) => {
                    open.push(word);
                    self.expand_into(inner, open, words, steps)?;
                    open.pop();
                }
                None if !word.contains('/') && self.path().is_some() => {
                    return Err(FileProblem::Unknown(word.to_owned()).into());
                }
                None => words.push(word),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_contain_chains_and_never_themselves() {
        let chains = BTreeMap::from([
            ("base".to_owned(), "skiff/core, apps/docker".to_owned()),
            ("boat".into(), "pi/4 base".into()),
            ("a".into(), "b".into()),
            ("b".into(), "a".into()),
        ]);
        let project = Project { chains, ..Project::default() };
        assert_eq!(project.expand("boat,util/x").unwrap(), "pi/4,skiff/core,apps/docker,util/x");
        assert!(project.expand("a").is_err());
    }
}
