use crate::host;

pub use crate::bindings::imports::skiff::host::report::Level;

/// Shows a message, marked with the plugin's name.
pub fn log(level: Level, message: impl AsRef<str>) {
    host::log(level, message.as_ref());
}

/// Returns whether the user asked to stop.
pub fn cancelled() -> bool {
    host::cancelled()
}

/// A piece of work with a progress bar. Dropping it ends it.
#[derive(Debug)]
pub struct Progress(host::Task);

impl Progress {
    /// Starts a piece of work of `total` steps, where known.
    pub fn start(title: &str, total: Option<u64>) -> Self {
        Self(host::Task::new(title, total))
    }

    /// Reports that this many more steps are done.
    pub fn advance(&self, by: u64) {
        self.0.advance(by);
    }

    /// Says what is being worked on.
    pub fn note(&self, text: &str) {
        self.0.note(text);
    }
}
