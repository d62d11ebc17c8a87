//! How two systems differ.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use cap_std::fs::Dir;
use serde::Serialize;
use skiff_kconfig::Kind as ConfigKind;
use skiff_layers::Stage;
use skiff_plan::BuildPlan;
use skiff_plan::Overlay;
use skiff_plan::PlanError;
use skiff_plan::Workspace;
use skiff_report::Cancel;
use skiff_text::Shown as _;

use crate::error::Result;

/// How two systems differ. `-` belongs to the first, `+` to the second.
#[derive(Debug, Default, Serialize)]
pub struct Difference {
    /// The layers.
    pub layers: Changes,
    /// The merged symbols, by kind.
    pub symbols: BTreeMap<ConfigKind, BTreeMap<String, Sides>>,
    /// The files of the overlays.
    pub overlays: BTreeMap<String, Sides>,
    /// The hooks.
    pub hooks: Changes,
    /// The users.
    pub users: Changes,
    /// The target's compiler flags, where they differ.
    pub cflags: Option<Sides>,
}

/// What only one side has.
#[derive(Debug, Default, Serialize)]
pub struct Changes {
    /// What only the first has.
    pub removed: Vec<String>,
    /// What only the second has.
    pub added: Vec<String>,
}

/// Two values of one thing, each with who says so.
#[derive(Debug, PartialEq, Serialize)]
pub struct Sides {
    /// What the first says.
    pub from: Option<Said>,
    /// What the second says.
    pub to: Option<Said>,
}

/// A value, and who says so.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Said {
    /// The value.
    pub value: String,
    /// Who says so.
    pub by: String,
}

/// Compares two systems, each a plan with its workspace.
///
/// # Errors
/// If an overlay cannot be read.
pub fn compare(
    (from, from_ws): &(BuildPlan, Workspace),
    (to, to_ws): &(BuildPlan, Workspace),
    cancel: &Cancel,
) -> Result<Difference> {
    let mut symbols = BTreeMap::new();
    for kind in ConfigKind::ALL {
        let said = |plan: &BuildPlan, workspace: &Workspace| -> BTreeMap<String, Said> {
            // Every workspace names its own directory.
            let own = workspace.config().to_string_lossy().into_owned();
            let row = |entry: &skiff_kconfig::Entry| Said {
                value: entry.winner.value.text().replace(&own, ".config"),
                by: entry.winner.origin.to_string(),
            };
            plan.config(kind).entries().map(|(symbol, entry)| (symbol.to_string(), row(entry))).collect()
        };
        symbols.insert(kind, sides(&said(from, from_ws), &said(to, to_ws)));
    }
    symbols.retain(|_, changed| !changed.is_empty());
    let layers = |plan: &BuildPlan| plan.layers.iter().map(|layer| layer.name.clone()).collect::<Vec<_>>();
    let users = |plan: &BuildPlan| plan.users.iter().map(|user| user.text.clone()).collect::<Vec<_>>();
    let flags = |plan: &BuildPlan| Some(Said { value: plan.cflags.clone(), by: "all layers".into() });
    Ok(Difference {
        layers: changes(&layers(from), &layers(to)),
        symbols,
        overlays: sides(&overlays(from, cancel)?, &overlays(to, cancel)?),
        hooks: changes(&hooks(from), &hooks(to)),
        users: changes(&users(from), &users(to)),
        cflags: (from.cflags != to.cflags).then(|| Sides { from: flags(from), to: flags(to) }),
    })
}

fn sides(from: &BTreeMap<String, Said>, to: &BTreeMap<String, Said>) -> BTreeMap<String, Sides> {
    let names: BTreeSet<String> = from.keys().chain(to.keys()).cloned().collect();
    let value = |said: Option<&Said>| said.map(|said| said.value.clone());
    names
        .into_iter()
        .filter(|name| value(from.get(name)) != value(to.get(name)))
        .map(|name| {
            let sides = Sides { from: from.get(&name).cloned(), to: to.get(&name).cloned() };
            (name, sides)
        })
        .collect()
}

fn changes(from: &[String], to: &[String]) -> Changes {
    let only = |one: &[String], other: &[String]| one.iter().filter(|item| !other.contains(item)).cloned().collect();
    Changes { removed: only(from, to), added: only(to, from) }
}

/// The files of all overlays, each with the digest of what the last layer brings.
fn overlays(plan: &BuildPlan, cancel: &Cancel) -> Result<BTreeMap<String, Said>> {
    let mut files = BTreeMap::new();
    for overlay in &plan.overlays {
        add_overlay(&mut files, overlay, &overlay.open()?, Path::new("/"), cancel)?;
    }
    Ok(files)
}

fn add_overlay(
    files: &mut BTreeMap<String, Said>,
    overlay: &Overlay,
    folder: &Dir,
    inner: &Path,
    cancel: &Cancel,
) -> Result<()> {
    let unreadable = |error: io::Error| PlanError::Input {
        path: overlay.path.join(inner.strip_prefix("/").unwrap_or(inner)),
        source: error,
    };
    for entry in folder.entries().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let (name, kind) = (entry.file_name(), entry.file_type().map_err(unreadable)?);
        let inner = inner.join(&name);
        if kind.is_dir() {
            add_overlay(files, overlay, &entry.open_dir().map_err(unreadable)?, &inner, cancel)?;
            continue;
        }
        let value = if kind.is_symlink() {
            format!("-> {}", folder.read_link_contents(&name).map_err(unreadable)?.shown())
        } else if kind.is_file() {
            overlay.digest_of(inner.strip_prefix("/").unwrap_or(&inner), cancel)?.to_string()
        } else {
            continue;
        };
        files.insert(inner.shown().to_string(), Said { value, by: overlay.layer.clone() });
    }
    Ok(())
}

fn hooks(plan: &BuildPlan) -> Vec<String> {
    [Stage::Configure, Stage::Pre, Stage::Post]
        .into_iter()
        .flat_map(|stage| plan.hooks(stage))
        .map(|step| step.to_string())
        .collect()
}
