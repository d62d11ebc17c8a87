use skiff_plan::BuildPlan;

use crate::command_error::Result;
use crate::output::data;
use crate::session::Session;

/// Where we are, what there is, and what to type next. Never fails because of a broken chain: that is when a
/// help screen is needed most.
pub(crate) fn run(session: &Session) -> Result<()> {
    data!("\x1b[1mskiff\x1b[0m {}", env!("CARGO_PKG_VERSION"));
    data!("workspace  {} ({})", session.workspace.name(), session.workspace.folder().display());
    let catalog = session.catalog()?;
    let plan = match session.requested() {
        None => {
            data!("chain      none yet");
            None
        }
        Some((chain, remembered)) => {
            let origin = if remembered { " (remembered)" } else { "" };
            data!("chain      {chain}{origin}");
            session.plan().map_err(|error| error.report()).ok()
        }
    };
    data!("\n\x1b[1mpackages\x1b[0m");
    for package in catalog.packages().filter(|package| !package.unlisted()) {
        let chosen = plan.as_ref().is_some_and(|plan| plan.chain.iter().any(|name| *name == package.name.as_str()));
        let mark = if chosen { "*" } else { " " };
        data!("{mark} {:24} {}", package.name.as_str(), package.description()?.unwrap_or_default());
    }
    if let Some(plan) = &plan {
        print_commands(plan);
    }
    print_next(session, plan.as_ref());
    Ok(())
}

fn print_commands(plan: &BuildPlan) {
    let plugins = plan.plugins.iter().filter(|planned| !planned.plugin.commands.is_empty());
    if plugins.clone().next().is_some() || !plan.legacy_commands.is_empty() {
        data!("\n\x1b[1mcommands of the chain\x1b[0m");
    }
    for planned in plugins {
        for command in &planned.plugin.commands {
            data!("  skiff cmd {} {:16} {}", planned.layer, command.name, command.summary);
        }
    }
    for (layer, commands) in &plan.legacy_commands {
        for command in commands {
            data!("  cmd/{layer}/{:24} {} (Makefile: is not run)", command.name, command.description);
        }
    }
}

fn print_next(session: &Session, plan: Option<&BuildPlan>) {
    data!("\n\x1b[1mnext\x1b[0m");
    let built = session.workspace.images().is_dir();
    let line = |command: &str, what: &str| data!("  {command:34} {what}");
    match plan {
        None => line("SKIFF_CONFIG=virt/qemu skiff build", "choose a chain and build it"),
        Some(plan) => {
            let configured = skiff_build::is_configured(plan, &session.workspace, &session.choices(false));
            if !configured {
                line("skiff configure", "merge the layers of the chain");
            }
            if !configured || !built {
                line("skiff compile", "build the system");
            }
        }
    }
    line("skiff list --all", "all packages");
    line("skiff plan", "what the chain comes to");
    line("skiff --help", "all commands");
}
