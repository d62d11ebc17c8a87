use std::io::IsTerminal as _;
use std::process::ExitCode;

use skiff_build::buildroot::Goal;
use skiff_build::buildroot::delta_of;

use crate::args::BrArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::commands::configure;
use skiff_project::Session;
use skiff_text::Shown as _;

/// Runs targets of Buildroot at the terminal. What a menu changes is added to a fragment of the workspace's overrides,
/// so that the next configuration has it, too.
pub(crate) fn run(session: &Session, args: &BrArgs) -> Result<ExitCode> {
    let targets: Vec<&str> = args.targets.iter().map(String::as_str).collect();
    let what = format!("`{}`", targets.join(" "));
    session.require_build_system(&what)?;
    let full_screen = |target: &String| target.ends_with("menuconfig") || target.ends_with("nconfig");
    if args.targets.iter().any(full_screen) && !std::io::stdout().is_terminal() {
        return Err(CommandError::new(Kind::Usage, "there is no terminal for the menu").hint(
            "`skiff br config` asks line by line; a fragment in overrides/buildroot says the same without questions",
        ));
    }
    let goals = Goal::of_all(&targets);
    let menus = goals.iter().filter_map(|goal| if let Goal::Menu(menu) = goal { Some(menu) } else { None });
    let menus: Vec<_> = menus.collect();
    if !menus.is_empty() && session.policy.locked {
        return Err(CommandError::new(Kind::Usage, "--locked is given, and a menu changes what is locked")
            .hint("leave out --locked"));
    }
    let mut job = session.open(false)?;
    configure::ensure(&job)?;
    let system = job.build_system(&what)?;
    if menus.iter().any(|menu| !menu.is_of_buildroot()) {
        system.look_up_packages(&job.context)?;
    }
    let mut before = Vec::new();
    for menu in &menus {
        let config = menu.config(&session.workspace).ok_or_else(|| {
            let package = menu.package();
            CommandError::new(Kind::User, format!("there is no configuration of `{package}` to compare with yet"))
                .hint(format!("run this once before: skiff br {package}-configure"))
        });
        before.push(config?);
    }
    let status = session.console.passing(|| system.run_targets(&job.context, &targets))?;
    let own = session.context.overrides.join("workspaces").join(session.workspace.name());
    // A cancelled menu changes nothing.
    for (menu, before) in menus.iter().zip(before).filter(|_| status.success()) {
        let Some(after) = menu.config(&session.workspace) else { continue };
        let saved = delta_of(&own, menu, &before, &after)?;
        if saved.changed > 0 {
            let changes = if saved.changed == 1 { "change" } else { "changes" };
            session.console.say(&format!("Saved {} {changes} in {}", saved.changed, saved.path.shown()));
        }
    }
    if goals.contains(&Goal::Save) && status.success() {
        session.console.say(&format!("Saved {}", system.saved_configuration(&session.workspace).shown()));
    }
    if !menus.is_empty() && status.success() {
        // What was saved is a part of the layers now.
        job.replan()?;
        configure::ensure(&job)?;
    }
    Ok(super::exit_code(status))
}
