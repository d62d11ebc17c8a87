//! The person who runs skiff: what their environment says, what they are told and asked, and whether they want to stop.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use skiff_report::Cancel;
use skiff_report::Event;
use skiff_report::Level;
use skiff_report::Reporter;
use skiff_text::indented;

use crate::Environment;
use crate::error::Result;

/// A line of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The text, no wider than [`Dialog::columns`].
    pub text: String,
    /// Whether it stands out.
    pub strong: bool,
}

impl Line {
    /// Makes an ordinary line.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), strong: false }
    }

    /// Makes a line that stands out.
    pub fn strong(text: impl Into<String>) -> Self {
        Self { text: text.into(), strong: true }
    }
}

/// How skiff talks with the person in front of it.
pub trait Dialog: Send + Sync {
    /// Returns whether questions can be answered.
    fn is_answered(&self) -> bool;

    /// Returns whether both ends of the dialog are a terminal: the user sees the lines and can answer.
    fn is_attended(&self) -> bool;

    /// Returns how many columns lines may have.
    fn columns(&self) -> usize;

    /// Shows lines. Returns whether the user has seen them to the end.
    fn show(&self, lines: &[Line]) -> bool;

    /// Asks a question. Returns the line that answers it; `None` at the end of the input.
    fn answer(&self, question: &str) -> Option<String>;

    /// Leaves the terminal to another program: Ctrl-C is not for skiff until [`Self::take_back`].
    fn lend(&self);

    /// Has the terminal back.
    fn take_back(&self);
}

/// stdin is not a terminal, so the user cannot be asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot ask for confirmation: stdin is not a terminal")]
pub struct AttendError {
    /// The command line that asks nothing.
    pub without: String,
}

/// The environment of a run, the person behind it, and their wish to stop.
pub struct Console {
    /// What the environment says.
    pub environment: Environment,
    /// Where messages and progress go.
    pub reporter: Arc<dyn Reporter>,
    /// Whether the user wants to stop.
    pub cancel: Cancel,
    /// Who is asked.
    pub dialog: Arc<dyn Dialog>,
    /// What was warned about: once is enough.
    warned: Mutex<BTreeSet<String>>,
}

impl Console {
    /// Puts them together.
    pub fn new(environment: Environment, reporter: Arc<dyn Reporter>, cancel: Cancel, dialog: Arc<dyn Dialog>) -> Self {
        Self { environment, reporter, cancel, dialog, warned: Mutex::default() }
    }

    /// Returns the same for another piece of work.
    pub fn again(&self) -> Self {
        let (reporter, dialog) = (Arc::clone(&self.reporter), Arc::clone(&self.dialog));
        Self::new(self.environment.clone(), reporter, self.cancel.clone(), dialog)
    }

    /// Informs the user.
    pub fn say(&self, text: &str) {
        self.reporter.event(Event::Message { level: Level::Info, plugin: None, text: &indented(text) });
    }

    /// Warns, once of each thing.
    pub fn warn(&self, text: &str) {
        if self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(text.to_owned()) {
            self.reporter.event(Event::Message { level: Level::Warning, plugin: None, text: &indented(text) });
        }
    }

    /// Asks a question that has yes and no for answers. `without` is the command line that asks nothing.
    ///
    /// # Errors
    /// If stdin is not a terminal.
    pub fn confirm(&self, question: &str, without: &str) -> Result<bool> {
        match self.environment.wants_questions() {
            false => Ok(true),
            true => self.ask(question, without),
        }
    }

    /// Asks, whatever the environment says.
    ///
    /// # Errors
    /// If stdin is not a terminal.
    pub fn ask(&self, question: &str, without: &str) -> Result<bool> {
        if !self.dialog.is_answered() {
            return Err(AttendError { without: without.to_owned() }.into());
        }
        let answer = self.dialog.answer(&format!("{question} [y/N] "));
        Ok(answer.is_some_and(|answer| matches!(answer.as_str(), "y" | "Y" | "yes")))
    }

    /// Runs a program that has the terminal for itself.
    pub fn passing<T>(&self, run: impl FnOnce() -> T) -> T {
        self.dialog.lend();
        let result = run();
        self.dialog.take_back();
        result
    }
}
