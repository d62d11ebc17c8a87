//! What a workspace was configured with, for the next run.

use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use skiff_plan::Workspace;

use crate::EngineName;
use crate::FileError;
use crate::atomic::read_optional;
use crate::atomic::write_file;
use skiff_text::Shown as _;

/// The file in the configuration directory.
pub(crate) const FILE: &str = "memory.json";

/// The file in which SkiffOS remembers the chain, and skiff notes it for scripts of its layers.
pub(crate) const CHAIN: &str = "skiff_config";

/// A setting, and whether it came from the project file: that is asked again, and may have changed its mind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved<T> {
    /// The setting.
    pub value: T,
    /// Whether the project file said so.
    pub by_project: bool,
}

impl<T> Saved<T> {
    /// Returns the setting, unless it is the project file's to say.
    pub fn recalled(self) -> Option<T> {
        (!self.by_project).then_some(self.value)
    }
}

/// What a workspace was configured with besides the content of the layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedSettings {
    /// The chain as it was asked for: what its packages need is looked up anew.
    pub chain: String,
    /// The engine.
    pub engine: Option<Saved<EngineName>>,
    /// The extra package roots.
    pub extra: Option<Saved<Vec<PathBuf>>>,
    /// The base layers, where they are not the checkout's.
    pub base: Option<PathBuf>,
    /// The user's own layer, where it is not the checkout's.
    #[serde(default)]
    pub overrides: Option<PathBuf>,
    /// The Buildroot tree that somebody has named.
    pub buildroot: Option<Saved<PathBuf>>,
    /// The project file.
    pub project: Option<PathBuf>,
    /// Whether lines of fragments that are no assignments are left out.
    pub ignore_broken_lines: bool,
}

/// What a workspace was configured with cannot be read. It is not forgotten: with other settings, another system would
/// be built.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The file system refuses.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file holds something else.
    #[error("cannot read the saved settings `{}`: {reason}", path.shown())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl SavedSettings {
    /// Reads what the last `configure` of a workspace was given, if there was one. Of one by SkiffOS, that is the chain.
    ///
    /// # Errors
    /// [`MemoryError`] when something is there and cannot be read.
    pub fn read(workspace: &Workspace) -> Result<Option<Self>, MemoryError> {
        let path = workspace.config().join(FILE);
        if let Some(text) = optional(&path)? {
            let broken = |error: serde_json::Error| MemoryError::Broken { path, reason: error.to_string() };
            return serde_json::from_str(&text).map(Some).map_err(broken);
        }
        let chain = optional(&workspace.config().join(CHAIN))?;
        Ok(chain.filter(|chain| !chain.trim().is_empty()).map(|chain| Self::of_chain(chain.trim().to_owned())))
    }

    fn of_chain(chain: String) -> Self {
        Self {
            chain,
            engine: None,
            extra: None,
            base: None,
            overrides: None,
            buildroot: None,
            project: None,
            ignore_broken_lines: false,
        }
    }

    /// Returns the text of the file.
    pub(crate) fn text(&self) -> String {
        format!("{:#}\n", serde_json::json!(self))
    }

    /// Writes it into the configuration that is in force.
    pub(crate) fn write(&self, workspace: &Workspace) -> Result<(), FileError> {
        write_file(&workspace.config().join(FILE), self.text().as_bytes())
    }
}

fn optional(path: &Path) -> Result<Option<String>, FileError> {
    Ok(read_optional(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}
