use serde_json::json;

use crate::args::ListArgs;
use crate::command_error::Result;
use crate::output::data;
use crate::session::Session;

pub(crate) fn run(session: &Session, args: &ListArgs) -> Result<()> {
    let catalog = session.catalog()?;
    let shown = catalog.packages().filter(|package| args.all || !package.unlisted());
    if args.json {
        let mut rows = Vec::new();
        for package in shown {
            let description = package.description()?;
            rows.push(json!({
                "name": package.name,
                "path": package.root,
                "description": description,
                "unlisted": package.unlisted(),
                "hides": package.hides,
            }));
        }
        data!("{:#}", json!(rows));
        return Ok(());
    }
    for package in shown {
        data!("{:24} {}", package.name.as_str(), package.description()?.unwrap_or_default());
    }
    Ok(())
}
