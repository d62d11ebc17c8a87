//! The joint between engines and plugins: what to call, and who calls it.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use skiff_kconfig::Kind;
use skiff_layers::LayerPlugin;
use skiff_layers::Stage;
use skiff_text::Shown as _;

use crate::PlannedShellHook;

/// A call of one plugin at one stage.
#[derive(Clone, Debug)]
pub struct HookCall {
    /// The plugin.
    pub plugin: LayerPlugin,
    /// When it is called.
    pub stage: Stage,
}

/// One step of a stage, in layer order; in one layer the plugins come before the script.
#[derive(Clone, Debug)]
pub enum HookStep {
    /// A plugin is called.
    Component(Box<HookCall>),
    /// A script of a layer is run, with all rights of the user.
    Script(PlannedShellHook),
}

impl fmt::Display for HookStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component(call) => {
                let LayerPlugin { owner, layer, decl, .. } = &call.plugin;
                write!(f, "{} hook {}/{} {}", call.stage, owner.name, decl.name, decl.version)?;
                if call.plugin.is_used() { write!(f, " for {}", layer.name) } else { Ok(()) }
            }
            Self::Script(script) => write!(f, "{} hook {} (a script)", script.stage, script.path.shown()),
        }
    }
}

impl HookStep {
    /// Makes an error of what went wrong.
    pub fn failure(&self, source: Box<dyn Error + Send + Sync>) -> HookFailure {
        match self {
            Self::Component(call) => call.failure(source),
            Self::Script(script) => {
                let (layer, hook) = (script.layer.clone(), format!("hooks/{}.sh", script.stage));
                HookFailure { layer, hook, stage: script.stage, source }
            }
        }
    }
}

impl HookCall {
    /// Makes an error of what went wrong.
    pub fn failure(&self, source: Box<dyn Error + Send + Sync>) -> HookFailure {
        let LayerPlugin { layer, decl, .. } = &self.plugin;
        HookFailure { layer: layer.name.clone(), hook: decl.name.clone(), stage: self.stage, source }
    }
}

/// The directories behind the zones of a call. A zone that does not exist at that moment is `None`.
#[derive(Clone, Debug)]
pub struct Zones {
    /// The directories of all layers in merge order.
    pub layers: Vec<(String, PathBuf)>,
    /// The target tree.
    pub target: Option<PathBuf>,
    /// The images.
    pub images: Option<PathBuf>,
    /// Where plugins keep their own state: a directory for each is made below.
    pub state: PathBuf,
    /// For calls whose outcome must depend on inputs alone: the time, in seconds since 1970, that the plugin and
    /// its tools are told, and the seed of its random numbers. `None` for the real ones.
    pub epoch: Option<u32>,
}

/// Settings that a plugin adds to the configuration, as if they stood in its layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contribution {
    /// The layer for which the plugin works.
    pub layer: String,
    /// The plugin's name.
    pub plugin: String,
    /// What they are for.
    pub kind: Kind,
    /// The name for messages, like that of a file.
    pub name: String,
    /// The lines.
    pub text: String,
}

/// Calls hooks.
pub trait HookRunner {
    /// Checks that steps could be made: they are granted, and plugins load and fit. Nothing of them runs.
    ///
    /// # Errors
    /// [`HookFailure`] with the reason of the first that could not.
    fn check_hooks(&self, steps: &[HookStep]) -> Result<(), HookFailure>;

    /// Asks a plugin what it contributes to the configuration. Equal layers give equal contributions.
    ///
    /// # Errors
    /// [`HookFailure`] when it cannot be loaded, is refused, fails or is stopped.
    fn contribute(&self, call: &HookCall, zones: &Zones) -> Result<Vec<Contribution>, HookFailure>;

    /// Carries out one step.
    ///
    /// # Errors
    /// [`HookFailure`] when it cannot be loaded, is refused, fails or is stopped.
    fn run_hook(&self, step: &HookStep, zones: &Zones) -> Result<(), HookFailure>;
}

/// A hook did not do its work.
#[derive(Debug, thiserror::Error)]
#[error("the {stage} hook `{hook}` of layer `{layer}` failed")]
pub struct HookFailure {
    /// The layer that ships it.
    pub layer: String,
    /// The plugin's name, or the script.
    pub hook: String,
    /// When it was called.
    pub stage: Stage,
    /// What happened, as the runtime tells it.
    pub source: Box<dyn Error + Send + Sync>,
}
