use semver::Version;
use skiff_build::LockFile;
use skiff_layers::LayerPlugin;
use skiff_layers::Stage;
use skiff_runtime::Identity;
use skiff_runtime::Inspection;
use skiff_runtime::Runner;

use skiff_project::Session;

use crate::error::Result;

/// Checks a plugin: what the manifest says against what the component is. Returns what is wrong, a line for each.
///
/// # Errors
/// If the component cannot be loaded.
pub fn check(session: &Session, runner: &Runner, plugin: &LayerPlugin) -> Result<Vec<String>> {
    complaints(session, plugin, &runner.check(plugin)?)
}

/// What would load, and is wrong all the same.
fn complaints(session: &Session, plugin: &LayerPlugin, inspection: &Inspection) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    let decl = &plugin.decl;
    // The requirement speaks of hosts: the least one that it takes must have what the component needs.
    for name in inspection.imports.iter().chain(&inspection.exports) {
        let Some((interface, version)) = name.split_once('@').filter(|(name, _)| name.starts_with("skiff:")) else {
            continue;
        };
        let Ok(needed) = version.parse::<Version>() else { continue };
        let older = (needed.minor > 0).then(|| Version::new(needed.major, needed.minor - 1, 0));
        if !interface.starts_with("skiff:board/") && older.is_some_and(|older| decl.interface.matches(&older)) {
            complaints.push(format!("it needs {name}, and `interface: {}` promises to do with less", decl.interface));
        }
    }
    let exports = |interface: &str| inspection.exports.iter().any(|name| name.starts_with(interface));
    for (interface, declared, what) in [
        (
            "skiff:plugin/hooks@",
            decl.hooks.iter().any(|stage| *stage != Stage::Configure),
            "hook: `hooks: [pre]`, `[post]`",
        ),
        ("skiff:plugin/configuration@", decl.hooks.contains(&Stage::Configure), "hook `configure`"),
        ("skiff:plugin/commands@", !decl.commands.is_empty(), "command: `commands`"),
        ("skiff:board/layouts@", decl.board.is_some(), "board: `board: true`"),
    ] {
        if exports(interface) && !declared {
            let interface = interface.trim_end_matches('@');
            complaints
                .push(format!("it exports {interface}, and the manifest declares no {what}: nobody will call it"));
        }
    }
    complaints.extend(
        inspection.unused(&decl.capabilities).into_iter().map(|(capability, why)| {
            format!("it declares `{capability}` and {why}: what is not needed is not asked for")
        }),
    );
    // A lock file knows these bytes by this version.
    let Identity { plugin: id, digest, .. } = Runner::identify(plugin)?;
    let locked = LockFile::read(&session.workspace)?.system;
    let locked = locked.as_ref().and_then(|system| system.plugin(id.as_str()));
    if let Some(locked) = locked.filter(|locked| locked.sha256 != digest.to_string()) {
        let present = decl.version.to_string();
        let newer = locked.version.parse::<Version>().is_ok_and(|locked| decl.version > locked);
        if !newer {
            complaints.push(format!(
                "its bytes differ from those that are locked as {}, and its version is {present}: give it a later one",
                locked.version
            ));
        }
    }
    Ok(complaints)
}
