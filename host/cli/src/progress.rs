//! Drawing the stream of events: bars on a terminal, lines elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use crate::output::note;
use indicatif::HumanBytes;
use indicatif::MultiProgress;
use indicatif::ProgressBar;
use indicatif::ProgressStyle;
use skiff_build::buildroot::HOOK_LINE;
use skiff_plan::Event;
use skiff_plan::Level;
use skiff_plan::Reporter;
use skiff_plan::TaskId;
use skiff_plan::Unit;

/// Chooses how to draw, by whether stderr is a terminal. Messages below `least` are left out.
pub(crate) fn reporter(least: Level) -> Arc<dyn Reporter> {
    match std::io::stderr().is_terminal() {
        true => Arc::new(Bars { least, all: MultiProgress::new(), bars: Mutex::default() }),
        false => Arc::new(Lines { least, prefix: "", tasks: Mutex::default() }),
    }
}

/// Marks every message, for the skiff that reads them in the output of Buildroot.
pub(crate) fn hook_reporter() -> Arc<dyn Reporter> {
    Arc::new(Lines { least: Level::Info, prefix: HOOK_LINE, tasks: Mutex::default() })
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
    tasks: Mutex<BTreeMap<TaskId, Running>>,
}

/// A task whose end is waited for.
struct Running {
    title: String,
    start: Instant,
    /// When something was last said of it.
    said: Instant,
}

/// How often a task that takes long says where it is.
const PAUSE: Duration = Duration::from_secs(10);

impl Reporter for Lines {
    fn event(&self, event: Event<'_>) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { task, title, unit, total } => {
                let size = match (unit, total) {
                    (Unit::Bytes, Some(total)) => format!(" ({})", HumanBytes(total)),
                    _ => String::new(),
                };
                note!("{title}{size} ...");
                let now = Instant::now();
                tasks.insert(task, Running { title: title.to_owned(), start: now, said: now });
            }
            Event::Finished { task } => {
                if let Some(Running { title, start, .. }) = tasks.remove(&task) {
                    note!("{title}: {:.1} s", start.elapsed().as_secs_f32());
                }
            }
            Event::Message { level, plugin, text: message } => {
                if level >= self.least {
                    text(level, plugin, message).lines().for_each(|line| note!("{}{line}", self.prefix));
                }
            }
            Event::Noted { task, text } => {
                if let Some(running) = tasks.get_mut(&task).filter(|running| running.said.elapsed() > PAUSE) {
                    running.said = Instant::now();
                    note!("{}: {:.0} s, {text}", running.title, running.start.elapsed().as_secs_f32());
                }
            }
            Event::Advanced { .. } => {}
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
}
