//! The one stream of progress events that all long work sends.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Receives what happens while a plan is carried out. Drawing it is the command line's business.
pub trait Reporter: Send + Sync {
    /// Takes note of an event. Must be quick and must not fail.
    fn event(&self, event: Event<'_>);
}

/// The number of a task, unique in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(u64);

/// Something worth showing.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A task began.
    Started {
        /// Its number.
        task: TaskId,
        /// What is done, as a short phrase: "Unpacking packages".
        title: &'a str,
        /// What is counted.
        unit: Unit,
        /// How many there are, where known.
        total: Option<u64>,
    },
    /// A task got further.
    Advanced {
        /// Its number.
        task: TaskId,
        /// By how many units.
        by: u64,
    },
    /// A task works on something else now.
    Noted {
        /// Its number.
        task: TaskId,
        /// On what.
        text: &'a str,
    },
    /// A task ended, well or not.
    Finished {
        /// Its number.
        task: TaskId,
    },
    /// Somebody has something to say.
    Message {
        /// How important it is.
        level: Level,
        /// The plugin that says it, or `None` for skiff itself.
        plugin: Option<&'a str>,
        /// The text, one or more lines.
        text: &'a str,
    },
}

/// What a task counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Things: packages, files.
    Items,
}

/// How important a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Only for whoever looks for a fault.
    Debug,
    /// Good to know.
    Info,
    /// Something is not as it should be; work goes on.
    Warning,
    /// Something went wrong.
    Error,
}

/// A reporter that drops everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn event(&self, _: Event<'_>) {}
}

/// A running task: reports its start when made and its end when dropped.
pub struct Task {
    reporter: Arc<dyn Reporter>,
    id: TaskId,
}

impl Task {
    /// Starts a task.
    pub fn start(reporter: &Arc<dyn Reporter>, title: &str, unit: Unit, total: Option<u64>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = TaskId(NEXT.fetch_add(1, Ordering::Relaxed));
        reporter.event(Event::Started { task: id, title, unit, total });
        Self { reporter: Arc::clone(reporter), id }
    }

    /// Reports progress.
    pub fn advance(&self, by: u64) {
        self.reporter.event(Event::Advanced { task: self.id, by });
    }

    /// Reports what is being worked on.
    pub fn note(&self, text: &str) {
        self.reporter.event(Event::Noted { task: self.id, text });
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.reporter.event(Event::Finished { task: self.id });
    }
}
