use std::collections::BTreeMap;
use std::collections::BTreeSet;

use skiff_build::Compiled;
use skiff_build::Engine;
use skiff_build::EngineName;
use skiff_build::Gap;
use skiff_build::Site;
use skiff_layers::Stage;
use skiff_plan::PlannedPlugin;

use crate::args::CompileArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::commands::configure;
use crate::consent;
use crate::lock;
use crate::session::Session;

pub(crate) fn run(session: &Session, args: &CompileArgs) -> Result<()> {
    let plan = session.plan()?;
    let engine = session.engine(&plan, args.update)?;
    let lock = session.lock()?;
    let site = session.site(&plan, &lock);
    lock::check(session, &plan)?;
    configure::ensure(session, &site, engine.as_ref())?;
    with(session, &site, engine.as_ref())
}

/// Builds what is configured.
pub(crate) fn with(session: &Session, site: &Site<'_>, engine: &dyn Engine) -> Result<()> {
    let called = |planned: &&PlannedPlugin| planned.plugin.hooks.iter().any(|stage| *stage != Stage::Configure);
    site.plan.require_hooks()?;
    consent::obtain(session, site.plan.plugins.iter().filter(called))?;
    let runner = session.runner(site.plan)?;
    let compiled = engine.compile(site, &runner)?;
    if compiled != Compiled::Unchanged {
        show_gaps(session, engine.name(), &engine.gaps(site.plan, &session.workspace))?;
    }
    let images = session.workspace.images();
    match compiled {
        Compiled::Unchanged => session.say(&format!("The images in {} are current; nothing to do", images.display())),
        Compiled::Built(dropped) => {
            configure::show_package_settings(session, site.plan, &dropped);
            session.say(&format!("The images are in {}", images.display()));
        }
    }
    lock::keep(session, site.plan)
}

/// Shows what the chain's own layers ask for in vain, a line for each group and layer, and writes everything, with
/// the place that asks, to a file.
fn show_gaps(session: &Session, engine: EngineName, gaps: &[Gap]) -> Result<()> {
    const SHOWN: usize = 6;
    if engine == EngineName::Buildroot {
        return Ok(());
    }
    let file = session.workspace.folder().join("gaps.txt");
    let line = |gap: &Gap| {
        let place = gap.place.as_ref().map(|place| format!(" {}", place.display())).unwrap_or_default();
        format!("{}: {} ({}{place})\n", gap.group, gap.what, gap.layer)
    };
    std::fs::write(&file, gaps.iter().map(line).collect::<String>())
        .map_err(|error| CommandError::new(Kind::User, format!("Cannot write `{}`: {error}", file.display())))?;
    let mut groups: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for gap in gaps.iter().filter(|gap| !gap.layer.starts_with("base/")) {
        groups.entry((gap.group, &gap.layer)).or_default().insert(&gap.what);
    }
    if gaps.is_empty() {
        return Ok(());
    }
    let mut text = format!(
        "the engine `{engine}` cannot give {} settings of the configuration, base layers included (all of them: {})",
        gaps.len(),
        file.display()
    );
    for ((group, layer), what) in groups {
        let names: Vec<&str> = what.iter().take(SHOWN).copied().collect();
        let more = match what.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        text += &format!("\n  {group} ({layer}): {}{more}", names.join(" "));
    }
    session.warn(&text);
    Ok(())
}
