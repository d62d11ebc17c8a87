use std::fs;

use serde_json::Value as Json;
use serde_json::json;
use skiff_build::SavedSettings;
use skiff_build::WorkspaceLock;
use skiff_plan::Workspace;

use crate::args::WorkspaceCommand;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;
use skiff_project::Session;
use skiff_text::Shown as _;

pub(crate) fn run(session: &Session, command: &WorkspaceCommand) -> Result<()> {
    match command {
        WorkspaceCommand::List(args) => list(session, args.json),
        WorkspaceCommand::Show { name, json } => show(session, name, *json),
        WorkspaceCommand::Remove { name, yes } => remove(session, name, *yes),
    }
}

/// The file beside the images that is not one of them.
const CHECKSUMS: &str = "SHA256SUMS";

/// A workspace in a few words.
struct Row {
    workspace: Workspace,
    chain: Option<String>,
    engine: Option<String>,
    images: Vec<(String, u64)>,
}

impl Row {
    fn of(session: &Session, name: &str) -> Result<Self> {
        let workspace = Workspace::exact(session.workspace.root().to_owned(), name)?;
        let memory = SavedSettings::read(&workspace)?;
        let own = session.project.workspaces.get(workspace.name());
        let engine = memory.as_ref().and_then(|memory| memory.engine.as_ref()).map(|engine| engine.value);
        let engine = engine.or(own.and_then(|own| own.engine));
        let chain = memory.map(|memory| memory.chain).or(own.map(|own| own.chain.clone()));
        let mut images: Vec<(String, u64)> = fs::read_dir(workspace.images())
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.metadata().ok()?)))
            .filter(|(name, metadata)| metadata.is_file() && name != CHECKSUMS)
            .map(|(name, metadata)| (name, metadata.len()))
            .collect();
        images.sort();
        Ok(Self { workspace, chain, engine: engine.map(|engine| engine.to_string()), images })
    }

    fn json(&self) -> Json {
        let images: Vec<_> = self.images.iter().map(|(name, size)| json!({"name": name, "bytes": size})).collect();
        json!({
            "name": self.workspace.name(),
            "path": self.workspace.folder(),
            "chain": self.chain,
            "engine": self.engine,
            "images": images,
        })
    }
}

fn list(session: &Session, as_json: bool) -> Result<()> {
    let rows = session.workspaces().iter().map(|name| Row::of(session, name)).collect::<Result<Vec<_>>>()?;
    if as_json {
        data!("{:#}", Json::Array(rows.iter().map(Row::json).collect()));
        return Ok(());
    }
    for row in &rows {
        let built = if row.images.is_empty() { "-".to_owned() } else { format!("{} images", row.images.len()) };
        let (engine, chain) = (row.engine.as_deref().unwrap_or("-"), row.chain.as_deref().unwrap_or("-"));
        data!("{:20} {engine:10} {built:12} {chain}", row.workspace.name());
    }
    Ok(())
}

fn show(session: &Session, name: &str, as_json: bool) -> Result<()> {
    let row = Row::of(session, name)?;
    if !session.workspaces().contains(row.workspace.name()) {
        return Err(unknown(name));
    }
    if as_json {
        data!("{:#}", row.json());
        return Ok(());
    }
    data!("\x1b[1m{}\x1b[0m", row.workspace.name());
    data!("directory   {}", row.workspace.folder().shown());
    data!("chain    {}", row.chain.as_deref().unwrap_or("-"));
    data!("engine   {}", row.engine.as_deref().unwrap_or("-"));
    for (name, size) in &row.images {
        data!("image    {name:32} {}", indicatif::HumanBytes(*size));
    }
    Ok(())
}

fn remove(session: &Session, name: &str, yes: bool) -> Result<()> {
    let workspace = Workspace::exact(session.workspace.root().to_owned(), name)?;
    let folder = workspace.folder();
    if !folder.exists() && !workspace.config().exists() {
        return Err(unknown(name));
    }
    let question = format!("Remove the workspace `{}` and everything in {}?", workspace.name(), folder.shown());
    let without = format!("skiff workspace remove {} --yes", workspace.name());
    // More goes than with `clean`, so the variable of those who clean in scripts does not count.
    if !yes && !session.console.ask(&question, &without)? {
        session.console.say("Nothing was removed");
        return Ok(());
    }
    let lock = WorkspaceLock::take(&workspace)?;
    skiff_build::remove_workspace(&workspace, &lock, &session.console.cancel)?;
    session.console.say(&format!("Removed the workspace `{}`", workspace.name()));
    Ok(())
}

fn unknown(name: &str) -> CommandError {
    CommandError::new(Kind::User, format!("there is no workspace `{name}`")).hint("`skiff workspace list` shows them")
}
