//! The documented JSON form of a plan: what `skiff plan --json` prints.
//!
//! A field may be added at any time; one that goes or changes its meaning raises [`VERSION`].

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;
use skiff_kconfig::Assignment;
use skiff_kconfig::Kind;
use skiff_layers::LayerCommand;
use skiff_layers::LayerPlugin;
use skiff_layers::Prebuilt;
use skiff_layers::Stage;

use crate::BuildPlan;
use crate::Fingerprint;
use crate::HookStep;

/// The version of the shape.
pub const VERSION: u32 = 1;

/// A whole plan.
#[derive(Debug, Serialize)]
pub struct PlanDocument<'p> {
    /// [`VERSION`].
    version: u32,
    /// The names of the chain, in resolved order.
    chain: &'p [String],
    /// All layers in merge order, base layers and overrides included.
    layers: Vec<LayerRow<'p>>,
    /// The hooks of each stage, in the order in which they are called.
    hooks: BTreeMap<&'static str, Vec<HookRow>>,
    /// For each kind of configuration, what every symbol was set to, and by whom.
    symbols: BTreeMap<Kind, BTreeMap<&'p str, SymbolRow<'p>>>,
    cflags: &'p str,
    /// The lines of the users tables, as written, without comments.
    users: Vec<&'p str>,
    overlays: Vec<&'p Path>,
    patches: PatchRows<'p>,
    /// The Buildroot external trees: the value of `BR2_EXTERNAL`, joined by `:`.
    external: &'p [PathBuf],
    /// The commands of each layer.
    commands: &'p BTreeMap<String, Vec<LayerCommand>>,
    build_target: Option<&'p str>,
    prebuilt: &'p Prebuilt,
    /// Lines of fragments that are no assignments.
    problems: Vec<ProblemRow<'p>>,
    fingerprint: &'p Fingerprint,
}

#[derive(Debug, Serialize)]
struct LayerRow<'p> {
    name: &'p str,
    path: &'p Path,
}

#[derive(Debug, Serialize)]
struct HookRow {
    layer: String,
    kind: &'static str,
    /// The plugin, by the layer that ships it.
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin: Option<String>,
    path: PathBuf,
}

#[derive(Debug, Serialize)]
struct SymbolRow<'p> {
    value: &'p str,
    layer: &'p str,
    file: &'p Path,
    line: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shadowed: Vec<SymbolRow<'p>>,
}

#[derive(Debug, Serialize)]
struct PatchRows<'p> {
    buildroot: &'p [PathBuf],
    kernel: &'p [PathBuf],
    uboot: &'p [PathBuf],
}

#[derive(Debug, Serialize)]
struct ProblemRow<'p> {
    file: &'p Path,
    line: u32,
    text: &'p str,
    problem: String,
}

/// Puts a plan into its documented form.
pub fn document(plan: &BuildPlan) -> PlanDocument<'_> {
    PlanDocument {
        version: VERSION,
        chain: &plan.chain,
        layers: plan.layers.iter().map(|layer| LayerRow { name: &layer.name, path: &layer.root }).collect(),
        hooks: BTreeMap::from([
            ("configure", hooks(plan, Stage::Configure)),
            ("pre", hooks(plan, Stage::Pre)),
            ("post", hooks(plan, Stage::Post)),
        ]),
        symbols: plan.configs.iter().map(|(kind, config)| (*kind, symbols(config))).collect(),
        cflags: &plan.cflags,
        users: plan.users.iter().map(|user| user.text.as_str()).collect(),
        overlays: plan.overlays.iter().map(|overlay| overlay.path.as_path()).collect(),
        patches: PatchRows {
            buildroot: &plan.patches.buildroot,
            kernel: &plan.patches.kernel,
            uboot: &plan.patches.uboot,
        },
        external: &plan.external,
        commands: &plan.commands,
        build_target: plan.build_target.as_deref(),
        prebuilt: &plan.prebuilt,
        problems: plan.broken.iter().map(problem).collect(),
        fingerprint: &plan.fingerprint,
    }
}

fn hooks(plan: &BuildPlan, stage: Stage) -> Vec<HookRow> {
    let row = |step| match step {
        HookStep::Component(call) => {
            let LayerPlugin { owner, layer, decl, .. } = call.plugin;
            let plugin = Some(format!("{}/{}", owner.name, decl.name));
            HookRow { layer: layer.name, kind: "component", plugin, path: decl.component }
        }
        HookStep::Script(script) => HookRow { layer: script.layer, kind: "shell", plugin: None, path: script.path },
    };
    plan.hooks(stage).into_iter().map(row).collect()
}

fn symbols(config: &skiff_kconfig::Merged) -> BTreeMap<&str, SymbolRow<'_>> {
    let row = |a| symbol(a, Vec::new());
    config
        .entries()
        .map(|(name, entry)| {
            let shadowed = entry.shadowed.iter().map(row).collect();
            (name.as_str(), symbol(&entry.winner, shadowed))
        })
        .collect()
}

fn symbol<'p>(assignment: &'p Assignment, shadowed: Vec<SymbolRow<'p>>) -> SymbolRow<'p> {
    let origin = &assignment.origin;
    SymbolRow { value: assignment.value.text(), layer: &origin.layer, file: &origin.file, line: origin.line, shadowed }
}

fn problem(broken: &crate::BrokenLine) -> ProblemRow<'_> {
    ProblemRow {
        file: &broken.file,
        line: broken.problem.origin.line,
        text: &broken.problem.text,
        problem: broken.problem.kind.to_string(),
    }
}
