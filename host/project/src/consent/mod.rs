//! What the user has agreed to: plugins with what they declare, and scripts of layers.

mod request;

use std::collections::BTreeSet;
use std::path::PathBuf;

use skiff_build::Drift;
use skiff_build::LockFile;
use skiff_build::OpenError;
use skiff_build::buildroot::NamedScript;
use skiff_build::buildroot::Owner;
use skiff_build::buildroot::Refused;
use skiff_build::buildroot::named_scripts;
use skiff_layers::Capability;
use skiff_layers::CapabilityId;
use skiff_layers::LayerPlugin;
use skiff_layers::PluginDecl;
use skiff_layers::shown_capabilities;
use skiff_plan::BuildPlan;
use skiff_runtime::AuditEvent;
use skiff_runtime::Denied;
use skiff_runtime::Grants;
use skiff_runtime::Identity;
use skiff_runtime::Runner;
use skiff_runtime::Scripts;
use skiff_runtime::Standing;
use skiff_text::Shown as _;

use crate::Consent;
use crate::error::Result;
use crate::session::Session;

/// Why what the user says about consent means nothing.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    /// `--allow` has no `=`.
    #[error("--allow `{0}` does not contain a capability")]
    NoCapability(String),
    /// `--allow` names a capability that the plugin does not ask for.
    #[error("--allow names `{capability}`, which `{id}` does not declare")]
    Undeclared {
        /// The plugin.
        id: String,
        /// What was named.
        capability: String,
        /// What it does declare.
        declared: Vec<CapabilityId>,
    },
    /// `--allow` names something that is not a plugin.
    #[error("--allow names `{id}`, which is not a plugin")]
    NoPlugin {
        /// What was named.
        id: String,
        /// What may be meant.
        instead: Instead,
    },
    /// `--allow` names a plugin of a package that is not there.
    #[error("--allow names `{id}`, and there is no package `{layer}`")]
    NoLayer {
        /// What was named.
        id: String,
        /// The package.
        layer: String,
    },
    /// `--grants` names a file that is not there.
    #[error("there is no file with grants `{}`", .0.shown())]
    NoFile(PathBuf),
}

/// What may be meant by the name of a plugin that is not there.
#[derive(Debug)]
pub enum Instead {
    /// It is not written as a plugin is.
    Form,
    /// The layer is written in another way.
    Layer(String),
    /// The layer has other plugins.
    Plugins {
        /// The layer.
        layer: String,
        /// The plugins.
        names: Vec<String>,
    },
}

/// Refuses what `--allow` and `--grants` name and there is not: a plugin, a capability that it declares, a file.
pub fn check_given(session: &Session) -> Result<()> {
    session.read_grant_arguments(&mut Grants::default())?;
    session.allowed.iter().filter_map(|text| text.split_once('=')).try_for_each(|(id, words)| {
        let declared: Vec<CapabilityId> = plugin(session, id)?.capabilities.iter().map(Capability::id).collect();
        let is_known = |word: &&str| *word == "all" || declared.iter().any(|id| id.is_meant(word));
        let Some(wrong) = words.split(',').find(|word| !is_known(word)) else { return Ok(()) };
        Err(ConsentError::Undeclared { id: id.to_owned(), capability: wrong.to_owned(), declared }.into())
    })
}

/// Finds the plugin that `--allow` names.
fn plugin(session: &Session, id: &str) -> Result<PluginDecl> {
    let unknown = |instead| ConsentError::NoPlugin { id: id.to_owned(), instead };
    let Some((layer, name)) = id.rsplit_once('/').filter(|(layer, _)| layer.contains('/') || *layer == "overrides")
    else {
        return Err(unknown(Instead::Form).into());
    };
    let no_layer = || ConsentError::NoLayer { id: id.to_owned(), layer: layer.to_owned() };
    let found = session.find_layer(layer)?.ok_or_else(no_layer)?;
    if found.name != layer {
        return Err(unknown(Instead::Layer(found.name)).into());
    }
    let plugins = found.manifest()?.plugins;
    let names: Vec<String> = plugins.iter().map(|plugin| format!("{layer}/{}", plugin.name)).collect();
    let meant = plugins.into_iter().find(|plugin| plugin.name == name);
    meant.ok_or_else(|| unknown(Instead::Plugins { layer: layer.to_owned(), names }).into())
}

