use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;
use skiff_kconfig::Fragment;
use skiff_kconfig::Kind as ConfigKind;
use skiff_kconfig::Merged;
use skiff_layers::Stage;
use skiff_runtime::Given;
use skiff_runtime::GivenValue;
use skiff_runtime::ToolRun;

use crate::error::Error;
use crate::error::Result;
use skiff_text::Shown as _;

/// The file in the directory of a case.
pub(crate) const FILE: &str = "case.yaml";

/// One call of a plugin, what it finds around it, and what it must come to. Beside this file lie `before` and `after`, with
/// the directories of the zones, and what was recorded of tools and downloads.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The command that is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The stage at which it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<Stage>,
    /// The arguments that the user gives.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, GivenValue>,
    /// The layers of the system; the plugin's own if there are none. Their directories are `before/layers/NN`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<String>,
    /// The merged configuration: the symbols that are set, by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub symbols: BTreeMap<String, BTreeMap<String, String>>,
    /// The tools that it runs, in order, with what they answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolRun>,
    /// What it comes to.
    #[serde(default)]
    pub expect: Outcome,
}

/// What a call comes to.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The status of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u8>,
    /// What it fails with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What a command prints.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdout: String,
    /// What it says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
    /// The fragments that it contributes, by kind and name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fragments: BTreeMap<String, String>,
}

/// Returns whether a directory is one that a recording makes.
fn is_recorded(files: &str) -> bool {
    files.strip_prefix("tool-").is_some_and(|number| number.parse::<u32>().is_ok())
}

impl Case {
    /// Makes a case of a hook.
    pub fn of_hook(stage: Stage) -> Self {
        Self { hook: Some(stage), ..Self::default() }
    }

    /// Makes a case of a command. A flag that is not set says nothing.
    pub fn of_command(name: &str, given: &Given) -> Self {
        let arguments = given.own().map(|(name, value)| (name.to_owned(), value.clone()));
        let arguments = arguments.filter(|(_, value)| *value != GivenValue::Flag(false)).collect();
        Self { command: Some(name.to_owned()), arguments, ..Self::default() }
    }

    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let wrong = |message: String| Error::Case(format!("{}: {message}", path.shown()));
        let text = skiff_layers::optional_text(&path)?.unwrap_or_default();
        let case: Self = skiff_layers::parse_yaml(&path, &text)?;
        if let Some(files) = case.tools.iter().filter_map(|run| run.files.as_ref()).find(|files| !is_recorded(files)) {
            return Err(wrong(format!(
                "`{files}` is not a directory of the files of a tool; expected tool-1, tool-2, …"
            )));
        }
        match (&case.command, &case.hook) {
            (Some(_), None) | (None, Some(_)) => Ok(case),
            _ => Err(wrong("a case calls either a `command` or a `hook`".into())),
        }
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(FILE);
        let write = || -> io::Result<()> {
            let text = serde_yaml::to_string(self).map_err(io::Error::other)?;
            skiff_file::replace(&path, text.as_bytes())
        };
        write().map_err(|error| Error::Unwritable { path: path.clone(), error })
    }

    /// Returns the merged configurations.
    pub(crate) fn configs(&self, folder: &Path) -> Result<BTreeMap<ConfigKind, Merged>> {
        let mut configs = BTreeMap::new();
        for (name, symbols) in &self.symbols {
            let Some(kind) = ConfigKind::ALL.into_iter().find(|kind| kind.folder() == name) else {
                return Err(Error::Symbols { folder: folder.to_owned(), name: name.clone() });
            };
            let text: String = symbols.iter().map(|(symbol, value)| format!("{symbol}={value}\n")).collect();
            let fragment = Fragment::parse(kind, "case", folder.join(FILE), &text);
            if let Some(problem) = fragment.problems.first() {
                let what = format!("{}: `{}`", problem.kind, problem.text);
                return Err(Error::Symbol { folder: folder.to_owned(), what });
            }
            configs.insert(kind, skiff_kconfig::merge(fragment.assignments));
        }
        Ok(configs)
    }
}
