use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;
use skiff_digest::Digest;
use skiff_layers::Capability;
use skiff_layers::CapabilityId;
use skiff_layers::Layer;
use skiff_layers::LayerName;
use skiff_layers::LayerPlugin;
use skiff_layers::MAKEFILE;
use skiff_layers::SHELL;
use skiff_layers::shown_capabilities;
use skiff_plan::PlanError;
use skiff_runtime::AuditEvent;
use skiff_runtime::GrantFile;
use skiff_runtime::Grants;
use skiff_runtime::Identity;
use skiff_runtime::PluginId;
use skiff_runtime::Runner;
use skiff_runtime::Scripts;
use skiff_runtime::Standing;

use crate::args::GrantAddArgs;
use crate::args::GrantCommand;
use crate::args::GrantFileArgs;
use crate::args::GrantListArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;
use skiff_project::Session;
use skiff_project::consent;
use skiff_text::Shown as _;

pub(crate) fn run(session: &Session, command: GrantCommand) -> Result<()> {
    match command {
        GrantCommand::List(args) => list(session, &args),
        GrantCommand::Add(args) => add(session, &args),
        GrantCommand::Revoke { plugin, file } => revoke(session, &plugin, &file),
    }
}

fn file(session: &Session, args: &GrantFileArgs) -> PathBuf {
    let (shipped, own) = session.grant_files();
    if args.ship { shipped } else { own }
}

/// A plugin, or the scripts of a layer, with what it wants.
#[derive(Serialize)]
struct Wishes {
    id: PluginId,
    version: Option<String>,
    sha256: String,
    capabilities: Vec<Wish>,
}

#[derive(Serialize)]
struct Wish {
    capability: CapabilityId,
    why: String,
    granted: bool,
}

fn wishes(session: &Session, package: Option<&str>) -> Result<Vec<Wishes>> {
    let chain = match package {
        Some(package) => {
            let package: LayerName = package.parse()?;
            session.chain_of_package(&package)?
        }
        None => session.chain()?,
    };
    let plan = session.bare_plan(&chain)?;
    let grants = session.grants()?;
    let mut all = Vec::new();
    for plugin in &plan.plugins {
        let identity = Runner::identify(plugin)?;
        if all.iter().any(|known: &Wishes| known.id == identity.plugin) {
            // Several layers use it.
            continue;
        }
        let wish = |capability: &Capability| Wish {
            capability: capability.id(),
            why: capability.why().to_owned(),
            granted: grants.allows(&identity, capability),
        };
        let capabilities = plugin.declared.iter().map(wish).collect();
        let version = Some(plugin.decl.version.to_string());
        let Identity { plugin: id, digest, .. } = identity;
        all.push(Wishes { id, version, sha256: digest.to_string(), capabilities });
    }
    for layer in &plan.layers {
        if !has_scripts(layer)? {
            continue;
        }
        let scripts = Scripts::read(&layer.name, &layer.dir, &session.console.cancel)?;
        let shell = Wish {
            capability: CapabilityId::shell(),
            why: "runs its hooks and Makefile with all of your rights".to_owned(),
            granted: scripts.check(&grants, &layer.root).is_ok(),
        };
        all.push(Wishes {
            id: scripts.identity.plugin,
            version: None,
            sha256: scripts.identity.digest.to_string(),
            capabilities: vec![shell],
        });
    }
    Ok(all)
}

fn list(session: &Session, args: &GrantListArgs) -> Result<()> {
    let all = wishes(session, args.package.as_deref())?;
    if args.json {
        data!("{:#}", serde_json::json!(all));
        return Ok(());
    }
    for Wishes { id, version, sha256, capabilities } in &all {
        data!("{id} {} sha256:{sha256}", version.as_deref().unwrap_or("scripts"));
        for Wish { capability, why, granted } in capabilities {
            let capability = capability.shown();
            data!("  {}  {capability:40} {why}", if *granted { "granted" } else { "MISSING" });
        }
    }
    let (_, own) = session.grant_files();
    for sources in GrantFile::read(&own)?.trusted() {
        data!("sources that are trusted: {}", sources.shown());
    }
    Ok(())
}

fn has_scripts(layer: &Layer) -> Result<bool> {
    Ok(!layer.shell_hooks()?.is_empty() || layer.dir.is_file(MAKEFILE)?)
}

/// Finds the scripts of a layer, in the chain or outside.
fn scripts_of(session: &Session, name: &str) -> Result<Option<Scripts>> {
    let found = session.find_layer(name)?.filter(|layer| layer.root.is_dir());
    let read = |layer: Layer| Scripts::read(&layer.name, &layer.dir, &session.console.cancel);
    Ok(found.map(read).transpose()?)
}

/// Finds a plugin by the layer that ships it, in the chain or outside.
fn find(session: &Session, name: &str) -> Result<LayerPlugin> {
    let unknown = || {
        CommandError::new(Kind::User, format!("there is no plugin `{name}`"))
            .hint("a plugin is named <layer>/<name>; `skiff grant list` shows those of the chain")
    };
    let (layer, plugin) = name.rsplit_once('/').ok_or_else(unknown)?;
    let layer = session.find_layer(layer)?.ok_or_else(unknown)?;
    session.planner.check_package(&layer.root)?;
    let decl = layer.manifest()?.plugins.into_iter().find(|decl| decl.name == plugin).ok_or_else(unknown)?;
    let plugin = LayerPlugin::own(&layer, decl);
    match plugin.decl.is_built {
        true => Ok(plugin),
        false => Err(PlanError::missing(&plugin).into()),
    }
}

