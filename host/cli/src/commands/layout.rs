use skiff_layers::LayerName;
use skiff_layout::Medium;
use skiff_runtime::board;

use crate::args::Intent;
use crate::args::LayoutArgs;
use crate::command_error::Result;
use crate::media::Board;
use crate::output::data;
use crate::session::Session;

/// Size of a sector in bytes, where nobody says otherwise.
const SECTOR: u32 = 512;

/// Asks a board's plugin what is where on a medium.
pub(crate) fn run(session: &Session, args: &LayoutArgs) -> Result<()> {
    let package: LayerName = args.package.parse()?;
    let board = Board::of(session, &package)?;
    let intent = match args.intent {
        Intent::Format => board::Intent::Format,
        Intent::Install => board::Intent::Install,
        Intent::Image => board::Intent::Image,
    };
    let medium = Medium { size: args.size.0, sector: SECTOR };
    let layout = board.layout(session, intent, medium, "")?;
    data!("{:#}", serde_json::json!(layout));
    Ok(())
}
