//! Making a workspace ready for a build: what was built from other inputs goes, and the present ones are noted.

use std::collections::BTreeSet;
use std::path::Path;

use skiff_kconfig::Merged;
use skiff_plan::BuildPlan;
use skiff_plan::Workspace;
use skiff_report::Event;
use skiff_report::Level;

use super::BuildrootError;
use super::info;
use super::info::Packages;
use super::inputs;
use super::make::Make;
use super::mention;
use super::mention::Mentions;
use super::part::Part;
use super::read_config;
use super::rebuild::Rebuild;
use super::rebuild::Situation;
use super::stale;
use crate::BuildContext;
use crate::EngineName;
use crate::FileError;
use crate::StageChange;
use crate::StageInputs;
use crate::atomic::read_optional;
use crate::atomic::write_file;
use crate::outputs::BuildRecord;
use crate::outputs::are_intact;
use crate::stage_changes;

/// The file in a workspace that lists what overlays have put into the target.
pub(crate) const OVERLAYS: &str = ".overlays.built";

/// Makes the workspace ready for a build from these inputs, of which `config` is Kconfig's. Until the record has outputs, it counts as unfinished.
pub(crate) fn begin(
    make: &Make<'_>,
    context: &BuildContext,
    config: &Merged,
    stages: Vec<StageInputs>,
) -> Result<(Packages, BuildRecord), BuildrootError> {
    let packages = info::packages(make, context)?;
    let overlays = inputs::overlay_files(&context.plan, config)?;
    let folder = context.workspace.folder();
    let mut record = BuildRecord::new(EngineName::Buildroot, stages);
    let built = match Before::read(&context.workspace)? {
        Some(before) => clear(before, &make.tree().root, context, &record, &packages, &overlays)?,
        None => {
            // Nobody knows what it was built from.
            let rebuild = Rebuild::All("there is no record of what was built here".to_owned());
            say(context, Level::Warning, &stale::remove(&rebuild, &folder, &Packages::new())?);
            Packages::new()
        }
    };
    // Those that are off have directories, too, and may be on again one day.
    let known: Packages = built.into_iter().chain(packages.clone()).collect();
    record.details = serde_json::json!(known);
    let lines: String = overlays.iter().map(|path| format!("{path}\n")).collect();
    write_file(&folder.join(OVERLAYS), lines.as_bytes())?;
    record.write(&context.workspace)?;
    Ok((packages, record))
}

/// Removes what was built from inputs that are not the present ones. Returns the packages that were there.
fn clear(
    mut before: Before,
    tree: &Path,
    context: &BuildContext,
    new: &BuildRecord,
    packages: &Packages,
    overlays: &BTreeSet<String>,
) -> Result<Packages, BuildrootError> {
    let folder = context.workspace.folder();
    let changes = stage_changes(&before.record.stages, &new.stages);
    let mentions = mentions(tree, &context.plan, &changes)?;
    let rebuild = before.rebuild(&folder, &changes, packages, &mentions, overlays)?;
    let damaged =
        before.record.outputs.is_some() && !are_intact(&context.workspace.images(), before.record.outputs.as_deref());
    // Until it is done, the record says that the old inputs count.
    before.record.outputs = None;
    before.record.write(&context.workspace)?;
    say(context, Level::Info, &stale::remove(&rebuild, &folder, &before.packages)?);
    if damaged || !changes.is_empty() {
        stale::clear_images(&folder)?;
    }
    Ok(before.packages)
}

/// Says, a line for each, what [`begin`] would remove because of changes, as far as the packages are the same.
pub(crate) fn foreseen(
    tree: &Path,
    plan: &BuildPlan,
    workspace: &Workspace,
    changes: &[StageChange],
) -> Result<Vec<String>, BuildrootError> {
    let Some(before) = Before::read(workspace)? else { return Ok(Vec::new()) };
    let overlays = inputs::overlay_files(plan, &read_config(workspace)?)?;
    let mentions = mentions(tree, plan, changes)?;
    Ok(before.rebuild(&workspace.folder(), changes, &before.packages, &mentions, &overlays)?.lines())
}

/// Finds who looks at the symbols that have changed. What Buildroot writes with every build is taken from there: systemd
/// also keeps the host name as the one to fall back on, for which nobody waits when a name has a commit in it.
fn mentions(tree: &Path, plan: &BuildPlan, changes: &[StageChange]) -> Result<Mentions, FileError> {
    let inputs = changes.iter().flat_map(|change| &change.inputs);
    let symbols = inputs.filter_map(|(input, _)| input.symbol());
    let looked_at = |symbol: &&str| !matches!(Part::of(symbol), Part::Toolchain | Part::System);
    let symbols = symbols.filter(looked_at).collect();
    mention::find(tree, &plan.external, &symbols)
}

fn say(context: &BuildContext, level: Level, lines: &[String]) {
    for text in lines {
        context.reporter.event(Event::Message { level, plugin: None, text });
    }
}

/// What was built before.
struct Before {
    record: BuildRecord,
    packages: Packages,
}

impl Before {
    fn read(workspace: &Workspace) -> Result<Option<Self>, BuildrootError> {
        let Some(record) = BuildRecord::read(workspace)? else { return Ok(None) };
        let packages = info::recorded(&record, workspace)?;
        Ok(Some(Self { record, packages }))
    }

    /// Decides what has to be built again because of changes since.
    fn rebuild(
        &self,
        folder: &Path,
        changes: &[StageChange],
        new: &Packages,
        mentions: &Mentions,
        overlays: &BTreeSet<String>,
    ) -> Result<Rebuild, FileError> {
        if self.record.engine != EngineName::Buildroot {
            return Ok(Rebuild::All(format!("the engine `{}` has built here", self.record.engine)));
        }
        let listed = read_optional(&folder.join(OVERLAYS))?.unwrap_or_default();
        let listed = String::from_utf8_lossy(&listed);
        Ok(Rebuild::decide(&Situation {
            changes,
            old: &self.packages,
            new,
            mentions,
            gone_from_overlays: listed.lines().find(|path| !overlays.contains(*path)),
            per_package: folder.join("per-package").is_dir(),
        }))
    }
}
