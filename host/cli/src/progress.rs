//! Drawing the stream of events: bars on a terminal, lines elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::Once;
use std::sync::PoisonError;
use std::sync::Weak;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::output::note;
use indicatif::HumanBytes;
use indicatif::MultiProgress;
use indicatif::ProgressBar;
use indicatif::ProgressStyle;
use skiff_build::buildroot::HOOK_LINE;
use skiff_report::Event;
use skiff_report::Level;
use skiff_report::Reporter;
use skiff_report::TaskId;
use skiff_report::Unit;

use skiff_project::Environment;

/// Chooses how to draw, by whether stderr is a terminal. Messages for debugging are shown if `SKIFF_LOG` asks for them.
pub(crate) fn reporter(environment: &Environment) -> Arc<dyn Reporter> {
    let debug = environment.get("SKIFF_LOG").is_some_and(|filter| filter.contains("debug"));
    let least = if debug { Level::Debug } else { Level::Info };
    match std::io::stderr().is_terminal() {
        true => Arc::new(Bars { least, all: MultiProgress::new(), bars: Mutex::default() }),
        false => Lines::new(least, "", true),
    }
}

/// Marks every message, for the skiff that reads them in the output of Buildroot.
pub(crate) fn hook_reporter() -> Arc<dyn Reporter> {
    Lines::new(Level::Info, HOOK_LINE, false)
}

fn text(level: Level, plugin: Option<&str>, text: &str) -> String {
    let mark = match level {
        Level::Debug => "\x1b[2mdebug:\x1b[0m ",
        Level::Info => "",
        Level::Warning => "\x1b[1;33mwarning:\x1b[0m ",
        Level::Error => "\x1b[1;31merror:\x1b[0m ",
    };
    match plugin {
        // Every line of a plugin bears its name, so that none looks like skiff's own.
        Some(plugin) => {
            let line = |line: &str| format!("\x1b[2m[{plugin}]\x1b[0m {mark}{line}");
            text.lines().map(line).collect::<Vec<_>>().join("\n")
        }
        None => format!("{mark}{text}"),
    }
}

/// A bar for each task.
struct Bars {
    least: Level,
    all: MultiProgress,
    bars: Mutex<BTreeMap<TaskId, ProgressBar>>,
}

impl Bars {
    fn add(&self, task: TaskId, title: &str, unit: Unit, total: Option<u64>) {
        let counts = match unit {
            Unit::Bytes => "{bytes}/{total_bytes} {bytes_per_sec} {eta}",
            Unit::Items => "{percent}% {elapsed}",
        };
        let template = match total {
            Some(_) => format!("{{msg}} [{{bar:20}}] {counts} {{prefix}}"),
            None => "{msg} {spinner} {elapsed} {prefix}".to_owned(),
        };
        let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        // The template is ours: if it were wrong, indicatif's default would be shown.
        let bar =
            bar.with_style(ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        let bar = self.all.add(bar);
        bar.set_message(title.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        self.bars.lock().unwrap_or_else(PoisonError::into_inner).insert(task, bar);
    }
}

impl Reporter for Bars {
    fn event(&self, event: Event<'_>) {
        let bar = |task| self.bars.lock().unwrap_or_else(PoisonError::into_inner).get(&task).cloned();
        match event {
            Event::Started { task, title, unit, total } => self.add(task, title, unit, total),
            Event::Advanced { task, by } => drop(bar(task).map(|bar| bar.inc(by))),
            Event::Noted { task, text } => drop(bar(task).map(|bar| bar.set_prefix(text.to_owned()))),
            Event::Finished { task } => {
                if let Some(bar) = self.bars.lock().unwrap_or_else(PoisonError::into_inner).remove(&task) {
                    let title = bar.message();
                    bar.finish_and_clear();
                    self.all.suspend(|| note!("{title} ({:.1} s)", bar.elapsed().as_secs_f32()));
                }
            }
            Event::Message { level, plugin, text: message } => {
                if level >= self.least {
                    self.all.suspend(|| note!("{}", text(level, plugin, message)));
                }
            }
        }
    }
}

/// A line when a task begins, now and then while it goes on, and when it ends.
struct Lines {
    least: Level,
    /// What each line of a message starts with.
    prefix: &'static str,
    /// Whether lines are written while a task runs.
    reminds: bool,
    state: Mutex<State>,
    me: Weak<Self>,
    watch: Once,
}

#[derive(Default)]
struct State {
    /// In the order in which they began.
    tasks: BTreeMap<TaskId, Running>,
    /// When a line was last written.
    said: Option<Instant>,
}

/// A task whose end is waited for.
struct Running {
    title: String,
    start: Instant,
    unit: Unit,
    total: Option<u64>,
    done: u64,
    /// What it works on, where it says so.
    note: Option<String>,
}

/// How often to look whether it is time for a line.
const GLANCE: Duration = Duration::from_millis(200);

/// How long nothing may be written while a task runs.
const PAUSE: Duration = Duration::from_millis(1500);

/// The same for a task that names what it works on: those take hours, and their lines are kept in logs.
const LONG_PAUSE: Duration = Duration::from_secs(10);

impl Running {
    /// Says where it is.
    fn shown(&self, now: Instant) -> String {
        let mut text = self.title.clone();
        if let Some(total) = self.total.filter(|total| *total > 0) {
            let percent = self.done.min(total).saturating_mul(100) / total;
            text += &match self.unit {
                Unit::Bytes => format!(": {percent} % of {}", HumanBytes(total)),
                Unit::Items => format!(": {percent} %"),
            };
        }
        text += &format!(", {:.0} s", now.duration_since(self.start).as_secs_f32());
        if let Some(note) = &self.note {
            text += &format!(", {note}");
        }
        text
    }
}

impl Lines {
    fn new(least: Level, prefix: &'static str, reminds: bool) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            least,
            prefix,
            reminds,
            state: Mutex::default(),
            me: me.clone(),
            watch: Once::new(),
        })
    }