/// Sees to it that plugins may do what they declare before any of them is called: takes what is allowed on the command
/// line, lets other bytes take over grants if they ask for no more, and asks for the rest on a terminal. What is still
/// missing then is refused when the plugin is called.
pub fn obtain<'p>(session: &Session, plugins: impl IntoIterator<Item = &'p LayerPlugin>) -> Result<()> {
    for plugin in plugins {
        let identity = Runner::identify(plugin)?;
        if session.policy.locked {
            check_locked(session, &identity)?;
        }
        match standing(session, plugin, &identity)? {
            Standing::Granted => {}
            Standing::Carried { from } => carry(session, plugin, &identity, &from)?,
            Standing::Missing(denied) => {
                if allowed(session, plugin, &identity, &denied)? || !can_ask(session) {
                    continue;
                }
                // Some of it may have been allowed on the command line.
                if let Standing::Missing(denied) = standing(session, plugin, &identity)? {
                    ask(session, plugin, &identity, denied)?;
                }
            }
        }
    }
    Ok(())
}

/// Returns how a plugin stands.
pub fn standing(session: &Session, plugin: &LayerPlugin, identity: &Identity) -> Result<Standing> {
    Ok(standing_in(session, &session.grants_for(identity)?, plugin, identity))
}

/// Returns how a plugin stands with some grants. Where strangers can write to its layer, its bytes may be theirs: what other bytes
/// were granted does not count then.
pub fn standing_in(session: &Session, grants: &Grants, plugin: &LayerPlugin, identity: &Identity) -> Standing {
    standing_with(session, grants, plugin, identity, &plugin.decl.capabilities)
}

/// Returns what a plugin may do already of all that it declares, for whichever layer it works.
fn held(session: &Session, plugin: &LayerPlugin, identity: &Identity) -> Result<BTreeSet<CapabilityId>> {
    let grants = session.kept_grants()?;
    Ok(match standing_with(session, &grants, plugin, identity, &plugin.declared) {
        Standing::Granted | Standing::Carried { .. } => plugin.declared.iter().map(Capability::id).collect(),
        Standing::Missing(denied) => denied.held.into_iter().collect(),
    })
}

fn standing_with(
    session: &Session,
    grants: &Grants,
    plugin: &LayerPlugin,
    identity: &Identity,
    capabilities: &[Capability],
) -> Standing {
    let standing = grants.standing(identity, capabilities);
    let alone = grants.standing_alone(identity, capabilities);
    match standing == alone || session.belief.is_own(&plugin.owner.root) {
        true => standing,
        false => alone,
    }
}

/// Other bytes than those that the user agreed to ask for no more: they take over, and the user is told.
fn carry(session: &Session, plugin: &LayerPlugin, identity: &Identity, from: &str) -> Result<()> {
    // What cannot be loaded takes nothing over: the bytes may be broken, and the old ones come back.
    session.bare_runner()?.inspect(plugin)?;
    let event = AuditEvent::Carried { from: from.to_owned() };
    let kept = standing_in(session, &session.kept_grants()?, plugin, identity);
    // Who only looks changes nothing, and what was granted for one run does not hold for the next.
    if session.asks && matches!(kept, Standing::Carried { .. }) {
        agree(session, identity, held(session, plugin, identity)?.into_iter().collect(), event)?;
    } else {
        session.audit_note(&identity.plugin, identity.digest, event)?;
        session.grant_for_now(identity, ids(plugin));
    }
    let (Identity { plugin: id, digest, .. }, version) = (identity, &plugin.decl.version);
    session
        .console
        .say(&format!("{id} {version} has changed and asks for no more than before ({from}, now sha256:{digest})"));
    Ok(())
}

/// Takes what `--allow` says of a plugin, which is in force for this run only. Returns whether that is all that is missing.
fn allowed(session: &Session, plugin: &LayerPlugin, identity: &Identity, denied: &Denied) -> Result<bool> {
    let id = &identity.plugin;
    let words = session.allowed.iter().filter_map(|text| text.split_once('=')).filter(|(name, _)| *name == id.as_str());
    let words: Vec<&str> = words.flat_map(|(_, words)| words.split(',')).collect();
    if words.is_empty() {
        return Ok(false);
    }
    let is_allowed = |wanted: &CapabilityId| words.iter().any(|word| *word == "all" || wanted.is_meant(word));
    let declared = ids(plugin);
    for word in words.iter().filter(|word| **word != "all" && !declared.iter().any(|id| id.is_meant(word))) {
        session.console.warn(&format!(
            "--allow names `{word}`, which {id} does not declare: it has {}",
            shown_capabilities(&declared)
        ));
    }
    let (taken, left): (Vec<_>, Vec<_>) = denied.missing.iter().partition(|(wanted, _)| is_allowed(wanted));
    let capabilities = match left.is_empty() {
        true => declared,
        false => taken.into_iter().map(|(wanted, _)| wanted.clone()).collect(),
    };
    if left.is_empty() || !capabilities.is_empty() {
        session.audit_note(id, identity.digest, AuditEvent::Granted { capabilities: capabilities.clone() })?;
        session.grant_for_now(identity, capabilities);
    }
    Ok(left.is_empty())
}

