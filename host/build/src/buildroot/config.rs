//! Buildroot's configuration: made by its own Kconfig from the merged one, and read back.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use skiff_digest::Digest;
use skiff_kconfig::Fragment;
use skiff_kconfig::Kind;
use skiff_kconfig::Merged;
use skiff_plan::BuildPlan;
use skiff_plan::Workspace;
use skiff_report::Event;
use skiff_report::Level;

use super::BuildrootError;
use super::Goal;
use super::definitions;
use super::info;
use super::make::Make;
use super::tree::Tree;
use super::variable;
use crate::BuildContext;
use crate::ConfigureOutcome;
use crate::FileError;
use crate::atomic::read_optional;
use skiff_text::Shown as _;

/// Runs Buildroot's `defconfig` over the merged configuration and compares.
pub(crate) fn make(make: &Make<'_>, context: &BuildContext, merged: &Path) -> Result<ConfigureOutcome, BuildrootError> {
    refuse_commands(&context.plan, make)?;
    refuse_queries(&context.plan)?;
    let folder = context.workspace.folder();
    let (new, place) = (folder.join(".config.skiff"), folder.join(".config"));
    // make reads it, too.
    read_optional(&place)?;
    let variable = |name: &str, path: &Path| format!("{name}={}", path.shown());
    let words = [
        // The name under which the configuration will be known, and the file that it is read from now.
        variable("BR2_DEFCONFIG", &context.workspace.config().join("buildroot/config")),
        variable("DEFCONFIG", &merged.join("buildroot/config")),
        variable("BR2_CONFIG", &make.place.path.join(".config.skiff")),
        "defconfig".to_owned(),
    ];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    make.output(&words, context, "Buildroot's defconfig")?;
    let text = fs::read(&new).map_err(FileError::at("read", &new))?;
    let finished = parse_config(&String::from_utf8_lossy(&text));
    let wanted = context.plan.config(Kind::Buildroot);
    let definitions = || match definitions::of_buildroot(make.tree(), &context.workspace, &finished) {
        Ok(definitions) => Some(definitions),
        Err(error) => {
            // Kconfig itself has understood them; what is lost is the explanation.
            let text = format!("cannot tell why settings come to nothing: {error}");
            context.reporter.event(Event::Message { level: Level::Warning, plugin: None, text: &text });
            None
        }
    };
    let dropped = skiff_kconfig::dropped(wanted, &finished, definitions);
    Ok(ConfigureOutcome { dropped, state: state(make.tree(), &finished), pending: Some((new, place)) })
}

/// Refuses values that make would run as commands when it reads `.config`.
fn refuse_commands(plan: &BuildPlan, make: &Make<'_>) -> Result<(), BuildrootError> {
    let mut entries = plan.config(Kind::Buildroot).entries();
    match entries.find(|(_, entry)| variable::runs(entry.winner.value.text(), |name| make.expands(name))) {
        None => Ok(()),
        Some((_, entry)) => Err(BuildrootError::Command {
            place: plan.place(&entry.winner.origin),
            assignment: entry.winner.to_string(),
        }),
    }
}

/// Refuses to make something that builds nothing in place of the system.
fn refuse_queries(plan: &BuildPlan) -> Result<(), BuildrootError> {
    let Some(target) = plan.build_target.as_ref().filter(|target| Goal::of(target) != Goal::Build) else {
        return Ok(());
    };
    let files = plan.layers.iter().rev().map(|layer| layer.root.join("metadata/buildtarget"));
    let path = files.into_iter().find(|path| path.is_file()).unwrap_or_else(|| "metadata/buildtarget".into());
    Err(BuildrootError::NoBuild { path, target: target.clone() })
}

/// Says what a configuration was made with, and what it is.
pub(crate) fn state(tree: &Tree, config: &Merged) -> String {
    let lines: String = config.entries().map(|(_, entry)| format!("{}\n", entry.winner)).collect();
    format!("{}, .config {}", tree.identity, Digest::of(lines.as_bytes()))
}

/// Reads what the workspace's Kconfig has made of the configuration.
///
/// # Errors
/// [`BuildrootError::NotConfigured`] when it was not run.
pub fn read_config(workspace: &Workspace) -> Result<Merged, BuildrootError> {
    let path = workspace.folder().join(".config");
    match read_optional(&path)? {
        Some(bytes) => Ok(parse_config(&String::from_utf8_lossy(&bytes))),
        None => Err(BuildrootError::NotConfigured { path }),
    }
}

fn parse_config(text: &str) -> Merged {
    // Kconfig has written it: each of its symbols is defined somewhere.
    let defined = |_: &str| true;
    skiff_kconfig::merge(Fragment::parse_with(Kind::Buildroot, "Kconfig", ".config".into(), text, defined).assignments)
}

/// Reads the finished configuration of the kernel, of U-Boot or of Busybox, once that was built.
pub fn read_package_config(workspace: &Workspace, kind: Kind) -> Option<Merged> {
    if kind == Kind::Buildroot {
        return read_config(workspace).ok();
    }
    let text = read_optional(&package_folder(workspace, kind)?.join(".config")).ok()??;
    let fragment = Fragment::parse(kind, "Kconfig", ".config".into(), &String::from_utf8_lossy(&text));
    Some(skiff_kconfig::merge(fragment.assignments))
}

/// Returns where Buildroot builds the kernel, U-Boot or Busybox.
pub(crate) fn package_folder(workspace: &Workspace, kind: Kind) -> Option<PathBuf> {
    let folder = workspace.folder();
    Some(folder.join(&info::kept(&folder).get(package_of_kind(kind)?)?.stamp_dir))
}

/// Returns the package that builds the kernel, U-Boot or Busybox.
pub(crate) fn package_of_kind(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Buildroot => None,
        Kind::Kernel => Some(info::LINUX),
        Kind::Uboot => Some("uboot"),
        Kind::Busybox => Some("busybox"),
    }
}
