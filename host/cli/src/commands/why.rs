use std::collections::BTreeMap;
use std::collections::VecDeque;

use serde_json::json;
use skiff_layers::Chain;
use skiff_layers::LayerName;
use skiff_layers::Location;

use crate::args::ShowArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;
use crate::session::Session;
use crate::settings::Origin;

/// A package and the line in its dependencies that brings another one.
type Edge = (LayerName, Location);

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
    let needed_by = needed_by(&chain)?;
    let roots: Vec<&LayerName> = chain.requested().iter().collect();
    let path = shortest(&wanted, &roots, &needed_by);
    let direct: Vec<&Edge> = needed_by.get(&wanted).into_iter().flatten().collect();
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

/// For each package, those that need it.
fn needed_by(chain: &Chain) -> Result<BTreeMap<LayerName, Vec<Edge>>> {
    let mut edges: BTreeMap<LayerName, Vec<Edge>> = BTreeMap::new();
    for package in chain.packages() {
        for (dependency, at) in package.dependencies()? {
            edges.entry(dependency).or_default().push((package.name.clone(), at));
        }
    }
    Ok(edges)
}

/// Finds the shortest way from something that was asked for to a package.
fn shortest(wanted: &LayerName, roots: &[&LayerName], needed_by: &BTreeMap<LayerName, Vec<Edge>>) -> Vec<LayerName> {
    let mut ways = VecDeque::from([vec![wanted.clone()]]);
    let mut seen = vec![wanted.clone()];
    while let Some(way) = ways.pop_front() {
        let Some(last) = way.last() else { continue };
        if roots.contains(&last) && way.len() > 1 {
            return way.into_iter().rev().collect();
        }
        for (by, _) in needed_by.get(last).into_iter().flatten() {
            if !seen.contains(by) {
                seen.push(by.clone());
                ways.push_back(way.iter().cloned().chain([by.clone()]).collect());
            }
        }
    }
    vec![wanted.clone()]
}
