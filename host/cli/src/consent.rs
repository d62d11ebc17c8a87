//! Which layers bring scripts that a build would run, and whether the user has agreed.

use skiff_layers::Layer;
use skiff_layers::LayerSource;
use skiff_plan::BuildPlan;
use skiff_runtime::Scripts;

use crate::command_error::Result;
use crate::session::Session;

/// Symbols that name scripts for Buildroot to run; those of the last base layer name skiff.
const SCRIPTS: [&str; 4] = [
    "BR2_ROOTFS_PRE_BUILD_SCRIPT",
    "BR2_ROOTFS_POST_BUILD_SCRIPT",
    "BR2_ROOTFS_POST_FAKEROOT_SCRIPT",
    "BR2_ROOTFS_POST_IMAGE_SCRIPT",
];

/// Whether a layer has hooks that are scripts, or names others that Buildroot is to run.
fn runs_scripts(plan: &BuildPlan, layer: &Layer) -> bool {
    let config = plan.config(skiff_kconfig::Kind::Buildroot);
    let names = |symbol: &&str| {
        config.entry(symbol).is_some_and(|entry| {
            *entry.winner.origin.layer == *layer.name
                && layer.source != LayerSource::BasePost
                && entry.winner.value.string().is_some_and(|scripts| !scripts.is_empty())
        })
    };
    !layer.shell_hooks().is_empty() || SCRIPTS.iter().any(names)
}

/// Returns the layers of a plan whose scripts would run, and may not.
pub(crate) fn layers_without_grant(session: &Session, plan: &BuildPlan) -> Result<Vec<String>> {
    let grants = session.grants()?;
    let mut layers: Vec<String> = Vec::new();
    for layer in plan.layers.iter().filter(|layer| runs_scripts(plan, layer)) {
        if Scripts::read(&layer.name, &layer.root)?.check(&grants, &layer.root).is_err() {
            layers.push(layer.name.clone());
        }
    }
    Ok(layers)
}
