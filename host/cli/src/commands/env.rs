use std::collections::BTreeMap;

use serde_json::json;

use crate::args::JsonArgs;
use crate::command_error::Result;
use crate::output::data;
use skiff_layers::is_variable;
use skiff_project::Session;

/// Shows what hooks and commands find in their environment that is not, or is otherwise, in skiff's own.
pub(crate) fn run(session: &Session, args: &JsonArgs) -> Result<()> {
    let plan = session.plan()?;
    let environment = session.script_environment(&plan)?;
    let added: BTreeMap<_, _> = environment
        .variables
        .iter()
        .map(|(name, value)| (name.to_string_lossy(), value.to_string_lossy()))
        .filter(|(name, _)| is_variable(name))
        .filter(|(name, value)| session.console.environment.raw(name).is_none_or(|own| own.to_string_lossy() != *value))
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
