//! What the user has agreed to: plugins with what they declare, and scripts of layers.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;

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
use skiff_runtime::GrantFile;
use skiff_runtime::Grants;
use skiff_runtime::Identity;
use skiff_runtime::Runner;
use skiff_runtime::Scripts;
use skiff_runtime::Standing;
use skiff_text::Shown as _;

use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::prompt;
use crate::session::Session;

/// Refuses what `--allow` and `--grants` name and there is not: a plugin, a capability that it declares, a file.
pub(crate) fn check_given(session: &Session) -> Result<()> {
    session.read_grant_arguments(&mut Grants::default())?;
    session.allowed.iter().filter_map(|text| text.split_once('=')).try_for_each(|(id, words)| {
        let declared: Vec<CapabilityId> = plugin(session, id)?.capabilities.iter().map(Capability::id).collect();
        let is_known = |word: &&str| *word == "all" || declared.iter().any(|id| id.is_meant(word));
        let Some(wrong) = words.split(',').find(|word| !is_known(word)) else { return Ok(()) };
        let wrong = CommandError::new(Kind::Usage, format!("--allow names `{wrong}`, which `{id}` does not declare"));
        Err(match declared.is_empty() {
            true => wrong.hint(format!("it declares nothing; to let it run: --allow {id}=all")),
            false => wrong.hint(format!("it declares: {}", shown_capabilities(&declared))),
        })
    })
}

/// Finds the plugin that `--allow` names.
fn plugin(session: &Session, id: &str) -> Result<PluginDecl> {
    let unknown = || CommandError::new(Kind::Usage, format!("--allow names `{id}`, which is not a plugin"));
    let Some((layer, name)) = id.rsplit_once('/').filter(|(layer, _)| layer.contains('/') || *layer == "overrides")
    else {
        return Err(unknown().hint(
            "a plugin is named NAMESPACE/PACKAGE/PLUGIN, as `skiff grant list` shows it; \
             scripts of a layer are allowed by: skiff grant add LAYER shell",
        ));
    };
    let no_layer = || {
        CommandError::new(Kind::Usage, format!("--allow names `{id}`, and there is no package `{layer}`"))
            .hint("`skiff grant list` shows the plugins of the chain, `skiff list --all` all packages")
    };
    let found = session.find_layer(layer)?.ok_or_else(no_layer)?;
    if found.name != layer {
        return Err(unknown().hint(format!("the layer is written `{}`", found.name)));
    }
    let plugins = found.manifest()?.plugins;
    let names: Vec<String> = plugins.iter().map(|plugin| format!("{layer}/{}", plugin.name)).collect();
    plugins.into_iter().find(|plugin| plugin.name == name).ok_or_else(|| match names.is_empty() {
        true => unknown().hint(format!("`{layer}` has no plugins")),
        false => unknown().hint(format!("`{layer}` has: {}", names.join(", "))),
    })
}

