use std::fs;
use std::process::Command;

use skiff_digest::Digest;
use skiff_layers::PluginDecl;
use skiff_report::Task;
use skiff_report::Unit;
use skiff_runtime::PluginId;

use super::Chosen;
use super::source::Source;
use crate::args::BuildPluginArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;
use crate::session::Session;
use skiff_text::Shown as _;

/// The status of a build script that lacks a program, as sysexits.h has it (`EX_UNAVAILABLE`).
const UNAVAILABLE: i32 = 69;

/// Builds plugins from their sources.
pub(super) fn run(session: &Session, args: &BuildPluginArgs) -> Result<()> {
    let chosen = Chosen::shipped(session, &args.plugin.plugin)?;
    for plugin in &chosen.plugins {
        let source = Source::find(&chosen.layer, &plugin.decl)?;
        source.trust(session, PluginId::of(plugin).as_str(), args.trust)?;
        build(session, &chosen.layer.name, &plugin.decl, &source)?;
    }
    Ok(())
}

fn build(session: &Session, layer: &str, plugin: &PluginDecl, source: &Source) -> Result<()> {
    let failed =
        |what: String| CommandError::new(Kind::User, format!("Cannot build plugin `{layer}/{}`: {what}", plugin.name));
    let component = &plugin.component;
    let folder = component.parent().unwrap_or(&source.folder);
    fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
    // The old component stays until there is a new one.
    let staging = tempfile::Builder::new().prefix(".new-").tempdir_in(folder);
    let staging = staging.map_err(|error| failed(error.to_string()))?;
    let new = staging.path().join("plugin.wasm");
    session.belief.check_linked_tree("the SDK", &session.root.join("sdk"))?;
    let cache = source.compiler_cache(session)?;
    let builder = session.root.join("sdk/build").join(source.language.as_str());
    let task = Task::start(&session.console.reporter, &format!("Building {layer}/{}", plugin.name), Unit::Items, None);
    let mut command = Command::new(&builder);
    command.arg(&source.folder).arg(&new).env("SKIFF_CACHE_DIR", cache);
    if session.policy.offline {
        command.env("SKIFF_OFFLINE", "1");
    }
    let output = session.console.interrupt.passing(|| command.output());
    drop(task);
    let output = output.map_err(|error| failed(format!("{}: {error}", builder.shown())))?;
    if session.console.cancel.is_cancelled() {
        return Err(CommandError::new(Kind::Cancelled, "Cancelled"));
    }
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.code() == Some(UNAVAILABLE) {
            let message = format!("its compiler is missing\n{said}");
            return Err(failed(message).hint("install what the line above names, then run the same command again"));
        }
        return Err(failed(format!("{} has failed:\n{said}", builder.shown()))
            .hint("what is wrong in the sources stands above"));
    }
    let bytes = fs::read(&new).map_err(|error| failed(error.to_string()))?;
    fs::rename(&new, component).map_err(|error| failed(error.to_string()))?;
    data!("{} {} bytes sha256:{}", component.shown(), bytes.len(), Digest::of(&bytes));
    Ok(())
}
