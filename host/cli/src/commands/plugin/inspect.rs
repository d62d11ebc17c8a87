use serde_json::json;
use skiff_layers::Capability;
use skiff_runtime::Identity;
use skiff_runtime::Inspection;
use skiff_runtime::Runner;

use crate::args::InspectArgs;
use crate::command_error::Result;
use crate::output::data;
use skiff_author::Chosen;
use skiff_project::Session;

/// Shows what plugins ask for beside what they really import.
pub(super) fn run(session: &Session, args: &InspectArgs) -> Result<()> {
    let chosen = Chosen::shipped(session, &args.plugin.plugin)?;
    let runner = session.bare_runner()?;
    let grants = session.grants()?;
    let mut documents = Vec::new();
    for plugin in &chosen.plugins {
        let identity = Runner::identify(plugin)?;
        let Identity { plugin: id, digest, .. } = &identity;
        let inspection = runner.inspect(plugin)?;
        let decl = &plugin.decl;
        let unused = inspection.unused(&decl.capabilities);
        let undeclared = inspection.undeclared(&decl.capabilities);
        let Inspection { size, imports, exports, .. } = &inspection;
        if args.json {
            let capability = |capability: &Capability| {
                let used = !unused.iter().any(|(unused, _)| *unused == capability);
                json!({
                    "capability": capability.id(),
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
            let note = unused.iter().find(|(unused, _)| *unused == capability).map(|(_, why)| format!("  BUT {why}"));
            data!("    {name:36} {}{}", capability.why(), note.unwrap_or_default());
        }
        if decl.capabilities.is_empty() {
            data!("    nothing but to run");
        }
        let is_skiff = |name: &&String| name.starts_with("skiff:");
        data!("  imports");
        for name in imports.iter().filter(is_skiff) {
            let note = if undeclared.contains(&name.as_str()) { "  BUT does not declare what it takes" } else { "" };
            data!("    {name}{note}");
        }
        let wasi: Vec<&str> = imports.iter().filter(|name| !is_skiff(name)).map(String::as_str).collect();
        data!("    and of WASI: {}", wasi.join(" "));
        data!("  provides");
        for name in exports {
            data!("    {name}");
        }
    }
    if args.json {
        data!("{:#}", json!(documents));
    }
    Ok(())
}
