//! What the user has agreed to: plugins with what they declare, and scripts of layers.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;

use skiff_build::Drift;
use skiff_build::LockFile;
use skiff_build::buildroot::NamedScript;
use skiff_build::buildroot::Owner;
use skiff_build::buildroot::Refused;
use skiff_build::buildroot::named_scripts;
use skiff_layers::Capability;
use skiff_layers::Layer;
use skiff_layers::LayerName;
use skiff_layers::LayerSource;
use skiff_layers::PluginDecl;
use skiff_plan::BuildPlan;
use skiff_plan::PlannedPlugin;
use skiff_plan::harmless;
use skiff_runtime::AuditEvent;
use skiff_runtime::Denied;
use skiff_runtime::GrantFile;
use skiff_runtime::Grants;
use skiff_runtime::Identity;
use skiff_runtime::Runner;
use skiff_runtime::Scripts;
use skiff_runtime::Standing;
use skiff_runtime::capability_id;
use skiff_runtime::shown_capabilities;
use skiff_runtime::shown_capability;

use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::commands::cmd;
use crate::output::note;
use crate::session::Session;

/// Refuses what `--allow` and `--grants` name and there is not: a plugin, a capability that it declares, a file.
pub(crate) fn check_given(session: &Session) -> Result<()> {
    session.read_grant_arguments(&mut Grants::default())?;
    session.allowed.iter().filter_map(|text| text.split_once('=')).try_for_each(|(id, words)| {
        let declared: Vec<String> = plugin(session, id)?.capabilities.iter().map(capability_id).collect();
        let is_known = |word: &&str| *word == "all" || declared.iter().any(|id| is_meant(word, id));
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
    let layer_of = layer_of(session, layer);
    let layer_of = layer_of.map_err(|error| {
        CommandError::new(Kind::Usage, format!("--allow names `{id}`: {}", error.message()))
            .hint("`skiff grant list` shows the plugins of the chain, `skiff list --all` all packages")
    });
    let plugins = layer_of?.plugins()?;
    let names: Vec<String> = plugins.iter().map(|plugin| format!("{layer}/{}", plugin.name)).collect();
    plugins.into_iter().find(|plugin| plugin.name == name).ok_or_else(|| match names.is_empty() {
        true => unknown().hint(format!("`{layer}` has no plugins")),
        false => unknown().hint(format!("`{layer}` has: {}", names.join(", "))),
    })
}

/// Finds a layer, in the chain or not.
fn layer_of(session: &Session, name: &str) -> Result<Layer> {
    let context = &session.context;
    let own = format!("overrides/workspaces/{}", context.workspace);
    let (source, root) = match name {
        "base/pre" => (LayerSource::BasePre, context.base.join("pre")),
        "base/post" => (LayerSource::BasePost, context.base.join("post")),
        "overrides" => (LayerSource::Overrides, context.overrides.clone()),
        other if other == own => {
            (LayerSource::WorkspaceOverrides, context.overrides.join("workspaces").join(&context.workspace))
        }
        package => {
            let package: LayerName = package.parse()?;
            let chain = cmd::chain_of_package(session, &package)?;
            let found = chain.packages().iter().find(|known| known.name == package).map(Layer::at);
            return found.ok_or_else(|| CommandError::new(Kind::Bug, format!("`{package}` was lost")));
        }
    };
    Ok(Layer { name: name.to_owned(), source, root })
}

/// Whether a word of the user's is a capability.
fn is_meant(word: &str, id: &str) -> bool {
    word == id || shown_capability(id) == word
}

/// Sees to it that plugins may do what they declare before any of them is called: takes what is allowed on the command
/// line, lets other bytes take over grants if they ask for no more, and asks for the rest on a terminal. What is still
/// missing then is refused when the plugin is called.
pub(crate) fn obtain<'p>(session: &Session, plugins: impl IntoIterator<Item = &'p PlannedPlugin>) -> Result<()> {
    for planned in plugins {
        let identity = Runner::identify(planned)?;
        if session.reach.locked {
            check_locked(session, &identity)?;
        }
        match session.grants()?.standing(&identity, &planned.plugin.capabilities) {
            Standing::Granted => {}
            Standing::Carried { from } => carry(session, planned, &identity, &from)?,
            Standing::Missing(denied) => {
                if allowed(session, planned, &identity, &denied)? || !can_ask(session) {
                    continue;
                }
                // Some of it may have been allowed on the command line.
                if let Standing::Missing(denied) = session.grants()?.standing(&identity, &planned.plugin.capabilities) {
                    ask(session, planned, &identity, denied)?;
                }
            }
        }
    }
    Ok(())
}

/// Other bytes than those that the user agreed to ask for no more: they take over, and the user is told.
fn carry(session: &Session, planned: &PlannedPlugin, identity: &Identity, from: &str) -> Result<()> {
    // What cannot be loaded takes nothing over: the bytes may be broken, and the old ones come back.
    session.bare_runner()?.inspect(planned)?;
    let event = AuditEvent::Carried { from: from.to_owned() };
    let kept = session.kept_grants()?.standing(identity, &planned.plugin.capabilities);
    // Who only looks changes nothing, and what was granted for one run does not hold for the next.
    if session.asks && matches!(kept, Standing::Carried { .. }) {
        agree(session, identity, ids(planned), event)?;
    } else {
        session.audit_note(&identity.plugin, identity.digest, event)?;
        session.grant_for_now(identity, ids(planned));
    }
    let (Identity { plugin: id, digest, .. }, version) = (identity, &planned.plugin.version);
    session.say(&format!("{id} {version} has changed and asks for no more than before ({from}, now sha256:{digest})"));
    Ok(())
}

/// Takes what `--allow` says of a plugin, which is in force for this run only. Returns whether that is all that is missing.
fn allowed(session: &Session, planned: &PlannedPlugin, identity: &Identity, denied: &Denied) -> Result<bool> {
    let id = &identity.plugin;
    let words = session.allowed.iter().filter_map(|text| text.split_once('=')).filter(|(name, _)| *name == id.as_str());
    let words: Vec<&str> = words.flat_map(|(_, words)| words.split(',')).collect();
    if words.is_empty() {
        return Ok(false);
    }
    let is_allowed = |wanted: &str| words.iter().any(|word| *word == "all" || is_meant(word, wanted));
    let declared = ids(planned);
    for word in words.iter().filter(|word| **word != "all" && !declared.iter().any(|id| is_meant(word, id))) {
        session.warn(&format!(
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

fn ids(planned: &PlannedPlugin) -> Vec<String> {
    planned.plugin.capabilities.iter().map(capability_id).collect()
}

/// Whether somebody is there to be asked. Who wants no questions has not agreed to anything by that.
pub(crate) fn can_ask(session: &Session) -> bool {
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    terminal && session.asks && !session.reach.locked && session.environment.get("SKIFF_NO_INTERACTIVE").is_none()
}

/// Shows a plugin and what it asks for, all of it the first time and the difference later, and asks.
fn ask(session: &Session, planned: &PlannedPlugin, identity: &Identity, denied: Denied) -> Result<()> {
    let PlannedPlugin { layer, layer_root, plugin } = planned;
    let Identity { plugin: id, digest, .. } = identity;
    let line = |text: &str| harmless(text).replace('\n', " ");
    note!("");
    note!("\x1b[1mPlugin {id} {}\x1b[0m", plugin.version);
    note!("  of layer {layer} in {}", line(&layer_root.display().to_string()));
    note!("  sha256:{digest}");
    if !denied.held.is_empty() {
        note!("has changed; it may do already: {}", shown_capabilities(&denied.held));
    }
    match (denied.missing.is_empty(), denied.held.is_empty()) {
        (true, _) => note!("asks for nothing but to run."),
        (false, true) => note!("asks to be able to:"),
        (false, false) => note!("asks for more:"),
    }
    for capability in &plugin.capabilities {
        let name = capability_id(capability);
        if !denied.missing.iter().any(|(missing, _)| *missing == name) {
            continue;
        }
        note!("  {:36} {}", capability.to_string(), line(capability.why()));
        if let Capability::Tool(tool) = capability {
            let patterns: Vec<&str> = tool.arguments.iter().map(|pattern| pattern.text.as_str()).collect();
            note!("  {:36} with {}", "", line(&patterns.join(", ")));
        }
    }
    if !super::commands::ask(session, "Allow this?", &denied.grant_line())? {
        session.audit_note(id, *digest, AuditEvent::Refused { reason: "the user said no".to_owned() })?;
        return Err(denied.into());
    }
    // What holds for this run only was not asked about, and is not kept.
    let mut kept: BTreeSet<String> = match session.kept_grants()?.standing(identity, &planned.plugin.capabilities) {
        Standing::Granted | Standing::Carried { .. } => ids(planned).into_iter().collect(),
        Standing::Missing(kept) => kept.held.into_iter().collect(),
    };
    kept.extend(denied.missing.into_iter().map(|(name, _)| name));
    session.grant_for_now(identity, ids(planned));
    let capabilities: Vec<String> = kept.into_iter().collect();
    agree(session, identity, capabilities.clone(), AuditEvent::Granted { capabilities })
}

/// Keeps what the user has agreed to.
fn agree(session: &Session, identity: &Identity, capabilities: Vec<String>, event: AuditEvent) -> Result<()> {
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
    Err(drifted(session, &[drift]))
}

/// Makes the error for what is not as it is locked.
pub(crate) fn drifted(session: &Session, drift: &[Drift]) -> CommandError {
    let lines: String = drift.iter().map(|drift| format!("\n  {drift}")).collect();
    let lock = session.workspace.system_lock();
    CommandError::new(Kind::User, format!("Not as `{}` has it, and --locked is given:{lines}", lock.display()))
        .hint("run it once without --locked, and look at what has changed")
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
        let runs = !layer.shell_hooks().is_empty() || wanted.contains(layer.name.as_str());
        if runs && Scripts::read(&layer.name, &layer.root)?.check(&grants, &layer.root).is_err() {
            refused.push(Refused::Layer(layer.name.clone()));
        }
    }
    let unbound = named.into_iter().filter(|script| script.owner == Owner::Unknown);
    refused.extend(unbound.map(|NamedScript { place, path, .. }| Refused::Script { place, path }));
    Ok(refused)
}
