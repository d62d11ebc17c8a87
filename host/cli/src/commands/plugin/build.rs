use skiff_author::BuiltPlugin;
use skiff_author::Chosen;
use skiff_project::Session;
use skiff_text::Shown as _;

use crate::args::BuildPluginArgs;
use crate::command_error::Result;
use crate::output::data;

/// Builds plugins from their sources.
pub(super) fn run(session: &Session, args: &BuildPluginArgs) -> Result<()> {
    let chosen = Chosen::shipped(session, &args.plugin.plugin)?;
    for plugin in &chosen.plugins {
        let built = skiff_author::build(session, &chosen.layer, &plugin.decl, args.trust)?;
        let BuiltPlugin { component, size, digest } = built;
        data!("{} {size} bytes sha256:{digest}", component.shown());
    }
    Ok(())
}
