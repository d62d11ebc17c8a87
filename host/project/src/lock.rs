//! Keeping `skiff.lock` of a workspace and holding a run to it.

use std::collections::BTreeSet;

use skiff_build::LockFile;
use skiff_build::LockedPlugin;
use skiff_build::LockedSystem;
use skiff_layers::Chain;
use skiff_layers::LayerPlugin;
use skiff_plan::BuildPlan;
use skiff_runtime::Grants;
use skiff_runtime::Identity;
use skiff_runtime::Runner;
use skiff_runtime::Standing;

use crate::error::Result;
use crate::session::Session;

/// With `--locked`, refuses a plan that is not exactly what is locked. A [`Job`](crate::job::Job) has seen to that; this is
/// for commands of packages, which build nothing.
pub fn check(session: &Session, plan: &BuildPlan) -> Result<()> {
    match session.policy.locked {
        true => Ok(system(session, plan)?.check(&session.workspace)?),
        false => Ok(()),
    }
}

/// As [`check`], after something was made of a chain: its layers are read once more, so that nothing else was made in silence
/// from what has changed meanwhile.
pub fn check_again(session: &Session, chain: &Chain) -> Result<()> {
    match session.policy.locked {
        true => check(session, &session.plan_of(chain)?),
        false => Ok(()),
    }
}

/// Returns what the system of a plan consists of. Interfaces are left out: they belong to the bytes, whose digests are compared.
pub fn system(session: &Session, plan: &BuildPlan) -> Result<LockedSystem> {
    present(session, plan, |_, _| Ok(BTreeSet::new()))
}

/// Writes down what a system was built of.
pub fn keep(session: &Session, plan: &BuildPlan) -> Result<()> {
    if session.policy.locked || session.policy.frozen {
        return Ok(());
    }
    let before = LockFile::read(&session.workspace)?.system;
    let grants = session.grants()?;
    let interfaces = |plugin: &str, planned: &LayerPlugin| -> Result<BTreeSet<String>> {
        let identity = Runner::identify(planned)?;
        if grants.standing(&identity, &planned.decl.capabilities) != Standing::Granted {
            return Ok(BTreeSet::new());
        }
        let known = before.as_ref().and_then(|system| system.plugin(plugin));
        if let Some(known) =
            known.filter(|known| known.sha256 == identity.digest.to_string() && !known.interfaces.is_empty())
        {
            return Ok(known.interfaces.clone());
        }
        let inspection = session.bare_runner()?.inspect(planned)?;
        let of_skiff =
            inspection.imports.into_iter().chain(inspection.exports).filter(|name| name.starts_with("skiff:"));
        Ok(of_skiff.collect())
    };
    let system = present(session, plan, interfaces)?;
    Ok(LockFile::update(&session.workspace, |lock| lock.system = Some(system))?)
}

fn present(
    session: &Session,
    plan: &BuildPlan,
    interfaces: impl Fn(&str, &LayerPlugin) -> Result<BTreeSet<String>>,
) -> Result<LockedSystem> {
    // What is allowed for one run belongs to the run, not to the system.
    let grants = session.kept_grants()?;
    let mut plugins: Vec<LockedPlugin> = Vec::new();
    for planned in &plan.plugins {
        let locked = plugin(planned, &grants, &interfaces)?;
        // Several layers may use one plugin.
        if !plugins.iter().any(|known| known.plugin == locked.plugin) {
            plugins.push(locked);
        }
    }
    Ok(LockedSystem { engine: session.settings.engine.value, layers: LockedSystem::layers(plan), plugins })
}

fn plugin(
    planned: &LayerPlugin,
    grants: &Grants,
    interfaces: &impl Fn(&str, &LayerPlugin) -> Result<BTreeSet<String>>,
) -> Result<LockedPlugin> {
    let identity = Runner::identify(planned)?;
    let granted = planned.declared.iter().filter(|capability| grants.allows(&identity, capability));
    let Identity { plugin: id, digest, .. } = &identity;
    Ok(LockedPlugin {
        plugin: id.to_string(),
        version: planned.decl.version.to_string(),
        sha256: digest.to_string(),
        interfaces: interfaces(id.as_str(), planned)?,
        grants: granted.map(|capability| capability.id().to_string()).collect(),
    })
}
