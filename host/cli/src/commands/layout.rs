use skiff_layers::LayerName;
use skiff_runtime::board;

use crate::args::Intent;
use crate::args::LayoutArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::commands::cmd;
use crate::consent;
use crate::output::data;
use crate::session::Session;

/// Size of a sector in bytes, where nobody says otherwise.
const SECTOR: u32 = 512;

/// Asks a board's plugin what is where on a medium.
pub(crate) fn run(session: &Session, args: &LayoutArgs) -> Result<()> {
    let package: LayerName = args.package.parse()?;
    let plan = cmd::plan_with(session, &package)?;
    let Some(planned) = cmd::of_package(&plan, &package).find(|planned| planned.plugin.board) else {
        return Err(CommandError::new(Kind::User, format!("Package `{package}` has no plugin that knows a board"))
            .hint("one says `board: true` in metadata/plugins.yaml"));
    };
    consent::obtain(session, [planned])?;
    let intent = match args.intent {
        Intent::Format => board::Intent::Format,
        Intent::Install => board::Intent::Install,
        Intent::Image => board::Intent::Image,
    };
    let medium = board::Medium { size: args.size, sector: SECTOR, model: String::new() };
    if super::cmd::uses_workspace(planned) {
        skiff_build::claim(&session.workspace)?;
    }
    let layout = session.plugin_runner(&plan)?.layout(planned, intent, &medium, &session.zones(&plan))?;
    data!("{:#}", serde_json::json!(layout));
    Ok(())
}
