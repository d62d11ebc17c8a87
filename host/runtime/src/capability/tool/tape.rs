//! What tools answered, recorded and played back: so that a plugin can be tested where its tools are not installed, and
//! comes to the same every time.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::SystemTime;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use serde::Deserialize;
use serde::Serialize;
use skiff_tree::TreePath;

/// One run of a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolRun {
    /// The tool.
    pub tool: String,
    /// Its arguments, paths as the plugin sees them.
    pub arguments: Vec<String>,
    /// The exit status.
    pub status: u8,
    /// What it wrote, as text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdout: String,
    /// What it wrote beside that.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr: String,
    /// Whether it wrote more than that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// Whether it was ended because its time was up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed_out: bool,
    /// The directory of the case with the files that it made or changed, below the directories that the plugin sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<String>,
}

/// Runs of tools, one after the other.
#[derive(Debug)]
pub struct Tape {
    /// The directory of the case.
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Record(Vec<ToolRun>),
    Replay { rest: VecDeque<ToolRun>, deviations: Vec<String> },
}

impl Tape {
    /// Makes a tape that records what tools do into the directory of a case.
    pub fn record(folder: PathBuf) -> Self {
        Self { folder, state: Mutex::new(State::Record(Vec::new())) }
    }

    /// Makes a tape that answers with what was recorded.
    pub fn replay(folder: PathBuf, runs: Vec<ToolRun>) -> Self {
        Self { folder, state: Mutex::new(State::Replay { rest: runs.into(), deviations: Vec::new() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what was recorded.
    pub fn recorded(&self) -> Vec<ToolRun> {
        match &*self.state() {
            State::Record(runs) => runs.clone(),
            State::Replay { .. } => Vec::new(),
        }
    }

    /// Returns in what the plugin has run other tools than were recorded.
    pub fn deviations(&self) -> Vec<String> {
        match &*self.state() {
            State::Record(_) => Vec::new(),
            State::Replay { rest, deviations } => {
                let left = rest.iter().map(|run| format!("it does not run {}", shown(&run.tool, &run.arguments)));
                deviations.iter().cloned().chain(left).collect()
            }
        }
    }

    /// Returns whether tools answer from the tape instead of being run.
    pub(crate) fn replays(&self) -> bool {
        matches!(&*self.state(), State::Replay { .. })
    }

    /// Returns whether a tool would be there.
    pub(crate) fn has(&self, tool: &str) -> bool {
        match &*self.state() {
            State::Record(_) => false,
            State::Replay { rest, .. } => rest.iter().any(|run| run.tool == tool),
        }
    }

    /// Plays back the next run: its files are put into the directories that may be changed.
    pub(crate) fn next(
        &self,
        tool: &str,
        arguments: &[String],
        folders: &[(&str, &Dir)],
    ) -> io::Result<Option<ToolRun>> {
        let mut state = self.state();
        let State::Replay { rest, deviations } = &mut *state else { return Ok(None) };
        let Some(run) = rest.pop_front() else {
            deviations.push(format!("it runs {}, and nothing more was recorded", shown(tool, arguments)));
            return Ok(None);
        };
        if run.tool != tool || run.arguments != arguments {
            let recorded = shown(&run.tool, &run.arguments);
            deviations.push(format!("it runs {}, and {recorded} was recorded", shown(tool, arguments)));
            return Ok(None);
        }
        if let Some(files) = &run.files {
            let files = self.folder.join(files);
            for (guest, dir) in folders {
                let from = files.join(guest.trim_start_matches('/'));
                if from.is_dir() {
                    let from = Dir::open_ambient_dir(from, ambient_authority())?;
                    let root = TreePath::default();
                    skiff_tree::copy(&from, &root, dir, &root, &|| Ok(())).map_err(io::Error::other)?;
                }
            }
        }
        Ok(Some(run))
    }

    /// Adds a run, with the files in which the directories differ from before.
    pub(crate) fn add(&self, mut run: ToolRun, before: &Listing, folders: &[(&str, &Dir)]) -> io::Result<()> {
        let mut state = self.state();
        let State::Record(runs) = &mut *state else { return Ok(()) };
        let name = format!("tool-{}", runs.len() + 1);
        let after = Listing::of(folders)?;
        for (path, _) in after.0.iter().filter(|(path, seen)| before.0.get(*path) != Some(*seen)) {
            let Some((guest, dir)) = folders.iter().find(|(guest, _)| path.starts_with(guest)) else { continue };
            let inner = path.strip_prefix(guest).unwrap_or(path);
            let place = self.folder.join(&name).join(path.strip_prefix("/").unwrap_or(path));
            place.parent().map_or(Ok(()), fs::create_dir_all)?;
            let mut from = dir.open(inner)?.into_std();
            io::copy(&mut from, &mut fs::File::create(place)?)?;
            run.files = Some(name.clone());
        }
        runs.push(run);
        Ok(())
    }
}

fn shown(tool: &str, arguments: &[String]) -> String {
    let words: Vec<&str> = std::iter::once(tool).chain(arguments.iter().map(String::as_str)).collect();
    format!("`{}`", words.join(" "))
}

/// The files of directories, each with its size and when it was changed.
#[derive(Debug, Default)]
pub(crate) struct Listing(BTreeMap<PathBuf, (u64, Option<SystemTime>)>);

impl Listing {
    pub(crate) fn of(folders: &[(&str, &Dir)]) -> io::Result<Self> {
        let mut listing = Self::default();
        for (guest, dir) in folders {
            listing.add(Path::new(guest), dir)?;
        }
        Ok(listing)
    }

    fn add(&mut self, path: &Path, dir: &Dir) -> io::Result<()> {
        for entry in dir.entries()? {
            let entry = entry?;
            let path = path.join(entry.file_name());
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                self.add(&path, &entry.open_dir()?)?;
            } else if metadata.is_file() {
                self.0.insert(path, (metadata.len(), metadata.modified().ok().map(|time| time.into_std())));
            }
        }
        Ok(())
    }
}