/// Sees to it that plugins may do what they declare before any of them is called: takes what is allowed on the command
/// line, lets other bytes take over grants if they ask for no more, and asks for the rest on a terminal. What is still
/// missing then is refused when the plugin is called.
pub(crate) fn obtain<'p>(session: &Session, plugins: impl IntoIterator<Item = &'p LayerPlugin>) -> Result<()> {
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
pub(crate) fn standing(session: &Session, plugin: &LayerPlugin, identity: &Identity) -> Result<Standing> {
    Ok(standing_in(session, &session.grants_for(&plugin.owner.root)?, plugin, identity))
}

/// Returns how a plugin stands with some grants. Where strangers can write to its layer, its bytes may be theirs: what other bytes
/// were granted does not count then.
pub(crate) fn standing_in(session: &Session, grants: &Grants, plugin: &LayerPlugin, identity: &Identity) -> Standing {
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

/// Whether somebody is there to be asked. Who wants no questions has not agreed to anything by that.
pub(crate) fn can_ask(session: &Session) -> bool {
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    terminal
        && session.asks
        && !session.policy.locked
        && session.console.environment.get("SKIFF_NO_INTERACTIVE").is_none()
}

/// Shows a plugin and what it asks for, all of it the first time and the difference later, and asks.
fn ask(session: &Session, plugin: &LayerPlugin, identity: &Identity, denied: Denied) -> Result<()> {
    let Identity { plugin: id, digest, .. } = identity;
    let question = format!("Allow {id} to do this?");
    let lines = request(plugin, identity, &denied, prompt::columns());
    if !prompt::show(&session.console, &lines)? {
        session.audit_note(id, *digest, AuditEvent::Refused { reason: "the user stopped reading".to_owned() })?;
        return Err(denied.into());
    }
    if !session.console.ask(&question, &denied.grant_line())? {
        session.audit_note(id, *digest, AuditEvent::Refused { reason: "the user said no".to_owned() })?;
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

/// Returns what the user reads before the question: the plugin, and each capability with its reason. What reaches furthest
/// comes last, beside the question: downloads, then tools, those at the terminal at the very end.
fn request(plugin: &LayerPlugin, identity: &Identity, denied: &Denied, columns: usize) -> Vec<String> {
    let LayerPlugin { owner, layer, decl, .. } = plugin;
    let Identity { plugin: id, digest, .. } = identity;
    let mut lines = vec![String::new()];
    let title = prompt::indented(0, &format!("Plugin {id} {}", decl.version), columns);
    lines.extend(title.iter().map(|line| prompt::strong(line)));
    lines.extend(prompt::indented(2, &format!("of layer {} in {}", owner.name, owner.root.shown()), columns));
    if plugin.is_used() {
        let used = format!("used by layer {} in {}, and by any other that names it", layer.name, layer.root.shown());
        lines.extend(prompt::indented(2, &used, columns));
    }
    lines.push(format!("  sha256:{digest}"));
    if !denied.held.is_empty() {
        let held = format!("has changed; it may do already: {}", shown_capabilities(&denied.held));
        lines.extend(prompt::indented(0, &held, columns));
    }
    lines.push(match (denied.missing.is_empty(), denied.held.is_empty()) {
        (true, _) => "asks for nothing but to run.".to_owned(),
        (false, true) => "asks to be able to:".to_owned(),
        (false, false) => "asks for more:".to_owned(),
    });
    let is_missing = |capability: &&Capability| {
        let id = capability.id();
        denied.missing.iter().any(|(missing, _)| *missing == id)
    };
    let mut missing: Vec<&Capability> = decl.capabilities.iter().filter(is_missing).collect();
    missing.sort_by_key(|capability| capability.reach());
    for capability in missing {
        lines.extend(prompt::indented(2, &capability.to_string(), columns).iter().map(|line| prompt::strong(line)));
        lines.extend(prompt::indented(6, capability.why(), columns));
        lines.extend(capability.warning().map(|warning| format!("      {warning}")));
        if let Some(terms) = capability.terms() {
            lines.extend(prompt::indented(6, &format!("with {}", terms.join(", ")), columns));
        }
    }
    lines
}

/// Keeps what the user has agreed to.
fn agree(session: &Session, identity: &Identity, capabilities: Vec<CapabilityId>, event: AuditEvent) -> Result<()> {
    session.audit_note(&identity.plugin, identity.digest, event)?;
    let (_, own) = session.grant_files();
    GrantFile::update(&own, |grants| grants.add(identity, capabilities))?;
    Ok(())
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

#[cfg(test)]
mod tests {
    use skiff_digest::Digest;
    use skiff_layers::Layer;
    use skiff_layers::parse_manifest;
    use skiff_runtime::PluginId;
    use skiff_text::width;

    use super::*;

    #[test]
    fn a_reader_at_80_columns_misses_no_capability() {
        let blanks = " ".repeat(80 * 40);
        let manifest = format!(
            "schema: 1\nplugins:\n  - {{name: g, version: 1.0.0, component: g.wasm, interface: ^1.0, hooks: [pre], \
             capabilities: [{{tool: sh, terminal: true, why: runs, arguments: [\"-c {{text}}\"]}}, \
             {{write: images, why: \"x{blanks}Plugin evil/ask/harmless 2.0.0 asks for nothing\"}}]}}"
        );
        let root = std::path::Path::new("/l/evil/ask");
        let decl = parse_manifest(root, &manifest).unwrap().plugins.remove(0);
        let identity = Identity { plugin: PluginId::new("evil/ask", "g"), digest: Digest::of(b""), root: root.into() };
        let missing = decl.capabilities.iter().map(|c| (c.id(), c.why().to_owned())).collect();
        let denied = Denied { plugin: identity.plugin.clone(), missing, held: Vec::new(), changed: false };
        let plugin = LayerPlugin::own(&Layer::open("evil/ask", root).unwrap(), decl);
        let lines: Vec<String> =
            request(&plugin, &identity, &denied, 80).iter().map(|line| skiff_text::harmless(line)).collect();
        assert!(lines.iter().all(|line| width(line) <= 80) && lines.len() < 16, "{lines:#?}");
        let at = |text: &str| lines.iter().position(|line| line.trim() == text).unwrap();
        assert!(at("write:images") < at("tool:sh") && at("tool:sh") + 5 > lines.len(), "{lines:#?}");
        assert!(lines.iter().all(|line| !line.starts_with("Plugin evil/ask/harmless")));
    }
}
