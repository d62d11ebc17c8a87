use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use indicatif::HumanBytes;
use skiff_build::buildroot::read_installed_sizes;
use skiff_build::buildroot::read_step_times;

use crate::args::GraphArgs;
use crate::args::GraphCommand;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::graph::Bar;
use crate::graph::Page;
use crate::graph::Row;
use crate::graph::arcs;
use crate::graph::bars;
use crate::output::data;
use crate::session::Session;

pub(crate) fn run(session: &Session, command: &GraphCommand) -> Result<()> {
    match command {
        GraphCommand::Layers(args) => layers(session, args),
        GraphCommand::BuildTime(args) => build_time(session, args),
        GraphCommand::Size(args) => size(session, args),
    }
}

/// Draws all layers in merge order and who needs whom.
fn layers(session: &Session, args: &GraphArgs) -> Result<()> {
    let chain = session.chain()?;
    let position = |name: &str| chain.layers().iter().position(|layer| layer.name.eq_ignore_ascii_case(name));
    let mut rows: Vec<Row> = chain
        .layers()
        .iter()
        .map(|layer| Row { name: layer.name.clone(), strong: false, faint: true, needs: Vec::new() })
        .collect();
    let mut table = Vec::new();
    for package in chain.packages() {
        let dependencies = package.dependencies()?;
        let Some(row) = position(package.name.as_str()).and_then(|at| rows.get_mut(at)) else { continue };
        row.faint = false;
        row.strong = chain.requested().contains(&package.name);
        row.needs = dependencies.iter().filter_map(|(name, _)| position(name.as_str())).collect();
        let names: Vec<&str> = dependencies.iter().map(|(name, _)| name.as_str()).collect();
        let asked = if row.strong { "asked for" } else { "" };
        table.push(vec![
            package.name.to_string(),
            asked.to_owned(),
            names.join(", "),
            package.description()?.map(|line| line.to_string()).unwrap_or_default(),
        ]);
    }
    let title = "Layers in merge order: later ones win, arcs lead to what is needed";
    let svg = arcs(title, &rows)?;
    write(
        session,
        args,
        "layers",
        &Page { title, svg: &svg, heads: &["layer", "", "needs", "description"], rows: table },
    )
}

/// Steps in the order in which Buildroot makes them; others are shown together.
const STEPS: [&str; 8] =
    ["extract", "patch", "configure", "build", "install-host", "install-staging", "install-target", "install-image"];

fn build_time(session: &Session, args: &GraphArgs) -> Result<()> {
    let times = read_step_times(&session.workspace.folder());
    if times.is_empty() {
        return Err(nothing(session, "build times"));
    }
    let step = |name: &str| STEPS.iter().position(|step| *step == name).unwrap_or(STEPS.len());
    let mut rows: Vec<Bar> = times
        .into_iter()
        .map(|(name, steps)| {
            let mut parts = BTreeMap::new();
            for (step_name, seconds) in steps {
                *parts.entry(step(&step_name)).or_insert(0.0) += seconds;
            }
            Bar { name, parts: parts.into_iter().collect() }
        })
        .collect();
    let legend: Vec<&str> = STEPS.into_iter().chain(["other"]).collect();
    let shown = |seconds: f64| format!("{seconds:.1} s");
    draw(session, args, "build-time", "Build time of each package", &mut rows, &legend, shown)
}

fn size(session: &Session, args: &GraphArgs) -> Result<()> {
    let sizes = read_installed_sizes(&session.workspace.folder())?;
    if sizes.is_empty() {
        return Err(nothing(session, "sizes"));
    }
    let mut rows: Vec<Bar> =
        sizes.into_iter().map(|(name, bytes)| Bar { name, parts: vec![(0, bytes as f64)] }).collect();
    let shown = |bytes: f64| HumanBytes(bytes as u64).to_string();
    draw(session, args, "size", "Size of each package in the target", &mut rows, &["files"], shown)
}

fn nothing(session: &Session, what: &str) -> CommandError {
    let folder = session.workspace.folder();
    CommandError::new(Kind::User, format!("There are no {what} in {}", folder.display()))
        .hint("Buildroot records them while it builds: skiff --engine buildroot compile")
}

fn draw(
    session: &Session,
    args: &GraphArgs,
    file: &str,
    title: &str,
    rows: &mut [Bar],
    legend: &[&str],
    shown: impl Fn(f64) -> String,
) -> Result<()> {
    rows.sort_by(|a, b| b.total().total_cmp(&a.total()));
    let all: f64 = rows.iter().map(Bar::total).sum();
    let title = format!("{title}: {} in all", shown(all));
    let svg = bars(&title, rows, legend, &shown)?;
    let table = rows.iter().map(|row| vec![row.name.clone(), shown(row.total())]).collect();
    write(session, args, file, &Page { title: &title, svg: &svg, heads: &["package", ""], rows: table })
}

fn write(session: &Session, args: &GraphArgs, name: &str, page: &Page<'_>) -> Result<()> {
    let own = session.workspace.folder().join("graphs");
    let folder: PathBuf = args.output.as_ref().map_or(own, |folder| session.environment.absolute(folder));
    let failed = |path: &Path, error: std::io::Error| {
        CommandError::new(Kind::User, format!("Cannot write `{}`: {error}", path.display()))
    };
    fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
    for (ending, text) in [("svg", page.svg.to_owned()), ("html", page.html())] {
        let path = folder.join(format!("{name}.{ending}"));
        fs::write(&path, text).map_err(|error| failed(&path, error))?;
        data!("{}", path.display());
    }
    Ok(())
}
