//! Which scripts of layers a build would run, and whether the user has agreed.

use std::collections::BTreeSet;

use skiff_build::buildroot::NamedScript;
use skiff_build::buildroot::Owner;
use skiff_build::buildroot::Refused;
use skiff_build::buildroot::named_scripts;
use skiff_plan::BuildPlan;
use skiff_runtime::Scripts;

use crate::command_error::Result;
use crate::session::Session;

/// Returns what a build of a plan would run and may not: layers that lack the grant, and scripts that no grant covers.
pub(crate) fn refused(session: &Session, plan: &BuildPlan) -> Result<Vec<Refused>> {
    let named = named_scripts(plan, &session.workspace)?;
    let grants = session.grants()?;
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    for script in &named {
        wanted.insert(&script.by);
        if let Owner::Layer(layer) = &script.owner {
            wanted.insert(layer);
        }
    }
    let mut refused = Vec::new();
    for layer in &plan.layers {
        let runs = !layer.shell_hooks().is_empty() || wanted.contains(layer.name.as_str());
        if runs && Scripts::read(&layer.name, &layer.root)?.check(&grants, &layer.root).is_err() {
            refused.push(Refused::Layer(layer.name.clone()));
        }
    }
    let unbound = named.into_iter().filter(|script| script.owner == Owner::Unknown);
    refused.extend(unbound.map(|NamedScript { place, path, .. }| Refused::Script { place, path }));
    Ok(refused)
}
