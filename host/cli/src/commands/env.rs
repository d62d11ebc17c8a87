use std::collections::BTreeMap;

use serde_json::json;

use crate::args::JsonArgs;
use crate::command_error::Result;
use crate::output::data;
use crate::session::Session;

/// Shows what Buildroot, hooks and commands find in their environment that was not in skiff's own.
pub(crate) fn run(session: &Session, args: &JsonArgs) -> Result<()> {
    let plan = session.plan()?;
    let all = session.build_environment(&plan);
    let added: BTreeMap<_, _> = all
        .iter()
        .map(|(name, value)| (name.to_string_lossy(), value.to_string_lossy()))
        .filter(|(name, _)| name.starts_with("SKIFF_") || name.starts_with("BR2_") || name.ends_with("_DIR"))
        .collect();
    if args.json {
        data!("{:#}", json!(added));
        return Ok(());
    }
    for (name, value) in added {
        // In a form that a shell reads back.
        let quoted = shlex::try_quote(&value).map_or_else(|_| value.clone(), |text| text.into_owned().into());
        data!("{name}={quoted}");
    }
    Ok(())
}
