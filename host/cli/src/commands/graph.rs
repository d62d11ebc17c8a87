use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use indicatif::HumanBytes;
use skiff_build::Origin;
use skiff_build::Sizes;
use skiff_build::buildroot::read_step_times;

use crate::args::GraphArgs;
use crate::args::GraphCommand;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;
use skiff_draw::Bar;
use skiff_draw::Page;
use skiff_draw::Role;
use skiff_draw::Row;
use skiff_draw::bars;
use skiff_draw::lanes;
use skiff_project::Session;
use skiff_text::Shown as _;

pub(crate) fn run(session: &Session, command: &GraphCommand) -> Result<()> {
    match command {
        GraphCommand::Layers(args) => layers(session, args),
        GraphCommand::BuildTime(args) => build_time(session, args),
        GraphCommand::Size(args) => size(session, args),
    }
}

/// Draws all layers in merge order, and which of them brought which.
fn layers(session: &Session, args: &GraphArgs) -> Result<()> {
    let chain = session.chain()?;
    let position = |name: &str| chain.layers().iter().position(|layer| layer.name.eq_ignore_ascii_case(name));
    let row = |name: &str| Row { name: name.to_owned(), role: Role::Implicit, brings: Vec::new(), note: String::new() };
    let mut rows: Vec<Row> = chain.layers().iter().map(|layer| row(&layer.name)).collect();
    let mut brought_by: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut descriptions = BTreeMap::new();
    for package in chain.packages() {
        let dependencies = package.dependencies()?;
        let Some(at) = position(package.name.as_str()) else { continue };
        let Some(row) = rows.get_mut(at) else { continue };
        row.role = if chain.requested().contains(&package.name) { Role::Requested } else { Role::Brought };
        row.brings = dependencies.iter().filter_map(|(name, _)| position(name.as_str())).collect();
        for brought in &row.brings {
            brought_by.entry(*brought).or_default().push(package.name.to_string());
        }
        descriptions.insert(at, package.description()?.map(|line| line.to_string()).unwrap_or_default());
    }
    let mut table = Vec::new();
    for (at, row) in rows.iter_mut().enumerate() {
        let by = brought_by.get(&at).map(|names| format!("brought by {}", names.join(", ")));
        row.note = match row.role {
            Role::Implicit => Role::Implicit.shown().to_owned(),
            Role::Requested => {
                [Some(Role::Requested.shown().to_owned()), by].into_iter().flatten().collect::<Vec<_>>().join(", ")
            }
            Role::Brought => by.unwrap_or_default(),
        };
        let description = descriptions.remove(&at).unwrap_or_default();
        table.push(vec![(at + 1).to_string(), row.name.clone(), row.note.clone(), description]);
    }
    let title = "Layers in merge order: later ones win";
    let svg = lanes(title, &rows)?;
    write(session, args, "layers", &Page { title, svg: &svg, heads: &["", "layer", "why", "description"], rows: table })
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

/// Bytes in words.
fn bytes(count: f64) -> String {
    HumanBytes(count as u64).to_string()
}

fn size(session: &Session, args: &GraphArgs) -> Result<()> {
    let built_by = skiff_build::built_by(&session.workspace)?;
    let Sizes { parts, layers } = skiff_build::read_sizes(&session.workspace, built_by)?;
    if let Some(layers) = layers {
        return size_by_layer(session, args, parts, &layers);
    }
    if parts.is_empty() {
        return Err(nothing(session, "sizes").hint("the engine `prebuilt` records them, too: skiff compile"));
    }
    let row = |(origin, count): (Origin, u64)| Bar { name: name_of(origin), parts: vec![(0, count as f64)] };
    let mut rows: Vec<Bar> = parts.into_iter().map(row).collect();
    draw(session, args, "size", "Size of each package in the target", &mut rows, &["files"], bytes)
}

fn name_of(origin: Origin) -> String {
    match origin {
        Origin::Package(name) => name,
        Origin::Overlay(layer) => format!("root overlay of {layer}"),
        Origin::Skiff => "made by skiff and by hooks".to_owned(),
    }
}

/// Draws what packages and overlays take, each by itself and added up by layer.
fn size_by_layer(
    session: &Session,
    args: &GraphArgs,
    sizes: Vec<(Origin, u64)>,
    bringers: &BTreeMap<String, String>,
) -> Result<()> {
    if sizes.is_empty() {
        let message = "the last build did not record the sizes of its packages";
        return Err(CommandError::new(Kind::User, message).hint("build again: skiff clean && skiff compile"));
    }
    let legend = ["packages", "root overlay", "made by skiff and by hooks"];
    let mut single = Vec::new();
    let mut layers: BTreeMap<String, BTreeMap<usize, f64>> = BTreeMap::new();
    for (origin, count) in sizes {
        let (kind, layer) = match &origin {
            Origin::Package(name) => (0, bringers.get(name).map_or("unknown", String::as_str).to_owned()),
            Origin::Overlay(layer) => (1, layer.clone()),
            Origin::Skiff => (2, "skiff".to_owned()),
        };
        let note = if kind == 0 { format!(" ({layer})") } else { String::new() };
        let name = name_of(origin) + &note;
        single.push(Bar { name, parts: vec![(kind, count as f64)] });
        *layers.entry(layer).or_default().entry(kind).or_default() += count as f64;
    }
    let row = |(name, parts): (String, BTreeMap<usize, f64>)| Bar { name, parts: parts.into_iter().collect() };
    let mut layers: Vec<Bar> = layers.into_iter().map(row).collect();
    draw(session, args, "size", "Size of each package in the target", &mut single, &legend, bytes)?;
    draw(session, args, "size-by-layer", "Size of what each layer brings", &mut layers, &legend, bytes)
}

fn nothing(session: &Session, what: &str) -> CommandError {
    let folder = session.workspace.folder();
    CommandError::new(Kind::User, format!("there are no {what} in {}", folder.shown()))
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
    let folder: PathBuf = match &args.output {
        Some(folder) => session.console.environment.absolute(folder),
        None => skiff_build::claim(&session.workspace)?.join("graphs"),
    };
    let failed = |path: &Path, error: std::io::Error| {
        CommandError::new(Kind::User, format!("cannot write `{}`: {error}", path.shown()))
    };
    fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
    for (ending, text) in [("svg", page.svg.to_owned()), ("html", page.html())] {
        let path = folder.join(format!("{name}.{ending}"));
        skiff_build::write_file(&path, text.as_bytes())?;
        data!("{}", path.shown());
    }
    Ok(())
}
