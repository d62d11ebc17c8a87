//! Whom this run believes: the user, root, the caller of sudo, and the paths that the user has listed.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use skiff_layers::ReadError;
use skiff_report::Cancel;
use skiff_text::Shown as _;
use skiff_trust::Reason;
use skiff_trust::Trust;
use skiff_trust::Untrusted;

use crate::environment::Environment;
use crate::error::Result;

/// The only version of the file's shape so far.
const VERSION: u32 = 1;

/// The file with the paths that the user trusts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustFile {
    version: u32,
    /// Absolute paths: everything in them is trusted, even if other users can change it.
    pub trusted: Vec<PathBuf>,
}

/// Whom this run believes.
#[derive(Debug, Clone)]
pub struct Belief {
    trust: Trust,
    cancel: Cancel,
}

impl Belief {
    /// Finds out from the environment and the user's trust file.
    pub fn of(environment: &Environment, cancel: &Cancel) -> Result<Self> {
        let mut belief = Self { trust: own_trust(environment), cancel: cancel.clone() };
        let listed = match trust_file(environment) {
            Some(path) => read_trust(environment, &path)?.trusted,
            None => Vec::new(),
        };
        let named = environment.raw("SKIFF_TRUST").map(std::env::split_paths).into_iter().flatten();
        let named = named.filter(|path| !path.as_os_str().is_empty()).map(|path| environment.absolute(&path));
        // A listed path is a place. If a link replaces it, the target was not listed.
        let is_there = |path: &PathBuf| path.canonicalize().is_ok_and(|real| real == *path);
        listed.into_iter().filter(is_there).chain(named).for_each(|path| belief.trust.list(&path));
        Ok(belief)
    }

    /// Checks that no other user can change a path, as far as it exists.
    pub fn check(&self, what: &str, path: &Path) -> Result<()> {
        self.trust.check(path).map_err(|error| TrustError::of(what, error).into())
    }

    /// As [`Self::check`], for a directory and what stands in it, but not what is in the directories there.
    pub fn check_entries(&self, what: &str, directory: &Path) -> Result<()> {
        self.check(what, directory)?;
        // What cannot be listed is not read, either.
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            self.check(what, &entry.path())?;
        }
        Ok(())
    }

    /// As [`Self::check`], for a path and everything below it.
    pub fn check_tree(&self, what: &str, path: &Path) -> Result<()> {
        self.trust.check_tree(path, &|| self.cancel.is_cancelled()).map_err(|error| TrustError::of(what, error).into())
    }

    /// Checks a layer: all that is in it, and what its links lead to. Absolute links in its overlay belong to the system.
    pub fn check_layer(&self, what: &str, root: &Path) -> Result<()> {
        self.check_linked(what, root, &["root_overlay"])
    }

    /// Checks the overrides: those of workspaces are layers of their own.
    pub fn check_overrides(&self, what: &str, root: &Path) -> Result<()> {
        self.check_linked(what, root, &["root_overlay", "workspaces"])
    }

    /// Checks a directory that is no layer: all that is in it, and what its links lead to.
    pub fn check_linked_tree(&self, what: &str, root: &Path) -> Result<()> {
        self.check_linked(what, root, &[])
    }

    fn check_linked(&self, what: &str, root: &Path, overlays: &[&str]) -> Result<()> {
        let stopped = || self.cancel.is_cancelled();
        self.trust.check_linked_tree(root, overlays, &stopped).map_err(|error| TrustError::of(what, error).into())
    }

    /// Returns whether no other user can change a layer, even if the user has listed it.
    pub fn is_own(&self, root: &Path) -> bool {
        let stopped = || self.cancel.is_cancelled();
        self.trust.without_list().check_linked_tree(root, &["root_overlay"], &stopped).is_ok()
    }

    /// Returns whom this run believes.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }
}

/// Why something is not believed.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Another user can change it.
    #[error("{what} `{}` is not trusted: {}", error.path.shown(), error.reason)]
    Untrusted {
        /// What it is.
        what: String,
        /// Where it is, and who can change it.
        error: Box<Untrusted>,
    },
    /// Another user can change the list of trusted paths.
    #[error("the list of trusted paths `{}` is not trusted: {}", .0.path.shown(), .0.reason)]
    ForeignList(Box<Untrusted>),
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The list of trusted paths says something else than paths.
    #[error("{0}")]
    List(String),
    /// The list of trusted paths cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl TrustError {
    /// Says what is not believed.
    pub fn of(what: &str, error: Untrusted) -> Self {
        match &error.reason {
            Reason::Unknown { source, .. } if source.kind() == io::ErrorKind::Interrupted => Self::Cancelled,
            _ => Self::Untrusted { what: what.to_owned(), error: Box::new(error) },
        }
    }
}

/// Returns where the user's list of trusted paths is; nowhere for users without a home.
pub fn trust_file(environment: &Environment) -> Option<PathBuf> {
    let folder = environment.path("XDG_CONFIG_HOME").or_else(|| Some(environment.home()?.join(".config")));
    folder.map(|folder| folder.join("skiff/trust.yaml"))
}

/// Trusts the user and root, and none of the paths that the user lists.
fn own_trust(environment: &Environment) -> Trust {
    let user = rustix::process::geteuid();
    let caller = environment.get("SUDO_UID").filter(|_| user.is_root()).and_then(|uid| uid.parse().ok());
    Trust::of(user.as_raw(), caller)
}

/// Reads a list; one that is not there is empty.
///
/// # Errors
/// Also if another user can change it: a list that is written back would make that user's paths the user's own.
pub fn read_trust(environment: &Environment, path: &Path) -> Result<TrustFile, TrustError> {
    let Some(text) = skiff_layers::optional_text(path)? else {
        // Without a list, it does not matter who could make one.
        return Ok(TrustFile { version: VERSION, trusted: Vec::new() });
    };
    own_trust(environment).check(path).map_err(|error| TrustError::ForeignList(Box::new(error)))?;
    let file: TrustFile = match skiff_layers::parse_yaml(path, &text) {
        Err(ReadError::Yaml { at, message }) => return Err(TrustError::List(format!("{at}: {message}"))),
        file => file?,
    };
    match (file.version, file.trusted.iter().find(|path| !path.is_absolute())) {
        (VERSION, None) => Ok(file),
        (VERSION, Some(other)) => {
            Err(TrustError::List(format!("{}: `{}` is not absolute", path.shown(), other.shown())))
        }
        (other, _) => {
            Err(TrustError::List(format!("{}: version {other} is unknown; expected {VERSION}", path.shown())))
        }
    }
}
