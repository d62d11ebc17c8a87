//! Following the output of a build.

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::fs::File;
use std::io::BufWriter;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use skiff_report::Event;
use skiff_report::Level;
use skiff_report::Reporter;
use skiff_report::Task;
use skiff_report::Unit;
use skiff_text::harmless;

use super::BuildrootError;
use super::info::Packages;
use super::times::KnownTimes;
use crate::FileError;
use crate::atomic::new_file;

/// The file in a workspace that holds the output of the last build.
pub(crate) const LOG: &str = "build.log";

/// Lines at the end of the output that are shown when something fails.
const TAIL: usize = 30;

/// How lines of hooks start, so that they are told from those of compilers: they are for the user.
pub const HOOK_LINE: &str = "skiff: ";

/// Watches a build: writes the log, and reports packages, steps and what is left.
pub(crate) struct Progress<'p> {
    task: Task,
    reporter: &'p Arc<dyn Reporter>,
    log: BufWriter<File>,
    log_path: PathBuf,
    /// The packages that are not built yet.
    waiting: BTreeSet<&'p str>,
    total: usize,
    times: &'p KnownTimes,
    current: Option<Step>,
    tail: VecDeque<String>,
    first_error: Option<String>,
    noted: Instant,
}

/// A step that Buildroot announces: `>>> gcc-final 15.2.0 Building`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// The package; empty for the system as a whole.
    package: String,
    version: String,
    /// What is done: `Building`, `Finalizing target directory`.
    what: String,
}

impl Step {
    /// Reads an announcement.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let line = harmless(line);
        let rest = line.strip_prefix(">>> ")?;
        let mut words = rest.splitn(3, ' ');
        let (package, version, what) = (words.next()?, words.next()?, words.next()?);
        let own = |text: &str| text.trim().to_owned();
        Some(Self { package: own(package), version: own(version), what: own(what) })
    }

    pub(crate) fn package(&self) -> &str {
        &self.package
    }

    /// Returns it as a person would say it.
    fn shown(&self) -> String {
        let words = [&self.package, &self.version, &self.what];
        words.into_iter().filter(|word| !word.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

impl<'p> Progress<'p> {
    pub(crate) fn start(
        title: &str,
        packages: &'p Packages,
        times: &'p KnownTimes,
        folder: &Path,
        reporter: &'p Arc<dyn Reporter>,
    ) -> Result<Self, FileError> {
        let log_path = folder.join(LOG);
        let log = new_file(&log_path)?;
        let built = |package: &super::info::PackageInfo| {
            !package.stamp_dir.is_empty() && folder.join(&package.stamp_dir).join(".stamp_installed").exists()
        };
        let waiting: BTreeSet<&str> =
            packages.iter().filter(|(_, info)| !built(info)).map(|(name, _)| name.as_str()).collect();
        let total = packages.len();
        let task = Task::start(reporter, title, Unit::Items, Some(total as u64));
        task.advance((total - waiting.len()) as u64);
        Ok(Self {
            task,
            reporter,
            log: BufWriter::new(log),
            log_path,
            waiting,
            total,
            times,
            current: None,
            tail: VecDeque::new(),
            first_error: None,
            noted: Instant::now(),
        })
    }

    /// Takes a line of output.
    pub(crate) fn line(&mut self, line: &str) {
        let line = harmless(line);
        // A log that cannot be written, on a full disk, must not end the build before make says so itself.
        let _ = writeln!(self.log, "{line}");
        if let Some(step) = Step::parse(&line) {
            self.step(step);
        } else if let Some(text) = line.strip_prefix(HOOK_LINE) {
            self.reporter.event(Event::Message { level: Level::Info, plugin: None, text });
        } else if self.first_error.is_none() && is_error(&line) {
            self.first_error = Some(line.trim().to_owned());
        }
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
        if self.noted.elapsed() > Duration::from_secs(30) {
            self.note();
        }
    }

    fn step(&mut self, step: Step) {
        // Whatever went wrong before was not fatal.
        self.first_error = None;
        if let Some(before) = &self.current
            && before.package != step.package
            && self.waiting.remove(before.package.as_str())
        {
            self.task.advance(1);
        }
        self.current = Some(step);
        self.note();
    }

    fn note(&mut self) {
        self.noted = Instant::now();
        let Some(step) = &self.current else { return };
        let done = self.total - self.waiting.len();
        let left = self.times.estimate(self.waiting.iter().copied()).map(minutes);
        let left = left.map(|left| format!(", about {left} left")).unwrap_or_default();
        self.task.note(&format!("{done} of {} packages{left}: {}", self.total, step.shown()));
    }

    /// Makes an error of a build that failed.
    pub(crate) fn failure(mut self) -> BuildrootError {
        let _ = self.log.flush();
        let step = self.current.take();
        let package = step.as_ref().map(|step| step.package.clone()).filter(|package| !package.is_empty());
        let what = step.map_or_else(|| "Buildroot".to_owned(), |step| step.shown());
        BuildrootError::Make { what, last: self.first_error, tail: self.tail.into(), log: self.log_path, package }
    }
}

/// The words with which compilers, configure scripts and make begin to complain.
fn is_error(line: &str) -> bool {
    let fatal = ["error:", "Error:", "ERROR:", "fatal:", "undefined reference", "No such file or directory"];
    fatal.iter().any(|word| line.contains(word)) && !line.contains("warning")
}

fn minutes(seconds: f64) -> String {
    match (seconds / 60.0).ceil() {
        minutes if minutes < 90.0 => format!("{minutes} min"),
        minutes => format!("{:.1} h", minutes / 60.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_read_with_and_without_colours() {
        let step = Step::parse("\u{1b}[7m>>> host-gcc-final 15.2.0 Building\u{1b}[27m").unwrap();
        assert_eq!(step.shown(), "host-gcc-final 15.2.0 Building");
        let step = Step::parse(">>> skeleton  Installing to target").unwrap();
        assert_eq!((step.package.as_str(), step.shown().as_str()), ("skeleton", "skeleton Installing to target"));
        let step = Step::parse(">>>   Generating filesystem image rootfs.tar").unwrap();
        assert_eq!(step.shown(), "Generating filesystem image rootfs.tar");
        assert_eq!(Step::parse("gcc -c x.c"), None);
    }

    #[test]
    fn time_is_shown_as_people_say_it() {
        assert_eq!((minutes(61.0).as_str(), minutes(9000.0).as_str()), ("2 min", "2.5 h"));
    }
}
