//! `configure`: writes what a plan says into the workspace, and remembers it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use skiff_kconfig::Kind;
use skiff_plan::BuildPlan;
use skiff_plan::Digest;
use skiff_plan::Workspace;
use skiff_plan::document;

use crate::FileError;
use crate::WorkspaceLock;
use crate::atomic::Staging;

/// The file in the configuration folder that says what it was made from.
const STATE: &str = "state.json";

/// The file that is there when lines that are no assignments were left out.
const IGNORE_BROKEN_LINES: &str = "ignore_broken_lines";

/// What `configure` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Configured {
    /// Nothing has changed since the last time.
    Unchanged,
    /// The configuration was written.
    Written,
}

/// Why a workspace could not be configured.
#[derive(Debug, thiserror::Error)]
pub enum ConfigureError {
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What a workspace is configured with besides the layers, and what the next run needs to know of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// The extra package roots.
    pub extra: Vec<PathBuf>,
    /// Whether lines of fragments that are no assignments are left out.
    pub ignore_broken_lines: bool,
}

/// What a workspace was configured with, for the next run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The resolved chain, joined by commas.
    pub chain: String,
    /// The extra package roots, joined by colons.
    pub extra: Option<String>,
    /// Whether lines of fragments that are no assignments were left out.
    pub ignore_broken_lines: bool,
}

/// Says what a configuration folder was made from and what was written.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    fingerprint: String,
    /// SHA-256 of each file, so that damage by a power cut or an editor is noticed.
    files: BTreeMap<PathBuf, String>,
}

/// Writes the configuration of a workspace unless it is there and current.
///
/// # Errors
/// [`ConfigureError`]; the last good configuration then stays in place.
pub fn configure(
    plan: &BuildPlan,
    workspace: &Workspace,
    choices: &Choices,
    _lock: &WorkspaceLock,
) -> Result<Configured, ConfigureError> {
    let files = files(plan, choices);
    if is_current(plan, workspace, &files) {
        return Ok(Configured::Unchanged);
    }
    let staging = Staging::new(workspace.root(), workspace.name())?;
    let folder = staging.path().join("config");
    for (name, content) in &files {
        write(&folder.join(name), content)?;
    }
    let state = State {
        fingerprint: plan.fingerprint.configuration.to_string(),
        files: files.iter().map(|(name, content)| (name.clone(), Digest::of(content.as_bytes()).to_string())).collect(),
    };
    write(&folder.join(STATE), &format!("{}\n", serde_json::json!(state)))?;
    staging.commit("config", &workspace.config())?;
    Ok(Configured::Written)
}

/// Returns whether a workspace is configured with exactly this plan.
pub fn is_configured(plan: &BuildPlan, workspace: &Workspace, choices: &Choices) -> bool {
    is_current(plan, workspace, &files(plan, choices))
}

impl Remembered {
    /// Reads what the last `configure` of a workspace was given, if there was one.
    pub fn read(workspace: &Workspace) -> Option<Self> {
        let text = |name: &str| {
            let text = fs::read_to_string(workspace.config().join(name)).ok()?;
            let text = text.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        Some(Self {
            chain: text("skiff_config")?,
            extra: text("skiff_extra_configs_path"),
            ignore_broken_lines: text(IGNORE_BROKEN_LINES).is_some(),
        })
    }
}

/// Compares digests, not times: an edit that changes nothing is no change, and a damaged file is one.
fn is_current(plan: &BuildPlan, workspace: &Workspace, files: &BTreeMap<PathBuf, String>) -> bool {
    let folder = workspace.config();
    let read = || -> Option<State> { serde_json::from_slice(&fs::read(folder.join(STATE)).ok()?).ok() };
    let Some(state) = read() else { return false };
    let intact = |(name, content): (&PathBuf, &String)| {
        fs::read(folder.join(name)).is_ok_and(|present| present == content.as_bytes())
    };
    state.fingerprint == plan.fingerprint.configuration.to_string()
        && state.files.keys().eq(files.keys())
        && files.iter().all(intact)
}

fn files(plan: &BuildPlan, choices: &Choices) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let mut add = |name: &str, content: String| drop(files.insert(PathBuf::from(name), content));
    for kind in Kind::ALL {
        let header =
            format!("# {kind} configuration of {}, made by skiff: edit a layer instead.\n", plan.chain.join(","));
        add(&format!("{kind}/config"), header + &plan.config(kind).render());
    }
    add("users", plan.users.iter().map(|user| format!("{}\n", user.text)).collect());
    add("cflags", format!("{}\n", plan.cflags));
    add("skiff_config", format!("{}\n", plan.chain.join(",")));
    if choices.ignore_broken_lines {
        add(IGNORE_BROKEN_LINES, "yes\n".into());
    }
    if !choices.extra.is_empty() {
        let joined: Vec<_> = choices.extra.iter().map(|path| path.to_string_lossy()).collect();
        add("skiff_extra_configs_path", format!("{}\n", joined.join(":")));
    }
    add("plan.json", format!("{:#}\n", serde_json::json!(document::document(plan))));
    add("DO_NOT_EDIT", "Written by `skiff configure`, which replaces the whole folder. Edit a layer instead.\n".into());
    files
}

fn write(path: &Path, content: &str) -> Result<(), FileError> {
    let write = || {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, content)
    };
    write().map_err(FileError::at("write", path))
}
