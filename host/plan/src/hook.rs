//! The joint between engines and plugins: what to call, and who calls it.

use std::error::Error;
use std::path::PathBuf;

use skiff_layers::PluginDecl;
use skiff_layers::Stage;

/// A call of one plugin at one stage.
#[derive(Clone, Debug)]
pub struct HookCall {
    /// The layer that ships the plugin.
    pub layer: String,
    /// That layer's folder.
    pub layer_root: PathBuf,
    /// The plugin.
    pub plugin: PluginDecl,
    /// When it is called.
    pub stage: Stage,
}

/// The folders behind the zones of a call. A zone that does not exist at that moment is `None`.
#[derive(Clone, Debug)]
pub struct Zones {
    /// The folders of all layers in merge order.
    pub layers: Vec<(String, PathBuf)>,
    /// The target tree.
    pub target: Option<PathBuf>,
    /// The images.
    pub images: Option<PathBuf>,
    /// Where plugins keep their own state: a folder for each is made below.
    pub state: PathBuf,
    /// For calls whose outcome must depend on inputs alone: the time, in seconds since 1970, that the plugin and
    /// its tools are told, and the seed of its random numbers. `None` for the real ones.
    pub epoch: Option<u32>,
}

/// Calls hooks.
pub trait HookRunner {
    /// Checks that a call could be made: the plugin is granted, loads and fits. Nothing of it runs.
    ///
    /// # Errors
    /// [`HookFailure`] with the reason.
    fn check_hook(&self, call: &HookCall) -> Result<(), HookFailure>;

    /// Carries out one call.
    ///
    /// # Errors
    /// [`HookFailure`] when the plugin cannot be loaded, is refused, fails or is stopped.
    fn run_hook(&self, call: &HookCall, zones: &Zones) -> Result<(), HookFailure>;
}

/// A hook did not do its work.
#[derive(Debug, thiserror::Error)]
#[error("The {stage} hook `{plugin}` of layer `{layer}` failed")]
pub struct HookFailure {
    /// The layer that ships the plugin.
    pub layer: String,
    /// The plugin's name.
    pub plugin: String,
    /// When it was called.
    pub stage: Stage,
    /// What happened, as the runtime tells it.
    pub source: Box<dyn Error + Send + Sync>,
}
