//! Compares imports with the tools that the files are written for: both make a table, sfdisk reads both.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use skiff_layout::Ids;
use skiff_layout::ImportError;
use skiff_layout::Layout;
use skiff_layout::Medium;
use skiff_layout::Placed;
use skiff_layout::Surroundings;
use skiff_layout::from_genimage;
use skiff_layout::from_repart;

/// How an import compares.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Both tables are equal.
    Same,
    /// Starts differ by rounding up to 1 MiB.
    Aligned,
    /// skiff refuses it, naming a line and a word.
    Refused(String),
    /// The other tool refuses it.
    Invalid(String),
    /// How several partitions share the room is said to differ.
    Shared,
    /// They differ.
    Different(String),
}

/// An entry of a table, as sfdisk tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    start: u64,
    size: u64,
    what: BTreeMap<String, String>,
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .env("LC_ALL", "C")
        .output()
        .expect("the tool is installed");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() { Ok(text) } else { Err(text) }
}

/// The table of an image, read by sfdisk. UUIDs are compared where the layout names them.
fn table(image: &Path, layout: &Layout) -> Vec<Entry> {
    let dump = run(Command::new("sfdisk").arg("--dump").arg(image)).unwrap_or_default();
    let mut entries = Vec::new();
    for line in dump.lines() {
        let Some((_, fields)) = line.split_once(" : ").filter(|_| line.contains("start=")) else { continue };
        let mut what = BTreeMap::new();
        for field in fields.split(", ") {
            let (key, value) = field.trim().split_once('=').unwrap_or((field.trim(), ""));
            what.insert(key.to_owned(), value.trim().trim_matches('"').to_lowercase());
        }
        let number = |key: &str| what.get(key).and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let (start, size) = (number("start"), number("size"));
        what.remove("start");
        what.remove("size");
        if layout.partitions.get(entries.len()).is_none_or(|partition| partition.uuid.is_none()) {
            what.remove("uuid");
        }
        entries.push(Entry { start, size, what });
    }
    entries
}

fn compare(theirs: &[Entry], ours: &[Entry]) -> Outcome {
    if theirs == ours && !ours.is_empty() {
        return Outcome::Same;
    }
    let near = |one: &Entry, other: &Entry| {
        one.size == other.size
            && one.what == other.what
            && one.start.next_multiple_of(2048) == other.start.next_multiple_of(2048)
    };
    match theirs.len() == ours.len() && !ours.is_empty() && theirs.iter().zip(ours).all(|(one, other)| near(one, other))
    {
        true => Outcome::Aligned,
        false => Outcome::Different(format!("theirs {theirs:#?}\nours {ours:#?}")),
    }
}

/// Solves a layout and writes its table.
fn make(layout: &Layout, size: u64, inputs: &Path, to: &Path) -> Result<Placed, String> {
    let length =
        |source: &str| fs::metadata(inputs.join(source.trim_start_matches("images/"))).ok().map(|file| file.len());
    let raw: Vec<Option<u64>> =
        layout.raw.iter().map(|raw| raw.source.first().and_then(|source| length(source))).collect();
    let blocks: Vec<Option<u64>> =
        layout.partitions.iter().map(|partition| partition.copy_blocks.as_deref().and_then(length)).collect();
    let placed = layout.solve(Medium { size, sector: 512 }, &raw, &blocks).map_err(|error| error.to_string())?;
    let file = File::create(to).unwrap();
    file.set_len(size).unwrap();
    for patch in placed.table(&Ids::new(b"compare")).map_err(|error| error.to_string())? {
        file.write_all_at(&patch.bytes, patch.offset).unwrap();
    }
    Ok(placed)
}

fn sources(layout: &Layout) -> Vec<String> {
    let partitions = layout.partitions.iter();
    let files = partitions.flat_map(|one| one.copy_files.iter().flat_map(|file| &file.source).chain(&one.copy_blocks));
    files.chain(layout.raw.iter().flat_map(|raw| &raw.source)).cloned().collect()
}

