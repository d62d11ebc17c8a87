use serde_json::json;
use skiff_layers::Package;

use crate::args::ListArgs;
use crate::command_error::CommandError;
use crate::command_error::Result;
use crate::output::data;
use skiff_project::Session;

pub(crate) fn run(session: &Session, args: &ListArgs) -> Result<()> {
    let catalog = session.catalog()?;
    let shown = catalog.packages().filter(|package| args.all || !package.unlisted());
    if args.json {
        let mut rows = Vec::new();
        for package in shown {
            let description = Some(description(session, package)).filter(|text| !text.is_empty());
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
        data!("{:24} {}", package.name.as_str(), description(session, package));
    }
    Ok(())
}

/// Returns the description of a package; one that cannot be read does not hide the other packages.
pub(crate) fn description(session: &Session, package: &Package) -> String {
    match package.description() {
        Ok(description) => description.map(|line| line.to_string()).unwrap_or_default(),
        Err(error) => {
            session.console.warn(CommandError::from(error).message());
            String::new()
        }
    }
}
