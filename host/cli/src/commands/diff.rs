use skiff_plan::BuildPlan;
use skiff_plan::Workspace;
use skiff_project::Session;
use skiff_project::difference::Difference;
use skiff_project::difference::Said;
use skiff_project::difference::Sides;
use skiff_project::difference::compare;

use crate::args::DiffArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;

/// Compares two chains or workspaces.
pub(crate) fn run(session: &Session, args: &DiffArgs) -> Result<()> {
    let from = system(session, &args.from)?;
    let to = match &args.to {
        Some(name) => system(session, name)?,
        None => (session.plan()?, session.workspace.clone()),
    };
    let difference = compare(&from, &to, &session.console.cancel)?;
    match args.json {
        true => data!("{:#}", serde_json::json!(difference)),
        false => print(&difference),
    }
    Ok(())
}

/// Makes the plan of a chain, or of what a workspace is configured with.
fn system(session: &Session, name: &str) -> Result<(BuildPlan, Workspace)> {
    if name.contains('/') || session.project.chains.contains_key(name) {
        let chain = session.chain_of(&session.project.expand(name)?)?;
        return Ok((session.plan_of(&chain)?, session.workspace.clone()));
    }
    Workspace::exact(session.workspace.root().to_owned(), name)?;
    // Each is read with what it remembers.
    let other = session.of_workspace(name)?;
    if other.requested().is_none() {
        return Err(CommandError::new(Kind::User, format!("there is no workspace `{name}` that is configured"))
            .hint("`skiff workspace list` shows them; a chain has a `/` in it"));
    }
    Ok((other.plan()?, other.workspace))
}

fn print(difference: &Difference) {
    let mut nothing = true;
    let mut title = |text: &str| {
        nothing = false;
        data!("\x1b[1m{text}\x1b[0m");
    };
    let line = |sign: char, text: &str| {
        let colour = if sign == '-' { 31 } else { 32 };
        data!("\x1b[{colour}m{sign} {text}\x1b[0m");
    };
    for (name, changes) in [("layers", &difference.layers), ("hooks", &difference.hooks), ("users", &difference.users)]
    {
        if !changes.removed.is_empty() || !changes.added.is_empty() {
            title(name);
            changes.removed.iter().for_each(|text| line('-', text));
            changes.added.iter().for_each(|text| line('+', text));
        }
    }
    for (kind, symbols) in &difference.symbols {
        title(&kind.to_string());
        for (symbol, sides) in symbols {
            for (sign, said) in [('-', &sides.from), ('+', &sides.to)] {
                if let Some(said) = said {
                    line(sign, &format!("{symbol}={}  ({})", said.value, said.by));
                }
            }
        }
    }
    if !difference.overlays.is_empty() {
        title("overlays");
        for (path, sides) in &difference.overlays {
            match (&sides.from, &sides.to) {
                (Some(said), None) => line('-', &format!("{path}  ({})", said.by)),
                (None, Some(said)) => line('+', &format!("{path}  ({})", said.by)),
                (from, to) => {
                    let by = |said: &Option<Said>| said.as_ref().map(|said| said.by.clone()).unwrap_or_default();
                    data!("\x1b[33m~ {path}  ({} / {})\x1b[0m", by(from), by(to));
                }
            }
        }
    }
    if let Some(Sides { from: Some(from), to: Some(to) }) = &difference.cflags {
        title("cflags");
        line('-', &from.value);
        line('+', &to.value);
    }
    if nothing {
        data!("no difference");
    }
}