fn add(session: &Session, args: &GrantAddArgs) -> Result<()> {
    if let Some((SHELL, more)) = args.capabilities.split_last().map(|(last, more)| (last.as_str(), more)) {
        return add_scripts(session, args, &args.plugin, more);
    }
    let plugin = find(session, &args.plugin)?;
    let identity = Runner::identify(&plugin)?;
    let Identity { plugin: id, digest, .. } = &identity;
    let declared = &plugin.decl.capabilities;
    let mut wanted: BTreeSet<CapabilityId> = match args.all {
        true => declared.iter().map(Capability::id).collect(),
        false => args.capabilities.iter().map(|name| declared_as(name, declared, id)).collect::<Result<_>>()?,
    };
    // What other bytes of it may do by the same file, and these ask for as well, goes without saying again.
    match consent::standing_in(session, &of_file(session, args)?, &plugin, &identity) {
        Standing::Granted => {}
        Standing::Carried { .. } => wanted.extend(declared.iter().map(Capability::id)),
        Standing::Missing(denied) => wanted.extend(denied.held),
    }
    session.audit_note(id, *digest, AuditEvent::Granted { capabilities: wanted.iter().cloned().collect() })?;
    let path = file(session, &args.file);
    GrantFile::update(&path, |grants| {
        put(grants, args, &identity, wanted.iter().cloned());
        if let Some(compiler) = &args.compiler {
            grants.set_compiler(id, compiler);
        }
    })?;
    let what = match wanted.is_empty() {
        true => "to run, and nothing else".to_owned(),
        false => shown_capabilities(wanted.iter()),
    };
    session.console.say(&format!("Granted to {id} (sha256:{digest}), in {}: {what}", path.shown()));
    Ok(())
}

/// Returns the grants of the file that is to be changed.
fn of_file(session: &Session, args: &GrantAddArgs) -> Result<Grants> {
    let (path, mut grants) = (file(session, &args.file), Grants::default());
    match args.file.ship {
        true => grants.read_shipped(&path, &session.context.configs)?,
        false => grants.read(&path)?,
    }
    Ok(grants)
}

/// What comes with the checkout is not bound to where that lies on this machine.
fn put(
    grants: &mut GrantFile,
    args: &GrantAddArgs,
    identity: &Identity,
    capabilities: impl IntoIterator<Item = CapabilityId>,
) {
    match args.file.ship {
        true => grants.ship(identity, capabilities),
        false => grants.add(identity, capabilities),
    }
}

/// Lets the scripts of layers run.
fn add_scripts(session: &Session, args: &GrantAddArgs, first: &str, more: &[String]) -> Result<()> {
    let path = file(session, &args.file);
    let mut all = Vec::new();
    for name in [first].into_iter().chain(more.iter().map(String::as_str)) {
        let scripts = scripts_of(session, name)?.ok_or_else(|| {
            CommandError::new(Kind::User, format!("there are no scripts of a layer `{name}`"))
                .hint("`skiff grant list` shows the layers of the chain that have some")
        })?;
        all.push(scripts.identity);
    }
    for Identity { plugin: id, digest, .. } in &all {
        session.audit_note(id, *digest, AuditEvent::Granted { capabilities: vec![CapabilityId::shell()] })?;
    }
    GrantFile::update(&path, |grants| {
        all.iter().for_each(|scripts| put(grants, args, scripts, [CapabilityId::shell()]));
    })?;
    for Identity { plugin: id, digest, .. } in &all {
        session.console.say(&format!(
            "Scripts of {id} (sha256:{digest}) may run with all of your rights, as {} says",
            path.shown()
        ));
    }
    Ok(())
}

/// A tool may be named without the digest of its patterns: then those of the present manifest are meant.
fn declared_as(name: &str, declared: &[Capability], plugin: &PluginId) -> Result<CapabilityId> {
    let ids = declared.iter().map(Capability::id);
    ids.clone().find(|id| id.is_meant(name)).ok_or_else(|| {
        let all: Vec<CapabilityId> = ids.collect();
        CommandError::new(Kind::User, format!("the manifest of {plugin} does not declare `{name}`"))
            .hint(format!("it declares: {}", shown_capabilities(&all)))
    })
}

fn revoke(session: &Session, what: &str, args: &GrantFileArgs) -> Result<()> {
    let path = file(session, args);
    let present = GrantFile::read(&path)?;
    let sources = session.console.environment.absolute(Path::new(what));
    if present.trusted().any(|trusted| trusted == sources) {
        GrantFile::update(&path, |grants| grants.distrust(&sources))?;
        session.console.say(&format!("The sources in {} are trusted no more", sources.shown()));
        return Ok(());
    }
    let of_plugin: Vec<_> = present.entries().filter(|(id, ..)| id.as_str() == what).collect();
    let Some((id, ..)) = of_plugin.first() else {
        return Err(CommandError::new(Kind::User, format!("{} holds no grants of `{what}`", path.shown()))
            .hint("`skiff grant list` shows the plugins of the chain"));
    };
    // Noted first: what cannot be noted is not done.
    for (id, digest, _) in &of_plugin {
        let digest = Digest::parse(digest.trim_start_matches("sha256:"));
        session.audit_note(id, digest.unwrap_or_default(), AuditEvent::Revoked)?;
    }
    GrantFile::update(&path, |grants| grants.revoke(id))?;
    session.console.say(&format!("{id} has no grants in {} any more", path.shown()));
    let (shipped, _) = session.grant_files();
    if !args.ship && GrantFile::read(&shipped)?.entries().any(|(other, ..)| other == *id) {
        session.console.warn(&format!("{id} comes with the checkout and keeps what {} says", shipped.shown()));
    }
    Ok(())
}