fn ids(plugin: &LayerPlugin) -> Vec<CapabilityId> {
    plugin.decl.capabilities.iter().map(Capability::id).collect()
}

/// Returns whether the user can be asked. A user who wants no questions has not agreed to anything.
pub fn can_ask(session: &Session) -> bool {
    session.asks
        && !session.policy.locked
        && session.console.environment.wants_questions()
        && session.console.dialog.is_attended()
}

/// Shows a plugin and what it asks for, all of it the first time and the difference later, and asks.
fn ask(session: &Session, plugin: &LayerPlugin, identity: &Identity, denied: Denied) -> Result<()> {
    let Identity { plugin: id, digest, .. } = identity;
    let question = format!("Allow {id} to do this?");
    let lines = request::lines(plugin, identity, &denied, session.console.dialog.columns());
    let refused = match session.console.ask_about(&lines, &question, &denied.grant_line())? {
        Consent::Yes => None,
        Consent::No => Some("the user said no"),
        Consent::Unread => Some("the user stopped reading"),
    };
    if let Some(reason) = refused {
        session.audit_note(id, *digest, AuditEvent::Refused { reason: reason.to_owned() })?;
        return Err(denied.into());
    }
    // What cannot be loaded is granted nothing: the user has agreed to a plugin, and this is none.
    session.bare_runner()?.inspect(plugin)?;
    // What holds for this run only was not asked about, and is not kept.
    let mut kept = held(session, plugin, identity)?;
    kept.extend(denied.missing.into_iter().map(|(name, _)| name));
    session.grant_for_now(identity, ids(plugin));
    let capabilities: Vec<CapabilityId> = kept.into_iter().collect();
    agree(session, identity, capabilities.clone(), AuditEvent::Granted { capabilities })
}

/// Keeps what the user has agreed to.
fn agree(session: &Session, identity: &Identity, capabilities: Vec<CapabilityId>, event: AuditEvent) -> Result<()> {
    session.audit_note(&identity.plugin, identity.digest, event)?;
    session.update_grants(|grants| grants.add(identity, capabilities))
}

/// With `--locked` a plugin has the bytes that are locked.
fn check_locked(session: &Session, identity: &Identity) -> Result<()> {
    let Identity { plugin: id, digest, .. } = identity;
    let lock = LockFile::read(&session.workspace)?;
    let locked = lock.system.as_ref().and_then(|system| system.plugin(id.as_str()));
    let drift = match locked {
        None => Drift::NewPlugin(id.to_string()),
        Some(locked) if locked.sha256 != digest.to_string() => {
            Drift::Plugin(id.to_string(), locked.sha256.clone(), digest.to_string())
        }
        Some(_) => return Ok(()),
    };
    Err(OpenError::Drifted { path: session.workspace.system_lock(), drift: vec![drift] }.into())
}

/// Returns what a build of a plan would run and may not: layers that lack the grant, and scripts that no grant covers.
pub fn refused(session: &Session, plan: &BuildPlan) -> Result<Vec<Refused>> {
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
        if layer.shell_hooks()?.is_empty() && !wanted.contains(layer.name.as_str()) {
            continue;
        }
        session.belief.check_layer("the layer whose scripts would run", &layer.root)?;
        if Scripts::read(&layer.name, &layer.dir, &session.console.cancel)?.check(&grants, &layer.root).is_err() {
            refused.push(Refused::Layer(layer.name.clone()));
        }
    }
    let unbound = named.into_iter().filter(|script| script.owner == Owner::Unknown);
    refused.extend(unbound.map(|NamedScript { place, path, .. }| Refused::Script { place, path }));
    Ok(refused)
}
