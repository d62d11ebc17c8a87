//! `configure`: writes what a plan says into the workspace, and remembers it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use skiff_digest::Digest;
use skiff_kconfig::DropReason;
use skiff_kconfig::Dropped;
use skiff_kconfig::Kind;
use skiff_layers::LayerSource;
use skiff_layers::Stage;
use skiff_plan::BuildPlan;
use skiff_plan::Workspace;
use skiff_plan::document;
use skiff_report::Cancel;

use crate::BuildContext;
use crate::Engine;
use crate::EngineError;
use crate::FileError;
use crate::MemoryError;
use crate::SavedSettings;
use crate::WorkspaceError;
use crate::atomic::Staging;
use crate::atomic::read_optional;
use crate::atomic::write_file;
use crate::contributions;
use crate::memory;
use crate::workspace::refuse_foreign_configuration;

/// The file in the configuration directory that says what it was made from.
const STATE: &str = "state.json";

/// The settings that the engine did not follow, for whoever asks later.
const DROPPED: &str = "dropped.json";

/// The same for people, in the workspace: a refused configuration has no directory.
const DROPPED_LIST: &str = "dropped.txt";

/// What `configure` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Configured {
    /// Nothing has changed since the last time.
    Unchanged,
    /// The configuration was written. Settings that the engine did not follow are listed.
    Written(Vec<Dropped>),
}

/// Why a workspace could not be configured.
#[derive(Debug, thiserror::Error)]
pub enum ConfigureError {
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The place of the configuration is somebody else's.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// What was remembered cannot be read.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The engine refuses.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Settings were not followed, and that was not to be let pass.
    #[error("Kconfig dropped {} settings of the layers", dropped.len())]
    Strict {
        /// The settings.
        dropped: Vec<Dropped>,
    },
}

/// Says what a configuration directory was made from and what was written.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    fingerprint: String,
    /// SHA-256 of each file, so that damage by a power cut or an editor is noticed.
    files: BTreeMap<PathBuf, String>,
    /// What the engine's half of the configuration was, as the engine says.
    engine: String,
    /// SHA-256 of the list of settings that were not followed.
    dropped: String,
}

/// Writes the configuration of a workspace unless it is there and current, and has the engine take it over. With
/// `strict`, settings that the engine does not follow are an error; those of base layers that depend on something
/// that is not there are no more than defaults, and pass.
///
/// # Errors
/// [`ConfigureError`]; the last good configuration then stays in place.
pub fn configure(
    context: &BuildContext,
    engine: &dyn Engine,
    remembered: &SavedSettings,
    strict: bool,
) -> Result<Configured, ConfigureError> {
    let (plan, workspace) = (&context.plan, &context.workspace);
    let files = files(plan);
    if is_complete(plan, workspace, engine, &files, &context.cancel) {
        // The same system may have been asked for in another way.
        if SavedSettings::read(workspace)?.as_ref() != Some(remembered) {
            remembered.write(workspace)?;
        }
        let dropped = read_dropped(workspace);
        return match strict && dropped.iter().any(|dropped| is_wish(plan, dropped)) {
            true => Err(ConfigureError::Strict {
                dropped: dropped.into_iter().filter(|dropped| is_wish(plan, dropped)).collect(),
            }),
            false => Ok(Configured::Unchanged),
        };
    }
    refuse_foreign_configuration(workspace)?;
    let staging = Staging::new(workspace.root(), workspace.name())?;
    let folder = staging.path().join("config");
    for (name, content) in &files {
        write(&folder.join(name), content)?;
    }
    for stage in ["pre", "post"] {
        make_executable(&folder.join(format!("{stage}_build.sh")))?;
    }
    let taken = engine.configure(context, &folder)?;
    if strict && taken.dropped.iter().any(|dropped| is_wish(plan, dropped)) {
        let dropped = taken.dropped.into_iter().filter(|dropped| is_wish(plan, dropped)).collect();
        return Err(ConfigureError::Strict { dropped });
    }
    let dropped = format!("{:#}\n", serde_json::json!(taken.dropped));
    write(&folder.join(DROPPED), &dropped)?;
    let digest = |text: &str| Digest::of(text.as_bytes()).to_string();
    let state = State {
        fingerprint: plan.fingerprint.configuration.to_string(),
        files: files.iter().map(|(name, content)| (name.clone(), digest(content))).collect(),
        engine: taken.state.clone(),
        dropped: digest(&dropped),
    };
    write(&folder.join(memory::FILE), &remembered.text())?;
    write(&folder.join(STATE), &format!("{}\n", serde_json::json!(state)))?;
    // The engine's half first: if only that gets into place, the state does not fit, and the next run does both again.
    taken.commit()?;
    staging.commit("config", &workspace.config())?;
    Ok(Configured::Written(taken.dropped))
}

/// How much a setting matters that was not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// A path that skiff passes on to whoever wants it.
    Offer,
    /// A default of the first base layer, which other layers may have made meaningless.
    Default,
    /// Somebody wanted that, or it is a mistake wherever it stands.
    Wish,
}

/// Prefixes of the symbols that choose the C library and the init system.
const ESSENTIAL: [&str; 2] = ["BR2_INIT_", "BR2_TOOLCHAIN_BUILDROOT_"];

