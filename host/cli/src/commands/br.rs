use crate::args::BrArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::session::Session;

/// Buildroot's targets need Buildroot's engine.
pub(crate) fn run(session: &Session, args: &BrArgs) -> Result<()> {
    let engine = session.engine(false)?;
    let name = skiff_build::Engine::name(&engine);
    let targets = args.targets.join(" ");
    Err(CommandError::new(Kind::User, format!("The engine `{name}` has no Buildroot tree in which to run `{targets}`"))
        .hint("settings can be written to overrides/buildroot/<any name>, one `BR2_…=…` a line"))
}
