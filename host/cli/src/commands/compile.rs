use std::collections::BTreeMap;
use std::collections::BTreeSet;

use skiff_build::Compiled;
use skiff_build::Configured;
use skiff_build::Engine as _;
use skiff_build::Gap;
use skiff_build::Job;

use crate::args::CompileArgs;
use crate::command_error::Result;
use crate::commands::configure;
use crate::session::Session;

pub(crate) fn run(session: &Session, args: &CompileArgs) -> Result<()> {
    let engine = session.engine(args.update)?;
    let plan = session.plan()?;
    if configure::write(session, &plan, &session.choices(false))? == Configured::Written {
        session.say(&format!("Configured workspace `{}` for {}", session.workspace.name(), plan.chain.join(",")));
    }
    let runner = session.runner(&plan)?;
    let lock = session.lock()?;
    let compiled = engine.compile(&Job {
        plan: &plan,
        workspace: &session.workspace,
        lock: &lock,
        hooks: &runner,
        reporter: &session.reporter,
        cancel: &session.cancel,
    })?;
    show_gaps(session, engine.name(), &engine.gaps(&plan, &session.workspace));
    let images = session.workspace.images();
    match compiled {
        Compiled::Unchanged => session.say(&format!("The images in {} are current; nothing to do", images.display())),
        Compiled::Built => session.say(&format!("The images are in {}", images.display())),
    }
    Ok(())
}

/// One line for each group and layer; a group of many says how many.
fn show_gaps(session: &Session, engine: &str, gaps: &[Gap]) {
    const SHOWN: usize = 6;
    let mut groups: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for gap in gaps {
        groups.entry((gap.group, &gap.layer)).or_default().insert(&gap.what);
    }
    if groups.is_empty() {
        return;
    }
    let mut text = format!("the engine `{engine}` cannot give all that the configuration asks for:");
    for ((group, layer), what) in groups {
        let names: Vec<&str> = what.iter().take(SHOWN).copied().collect();
        let more = match what.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        text += &format!("\n  {group} ({layer}): {}{more}", names.join(" "));
    }
    session.warn(&text);
}