/// Weighs a setting that was not followed.
pub fn weigh(plan: &BuildPlan, dropped: &Dropped) -> Weight {
    let layer = plan.layers.iter().find(|layer| layer.name == *dropped.assignment.origin.layer);
    let mistake = matches!(dropped.reason, DropReason::Unknown { .. } | DropReason::Type(_));
    match layer.map(|layer| layer.source) {
        // It names the very file that skiff has made, and skiff gives it.
        _ if dropped.assignment.symbol.as_str() == "BR2_DEFCONFIG" => Weight::Offer,
        Some(LayerSource::Chain(_) | LayerSource::Overrides | LayerSource::WorkspaceOverrides) => Weight::Wish,
        _ if mistake => Weight::Wish,
        // To choose otherwise is what layers are for.
        Some(LayerSource::BasePre) if matches!(dropped.reason, DropReason::Choice(_)) => Weight::Offer,
        // Without these, the system is another one.
        Some(LayerSource::BasePre)
            if matches!(dropped.reason, DropReason::Unmet(_))
                && ESSENTIAL.iter().any(|prefix| dropped.assignment.symbol.as_str().starts_with(prefix)) =>
        {
            Weight::Wish
        }
        Some(LayerSource::BasePre) => Weight::Default,
        Some(LayerSource::BasePost) | None => Weight::Offer,
    }
}

fn is_wish(plan: &BuildPlan, dropped: &Dropped) -> bool {
    weigh(plan, dropped) == Weight::Wish
}

/// Reads the settings that the engine did not follow when the workspace was configured.
pub fn read_dropped(workspace: &Workspace) -> Vec<Dropped> {
    let read = || serde_json::from_slice(&read_optional(&workspace.config().join(DROPPED)).ok()??).ok();
    read().unwrap_or_default()
}

/// Writes the list of settings that were not followed for people to read, beside what is built. Returns its place.
///
/// # Errors
/// [`FileError`] when it cannot be written.
pub fn write_dropped_list(workspace: &Workspace, text: &str) -> Result<PathBuf, FileError> {
    let path = workspace.folder().join(DROPPED_LIST);
    write_file(&path, text.as_bytes())?;
    Ok(path)
}

/// Returns whether a workspace is configured with exactly this plan. Says no when the user asked to stop.
pub fn is_configured(plan: &BuildPlan, workspace: &Workspace, engine: &dyn Engine, cancel: &Cancel) -> bool {
    is_complete(plan, workspace, engine, &files(plan), cancel)
}

/// Returns whether the layers say what they said when the workspace was configured.
pub fn is_unchanged(plan: &BuildPlan, workspace: &Workspace) -> bool {
    is_current(plan, workspace, &files(plan))
}

/// Whether both halves of a configuration are those that were written.
fn is_complete(
    plan: &BuildPlan,
    workspace: &Workspace,
    engine: &dyn Engine,
    files: &BTreeMap<PathBuf, String>,
    cancel: &Cancel,
) -> bool {
    let Some(state) = read_state(workspace) else { return false };
    let dropped = read_optional(&workspace.config().join(DROPPED)).ok().flatten();
    let dropped = dropped.map(|bytes| Digest::of(&bytes).to_string());
    is_current(plan, workspace, files)
        && dropped.is_some_and(|digest| digest == state.dropped)
        && engine.state(workspace, cancel) == Some(state.engine)
}

fn read_state(workspace: &Workspace) -> Option<State> {
    serde_json::from_slice(&read_optional(&workspace.config().join(STATE)).ok()??).ok()
}

/// Compares digests, not times: an edit that changes nothing is no change, and a damaged file is one.
fn is_current(plan: &BuildPlan, workspace: &Workspace, files: &BTreeMap<PathBuf, String>) -> bool {
    let Some(state) = read_state(workspace) else { return false };
    let intact = |(name, content): (&PathBuf, &String)| {
        let present = read_optional(&workspace.config().join(name));
        present.is_ok_and(|present| present.as_deref() == Some(content.as_bytes()))
    };
    state.fingerprint == plan.fingerprint.configuration.to_string()
        && state.files.keys().eq(files.keys())
        && files.iter().all(intact)
}

fn files(plan: &BuildPlan) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let mut add = |name: &str, content: String| drop(files.insert(PathBuf::from(name), content));
    for kind in Kind::ALL {
        let header =
            format!("# {kind} configuration of {}, made by skiff: edit a layer instead.\n", plan.chain.join(","));
        add(&format!("{kind}/config"), header + &plan.config(kind).render());
    }
    add("users", plan.users.iter().map(|user| format!("{}\n", user.text)).collect());
    add("cflags", format!("{}\n", plan.cflags));
    add(memory::CHAIN, format!("{}\n", plan.chain.join(",")));
    for stage in [Stage::Pre, Stage::Post] {
        add(&format!("{stage}_build.sh"), hook_script(stage));
    }
    if !plan.contributors().is_empty() {
        add(contributions::FILE, contributions::text(plan));
    }
    add("plan.json", format!("{:#}\n", serde_json::json!(document::document(plan))));
    add(
        "DO_NOT_EDIT",
        "Written by `skiff configure`, which replaces the whole directory. Edit a layer instead.\n".into(),
    );
    files
}

/// Buildroot calls this, and it calls skiff, which says in the environment where it is.
fn hook_script(stage: Stage) -> String {
    format!(
        "#!/bin/sh\n# Called by Buildroot: runs the {stage} hooks of all layers.\n\
         exec \"${{SKIFF_PROGRAM:?this is run by skiff: skiff compile}}\" hooks {stage}\n"
    )
}

fn make_executable(path: &Path) -> Result<(), FileError> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(FileError::at("make executable", path))
}

fn write(path: &Path, content: &str) -> Result<(), FileError> {
    let write = || {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, content)
    };
    write().map_err(FileError::at("write", path))
}
