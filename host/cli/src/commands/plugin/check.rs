use skiff_author::Chosen;
use skiff_project::Session;
use skiff_runtime::PluginId;

use crate::args::PluginArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;

/// Checks plugins: what the manifest says against what the component is.
pub(super) fn run(session: &Session, args: &PluginArgs) -> Result<()> {
    let chosen = Chosen::shipped(session, &args.plugin)?;
    let runner = session.bare_runner()?;
    let mut wrong = Vec::new();
    for plugin in &chosen.plugins {
        let name = PluginId::of(plugin);
        let complaints = skiff_author::check(session, &runner, plugin)?;
        match complaints.is_empty() {
            true => data!("{name} {}: as its manifest says", plugin.decl.version),
            false => wrong.extend(complaints.into_iter().map(|complaint| format!("{name}: {complaint}"))),
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(CommandError::new(Kind::User, wrong.join("\n       "))
            .hint("mend the manifest, metadata/plugins.yaml, or the plugin")),
    }
}
