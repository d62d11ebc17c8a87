use serde_json::json;
use skiff_layers::LayerName;
use skiff_layers::Needs;

use crate::args::ShowArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;
use skiff_project::Origin;
use skiff_project::Session;

/// Tells who brought a layer into the chain: every way from what was asked for to the layer.
pub(crate) fn run(session: &Session, args: &ShowArgs) -> Result<()> {
    let wanted: LayerName = args.package.parse()?;
    let chain = session.chain()?;
    if chain.layers().iter().any(|layer| layer.name == wanted.as_str()) && !chain.names().contains(&wanted) {
        match args.json {
            true => data!("{:#}", json!({"package": wanted.as_str(), "in_every_chain": true})),
            false => data!("{wanted}: it is in every chain"),
        }
        return Ok(());
    }
    if !chain.names().contains(&wanted) {
        let asked = session.requested().map(|(chain, _)| chain).unwrap_or_default();
        return Err(CommandError::new(Kind::User, format!("`{wanted}` is not in the chain {asked}"))
            .hint("`skiff plan` shows what is"));
    }
    let needs = Needs::of(&chain)?;
    let roots: Vec<&LayerName> = chain.requested().iter().collect();
    let path = needs.way(&wanted, &roots);
    let direct = needs.by(&wanted);
    if args.json {
        let edges: Vec<_> =
            direct.iter().map(|(by, at)| json!({"package": by.as_str(), "file": at.file, "line": at.line})).collect();
        let path: Vec<&str> = path.iter().map(LayerName::as_str).collect();
        data!(
            "{:#}",
            json!({"package": wanted.as_str(), "asked_for": roots.contains(&&wanted), "needed_by": edges, "path": path})
        );
        return Ok(());
    }
    if roots.contains(&&wanted) {
        let who = match session.requested() {
            Some((_, Origin::Project)) => "skiff.yaml asks for it",
            Some((_, Origin::Saved)) => "it is in the chain that the workspace was configured with",
            _ => "you asked for it",
        };
        data!("{wanted}: {who}");
    }
    for (by, at) in direct {
        data!("{wanted}: `{by}` needs it ({at})");
    }
    if path.len() > 2 {
        data!("from what was asked for: {}", path.iter().map(LayerName::as_str).collect::<Vec<_>>().join(" -> "));
    }
    Ok(())
}