/// A file that stands for one of a board: large for root file systems, small for boot loaders, of no whole number of sectors.
fn stand_in(inputs: &Path, source: &str) {
    let path = inputs.join(source.trim_start_matches("images/"));
    if path.exists() {
        return;
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let size = match source {
        _ if source.contains("root") => 5_000_192,
        "images/boot.img" => 512,
        _ => 10_123,
    };
    let seed = source.bytes().fold(7_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    fs::write(path, (0..size).map(|n: u32| seed ^ (n as u8) ^ ((n >> 8) as u8)).collect::<Vec<u8>>()).unwrap();
}

/// Compares a configuration of genimage; `variables` are those of its environment.
pub(crate) fn genimage(path: &Path, text: &str, variables: &[(&str, &str)]) -> Outcome {
    let folder = path.parent().unwrap();
    let around = Surroundings {
        variable: &|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
        include: &|name| fs::read_to_string(folder.join(name)).map_err(|error| error.to_string()),
    };
    let (layout, notes) = match from_genimage("genimage.cfg", text, &around) {
        Ok(imported) => imported,
        Err(ImportError::File { problem, .. }) => {
            return Outcome::Different(format!("refused without a line: {problem}"));
        }
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    let temporary = tempfile::tempdir().unwrap();
    let at = |name: &str| temporary.path().join(name);
    for name in ["in", "out", "root", "tmp"] {
        fs::create_dir(at(name)).unwrap();
    }
    for source in sources(&layout) {
        stand_in(&at("in"), &source);
    }
    fs::write(at("root/hello"), "hello").unwrap();
    fs::write(at("genimage.cfg"), text).unwrap();
    let mut command = Command::new(std::env::var_os("SKIFF_TEST_GENIMAGE").unwrap_or("genimage".into()));
    command.current_dir(folder).envs(variables.iter().copied());
    for (option, name) in [
        ("inputpath", "in"),
        ("outputpath", "out"),
        ("rootpath", "root"),
        ("tmppath", "tmp"),
        ("config", "genimage.cfg"),
    ] {
        command.arg(format!("--{option}")).arg(at(name));
    }
    let names: Vec<&str> = text.split("hdimage").next().unwrap_or_default().split("image ").collect();
    let disk = names.last().unwrap().split(['{', '\n']).next().unwrap().trim().trim_matches('"').to_owned();
    let mut made = run(&mut command);
    // Images that are not part of the disk need files, too.
    while let Err(said) = &made
        && let Some(missing) = said.split("stat(").nth(1).and_then(|rest| rest.split(") failed").next())
        && let Ok(source) = Path::new(missing).strip_prefix(at("in"))
        && !at("in").join(source).exists()
    {
        stand_in(&at("in"), source.to_str().unwrap());
        made = run(&mut command);
    }
    if let Err(said) = made {
        return Outcome::Invalid(said.lines().filter(|line| line.starts_with("ERROR")).collect::<Vec<_>>().join("; "));
    }
    let image = at("out").join(&disk);
    let theirs = table(&image, &layout);
    let length = fs::metadata(&image).unwrap().len();
    let end = theirs.iter().map(|entry| (entry.start + entry.size) * 512).max().unwrap_or(0);
    let size = if layout.table == skiff_layout::Table::Gpt {
        length
    } else {
        end.max(length).next_multiple_of(1 << 20) + (64 << 20)
    };
    let placed = match make(&layout, size, &at("in"), &at("ours.img")) {
        Ok(placed) => placed,
        Err(error) => return Outcome::Different(format!("{error}\nnotes {notes:#?}\ntheirs {theirs:#?}")),
    };
    let made = File::open(&image).unwrap();
    for raw in placed.raw() {
        let file = fs::read(at("in").join(raw.raw.source[0].trim_start_matches("images/"))).unwrap();
        let length = (raw.range.end - raw.range.start) as usize;
        let mut bytes = vec![0; length];
        made.read_exact_at(&mut bytes, raw.range.start).unwrap();
        let skip = raw.raw.skip as usize;
        if file.get(skip..skip + length) != Some(bytes.as_slice()) {
            return Outcome::Different(format!("raw contents `{}` are not at {}", raw.raw.name, raw.range.start));
        }
    }
    if layout.partitions.is_empty() && theirs.is_empty() {
        return Outcome::Same;
    }
    compare(&theirs, &table(&at("ours.img"), &layout))
}

/// Compares a directory of definitions of systemd-repart. Contents are left out: they need root, and are not in the table.
pub(crate) fn repart(folder: &Path) -> Outcome {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "conf"));
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let files: Vec<(String, String)> =
        paths.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect();
    let (layout, notes) = match from_repart(&files) {
        Ok(imported) => imported,
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    let temporary = tempfile::tempdir().unwrap();
    let at = |name: &str| temporary.path().join(name);
    fs::create_dir_all(at("definitions")).unwrap();
    let contents = ["Format", "Copy", "Exclude", "Make", "Subvolumes"];
    for (name, text) in &files {
        let kept = text.lines().filter(|line| !contents.iter().any(|word| line.trim_start().starts_with(word)));
        fs::write(at("definitions").join(name), kept.collect::<Vec<_>>().join("\n") + "\n").unwrap();
    }
    let size: u64 = 16 << 30;
    let mut command = Command::new("systemd-repart");
    command.args(["--empty=create", "--dry-run=no", "--pretty=no", "--seed=00000000-0000-0000-0000-000000000001"]);
    command
        .arg(format!("--size={size}"))
        .arg(format!("--definitions={}", at("definitions").display()))
        .arg(at("theirs.img"));
    if let Err(said) = run(&mut command) {
        return Outcome::Invalid(said);
    }
    let theirs = table(&at("theirs.img"), &layout);
    if let Err(error) = make(&layout, size, &at("in"), &at("ours.img")) {
        return Outcome::Different(error);
    }
    match compare(&theirs, &table(&at("ours.img"), &layout)) {
        Outcome::Different(_) if notes.iter().any(|note| note.contains("share a medium")) => Outcome::Shared,
        other => other,
    }
}