    /// Starts to look whether it is time for a line, with the first task: many commands have none.
    fn watch(&self) {
        let me = self.me.clone();
        self.watch.call_once(|| {
            thread::spawn(move || {
                while let Some(lines) = me.upgrade() {
                    lines.remind(Instant::now());
                    drop(lines);
                    thread::sleep(GLANCE);
                }
            });
        });
    }

    /// Writes where the newest task is, if nothing was written for a while.
    fn remind(&self, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = state.reminder(now) {
            note!("{line}");
            state.said = Some(now);
        }
    }
}

impl State {
    fn reminder(&self, now: Instant) -> Option<String> {
        let (_, task) = self.tasks.last_key_value()?;
        let pause = if task.note.is_some() { LONG_PAUSE } else { PAUSE };
        let said = self.said.unwrap_or(task.start).max(task.start);
        (now.duration_since(said) >= pause).then(|| format!("... {}", task.shown(now)))
    }
}

impl Reporter for Lines {
    fn event(&self, event: Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { task, title, unit, total } => {
                let size = match (unit, total) {
                    (Unit::Bytes, Some(total)) => format!(" ({})", HumanBytes(total)),
                    _ => String::new(),
                };
                note!("{title}{size} ...");
                let start = Instant::now();
                let running = Running { title: title.to_owned(), start, unit, total, done: 0, note: None };
                state.tasks.insert(task, running);
                state.said = Some(start);
                if self.reminds {
                    self.watch();
                }
            }
            Event::Finished { task } => {
                if let Some(Running { title, start, .. }) = state.tasks.remove(&task) {
                    note!("{title}: {:.1} s", start.elapsed().as_secs_f32());
                    state.said = Some(Instant::now());
                }
            }
            Event::Message { level, plugin, text: message } => {
                if level >= self.least {
                    text(level, plugin, message).lines().for_each(|line| note!("{}{line}", self.prefix));
                    state.said = Some(Instant::now());
                }
            }
            Event::Noted { task, text } => {
                if let Some(running) = state.tasks.get_mut(&task) {
                    running.note = Some(text.to_owned());
                }
            }
            Event::Advanced { task, by } => {
                if let Some(running) = state.tasks.get_mut(&task) {
                    running.done = running.done.saturating_add(by);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_plugin_bears_its_name() {
        let shown = anstream::adapter::strip_str(&text(Level::Info, Some("a/b/p"), "one\nerror: two")).to_string();
        assert_eq!(shown, "[a/b/p] one\n[a/b/p] error: two");
    }

    /// Records the ids of tasks.
    #[derive(Default)]
    struct Ids(Mutex<Vec<TaskId>>);

    impl Reporter for Ids {
        fn event(&self, event: Event<'_>) {
            if let Event::Started { task, .. } = event {
                self.0.lock().unwrap().push(task);
            }
        }
    }

    #[test]
    fn a_task_says_where_it_is_when_nothing_was_said_for_a_while() {
        let start = Instant::now();
        let running = |note: Option<&str>| Running {
            title: "Downloading".into(),
            start,
            unit: Unit::Bytes,
            total: Some(2048),
            done: 512,
            note: note.map(str::to_owned),
        };
        let reminder = |task: Running, after: Duration| {
            let ids = Arc::new(Ids::default());
            let reporter: Arc<dyn Reporter> = Arc::clone(&ids) as Arc<dyn Reporter>;
            drop(skiff_report::Task::start(&reporter, "", Unit::Items, None));
            let id = ids.0.lock().unwrap().first().copied().unwrap();
            State { tasks: BTreeMap::from([(id, task)]), said: Some(start) }.reminder(start + after)
        };
        assert_eq!(reminder(running(None), Duration::from_secs(1)), None);
        let said = reminder(running(None), Duration::from_secs(2));
        assert_eq!(said.as_deref(), Some("... Downloading: 25 % of 2.00 KiB, 2 s"));
        assert_eq!(reminder(running(Some("gcc")), Duration::from_secs(2)), None);
        let said = reminder(running(Some("gcc")), Duration::from_secs(10));
        assert_eq!(said.as_deref(), Some("... Downloading: 25 % of 2.00 KiB, 10 s, gcc"));
    }
}
