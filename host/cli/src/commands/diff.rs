use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use cap_std::fs::Dir;
use serde::Serialize;
use skiff_kconfig::Kind as ConfigKind;
use skiff_layers::Stage;
use skiff_plan::BuildPlan;
use skiff_plan::Overlay;
use skiff_plan::Workspace;
use skiff_report::Cancel;
use skiff_text::Shown as _;

use crate::args::DiffArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;
use crate::session::Session;

/// How two systems differ. `-` belongs to the first, `+` to the second.
#[derive(Debug, Default, Serialize)]
struct Difference {
    layers: Changes,
    symbols: BTreeMap<ConfigKind, BTreeMap<String, Sides>>,
    overlays: BTreeMap<String, Sides>,
    hooks: Changes,
    users: Changes,
    cflags: Option<Sides>,
}

/// What only one side has.
#[derive(Debug, Default, Serialize)]
struct Changes {
    removed: Vec<String>,
    added: Vec<String>,
}

/// Two values of one thing, each with who says so.
#[derive(Debug, PartialEq, Serialize)]
struct Sides {
    from: Option<Said>,
    to: Option<Said>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Said {
    value: String,
    by: String,
}

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
        return Err(CommandError::new(Kind::User, format!("There is no workspace `{name}` that is configured"))
            .hint("`skiff workspace list` shows them; a chain has a `/` in it"));
    }
    Ok((other.plan()?, other.workspace))
}

fn compare(
    (from, from_ws): &(BuildPlan, Workspace),
    (to, to_ws): &(BuildPlan, Workspace),
    cancel: &Cancel,
) -> Result<Difference> {
    let mut symbols = BTreeMap::new();
    for kind in ConfigKind::ALL {
        let said = |plan: &BuildPlan, workspace: &Workspace| -> BTreeMap<String, Said> {
            // Every workspace names its own directory.
            let own = workspace.config().to_string_lossy().into_owned();
            let row = |entry: &skiff_kconfig::Entry| Said {
                value: entry.winner.value.text().replace(&own, ".config"),
                by: entry.winner.origin.to_string(),
            };
            plan.config(kind).entries().map(|(symbol, entry)| (symbol.to_string(), row(entry))).collect()
        };
        symbols.insert(kind, sides(&said(from, from_ws), &said(to, to_ws)));
    }
    symbols.retain(|_, changed| !changed.is_empty());
    let layers = |plan: &BuildPlan| plan.layers.iter().map(|layer| layer.name.clone()).collect::<Vec<_>>();
    let users = |plan: &BuildPlan| plan.users.iter().map(|user| user.text.clone()).collect::<Vec<_>>();
    let flags = |plan: &BuildPlan| Some(Said { value: plan.cflags.clone(), by: "all layers".into() });
    Ok(Difference {
        layers: changes(&layers(from), &layers(to)),
        symbols,
        overlays: sides(&overlays(from, cancel)?, &overlays(to, cancel)?),
        hooks: changes(&hooks(from), &hooks(to)),
        users: changes(&users(from), &users(to)),
        cflags: (from.cflags != to.cflags).then(|| Sides { from: flags(from), to: flags(to) }),
    })
}

fn sides(from: &BTreeMap<String, Said>, to: &BTreeMap<String, Said>) -> BTreeMap<String, Sides> {
    let names: BTreeSet<String> = from.keys().chain(to.keys()).cloned().collect();
    let value = |said: Option<&Said>| said.map(|said| said.value.clone());
    names
        .into_iter()
        .filter(|name| value(from.get(name)) != value(to.get(name)))
        .map(|name| {
            let sides = Sides { from: from.get(&name).cloned(), to: to.get(&name).cloned() };
            (name, sides)
        })
        .collect()
}

fn changes(from: &[String], to: &[String]) -> Changes {
    let only = |one: &[String], other: &[String]| one.iter().filter(|item| !other.contains(item)).cloned().collect();
    Changes { removed: only(from, to), added: only(to, from) }
}

/// The files of all overlays, each with the digest of what the last layer brings.
fn overlays(plan: &BuildPlan, cancel: &Cancel) -> Result<BTreeMap<String, Said>> {
    let mut files = BTreeMap::new();
    for overlay in &plan.overlays {
        add_overlay(&mut files, overlay, &overlay.open()?, Path::new("/"), cancel)?;
    }
    Ok(files)
}

fn add_overlay(
    files: &mut BTreeMap<String, Said>,
    overlay: &Overlay,
    folder: &Dir,
    inner: &Path,
    cancel: &Cancel,
) -> Result<()> {
    let unreadable = |error: io::Error| {
        let path = overlay.path.join(inner.strip_prefix("/").unwrap_or(inner));
        CommandError::new(Kind::User, format!("Cannot read `{}`: {error}", path.shown()))
    };
    for entry in folder.entries().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let (name, kind) = (entry.file_name(), entry.file_type().map_err(unreadable)?);
        let inner = inner.join(&name);
        if kind.is_dir() {
            add_overlay(files, overlay, &entry.open_dir().map_err(unreadable)?, &inner, cancel)?;
            continue;
        }
        let value = if kind.is_symlink() {
            format!("-> {}", folder.read_link_contents(&name).map_err(unreadable)?.shown())
        } else if kind.is_file() {
            overlay.digest_of(inner.strip_prefix("/").unwrap_or(&inner), cancel)?.to_string()
        } else {
            continue;
        };
        files.insert(inner.shown().to_string(), Said { value, by: overlay.layer.clone() });
    }
    Ok(())
}

fn hooks(plan: &BuildPlan) -> Vec<String> {
    [Stage::Configure, Stage::Pre, Stage::Post]
        .into_iter()
        .flat_map(|stage| plan.hooks(stage))
        .map(|step| step.to_string())
        .collect()
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
