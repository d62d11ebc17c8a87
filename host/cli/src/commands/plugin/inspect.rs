use serde_json::json;
use skiff_layers::Capability;
use skiff_layers::PluginDecl;
use skiff_runtime::Identity;
use skiff_runtime::Inspection;
use skiff_runtime::Runner;
use skiff_runtime::capability_id;

use super::Chosen;
use crate::args::InspectArgs;
use crate::command_error::Result;
use crate::output::data;
use crate::session::Session;

/// Shows what plugins ask for beside what they really import.
pub(super) fn run(session: &Session, args: &InspectArgs) -> Result<()> {
    let chosen = Chosen::shipped(session, &args.plugin.plugin)?;
    let runner = session.bare_runner()?;
    let grants = session.grants()?;
    let mut documents = Vec::new();
    for plugin in &chosen.plugins {
        let identity = Runner::identify(plugin)?;
        let Identity { plugin: id, digest, .. } = &identity;
        let Inspection { size, imports, exports, .. } = runner.inspect(plugin)?;
        let decl = &plugin.decl;
        let unused = unused(decl, &imports);
        let undeclared = undeclared(decl, &imports);
        if args.json {
            let capability = |capability: &Capability| {
                let used = !unused.iter().any(|(name, _)| *name == capability.to_string());
                json!({
                    "capability": capability_id(capability),
                    "why": capability.why(),
                    "granted": grants.allows(&identity, capability),
                    "used": used,
                })
            };
            documents.push(json!({
                "plugin": id,
                "version": decl.version.to_string(),
                "component": decl.component,
                "sha256": digest,
                "size": size,
                "imports": imports,
                "exports": exports,
                "capabilities": decl.capabilities.iter().map(capability).collect::<Vec<_>>(),
                "undeclared": undeclared,
            }));
            continue;
        }
        data!("\x1b[1m{id} {}\x1b[0m", decl.version);
        data!("  {} bytes, sha256:{digest}", size);
        data!("  asks for");
        for capability in &decl.capabilities {
            let name = capability.to_string();
            let note = unused.iter().find(|(unused, _)| *unused == name).map(|(_, why)| format!("  BUT {why}"));
            data!("    {name:36} {}{}", capability.why(), note.unwrap_or_default());
        }
        if decl.capabilities.is_empty() {
            data!("    nothing but to run");
        }
        let is_skiff = |name: &&String| name.starts_with("skiff:");
        data!("  imports");
        for name in imports.iter().filter(is_skiff) {
            let note = if undeclared.contains(name) { "  BUT does not declare what it takes" } else { "" };
            data!("    {name}{note}");
        }
        let wasi: Vec<&str> = imports.iter().filter(|name| !is_skiff(name)).map(String::as_str).collect();
        data!("    and of WASI: {}", wasi.join(" "));
        data!("  provides");
        for name in &exports {
            data!("    {name}");
        }
    }
    if args.json {
        data!("{:#}", json!(documents));
    }
    Ok(())
}

/// Returns the capabilities that a component cannot make use of, as it imports nothing for them.
pub(super) fn unused(decl: &PluginDecl, imports: &[String]) -> Vec<(String, &'static str)> {
    let has = |interface: &str| imports.iter().any(|name| name.split('@').next() == Some(interface));
    let files = has("skiff:host/storage") || has("wasi:filesystem/types");
    let tools = has("skiff:host/tools");
    let fetch = has("skiff:host/fetch");
    let unused = |capability: &Capability| match capability {
        // What a tool is given a path to, the plugin need not open itself.
        Capability::Files(_) if !files && !tools => Some("imports nothing with which it could open files"),
        Capability::Tool(_) if !tools => Some("does not import skiff:host/tools"),
        Capability::Fetch(_) if !fetch => Some("does not import skiff:host/fetch"),
        Capability::Files(_) | Capability::Tool(_) | Capability::Fetch(_) | Capability::Variable { .. } => None,
    };
    decl.capabilities.iter().filter_map(|c| Some((c.to_string(), unused(c)?))).collect()
}

/// Returns the imports for which nothing is declared.
fn undeclared(decl: &PluginDecl, imports: &[String]) -> Vec<String> {
    let declares = |kind: fn(&Capability) -> bool| decl.capabilities.iter().any(kind);
    let lacks = |name: &&String| match name.split('@').next() {
        Some("skiff:host/tools") => !declares(|c| matches!(c, Capability::Tool(_))),
        Some("skiff:host/fetch") => !declares(|c| matches!(c, Capability::Fetch(_))),
        Some("skiff:host/storage") => !declares(|c| matches!(c, Capability::Files(_))),
        _ => false,
    };
    imports.iter().filter(lacks).cloned().collect()
}
