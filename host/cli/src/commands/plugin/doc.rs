use skiff_author::Chosen;
use skiff_author::document;

use crate::args::DocArgs;
use crate::command_error::Result;
use crate::output::data;
use skiff_project::Session;

/// Writes documentation as Markdown.
pub(super) fn run(session: &Session, args: &DocArgs) -> Result<()> {
    let Some(plugin) = &args.plugin else {
        print_contract();
        return Ok(());
    };
    let chosen = Chosen::shipped(session, plugin)?;
    for plugin in &chosen.plugins {
        data!("{}", document(&chosen.layer.name, &plugin.decl).trim_end());
    }
    Ok(())
}

/// Prints the reference of the contract that this skiff was built with. A test holds it against the WIT.
pub(crate) fn print_contract() {
    data!("{}", include_str!("../../../../../wit/REFERENCE.md").trim_end());
}
