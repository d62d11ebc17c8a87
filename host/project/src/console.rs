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
use skiff_text::width;
use skiff_text::wrap;

use crate::Environment;
use crate::error::Result;

/// What stands behind a question that has yes and no for answers.
const ANSWERS: &str = " [y/N] ";

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

    /// Breaks a line that is too wide, with the spaces at its start before each part.
    fn wrapped(&self, columns: usize) -> Vec<Self> {
        if width(&self.text) <= columns {
            return vec![self.clone()];
        }
        let text = self.text.trim_start_matches(' ');
        let spaces = (self.text.len() - text.len()).min(columns / 2);
        let part = |part: String| Self { text: format!("{:spaces$}{part}", ""), strong: self.strong };
        wrap(text, columns.saturating_sub(spaces)).into_iter().map(part).collect()
    }
}

/// What the user answers to a question about lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Yes.
    Yes,
    /// No, or nothing.
    No,
    /// The user stopped reading.
    Unread,
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
    #[must_use]
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
        self.check_answered(without)?;
        Ok(self.is_agreed(question))
    }

    /// Shows lines, and asks a question about them that has yes and no for answers. All of it is wrapped here: a text of a stranger
    /// cannot push a line out of sight, and the question has a row of its own below them.
    ///
    /// # Errors
    /// If stdin is not a terminal.
    pub fn ask_about(&self, lines: &[Line], question: &str, without: &str) -> Result<Consent> {
        self.check_answered(without)?;
        let columns = self.dialog.columns();
        let mut shown: Vec<Line> = lines.iter().flat_map(|line| line.wrapped(columns)).collect();
        let mut rows = wrap(question, columns.saturating_sub(ANSWERS.len()));
        let last = rows.pop().unwrap_or_default();
        shown.extend(rows.into_iter().map(Line::strong));
        if !self.dialog.show(&shown) {
            return Ok(Consent::Unread);
        }
        Ok(if self.is_agreed(&last) { Consent::Yes } else { Consent::No })
    }

    fn check_answered(&self, without: &str) -> Result<()> {
        if !self.dialog.is_answered() {
            return Err(AttendError { without: without.to_owned() }.into());
        }
        Ok(())
    }

    /// Asks a question of one row. Anything but a yes is a no.
    fn is_agreed(&self, question: &str) -> bool {
        let answer = self.dialog.answer(&format!("{question}{ANSWERS}"));
        matches!(answer.as_deref(), Some("y" | "Y" | "yes"))
    }

    /// Runs a program that has the terminal for itself.
    pub fn passing<T>(&self, run: impl FnOnce() -> T) -> T {
        self.dialog.lend();
        let result = run();
        self.dialog.take_back();
        result
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use skiff_report::Silent;

    use super::*;
    use crate::Ambient;

    /// A user who reads to the end or not, and what they have seen.
    struct User {
        reads: bool,
        seen: Mutex<Vec<String>>,
    }

    impl Dialog for User {
        fn is_answered(&self) -> bool {
            true
        }

        fn is_attended(&self) -> bool {
            true
        }

        fn columns(&self) -> usize {
            40
        }

        fn show(&self, lines: &[Line]) -> bool {
            self.seen.lock().unwrap().extend(lines.iter().map(|line| line.text.clone()));
            self.reads
        }

        fn answer(&self, question: &str) -> Option<String> {
            self.seen.lock().unwrap().push(question.to_owned());
            Some("y".to_owned())
        }

        fn lend(&self) {}

        fn take_back(&self) {}
    }

    fn ask(reads: bool, question: &str) -> (Consent, Vec<String>) {
        let user = Arc::new(User { reads, seen: Mutex::default() });
        let now: fn() -> SystemTime = || SystemTime::UNIX_EPOCH;
        let ambient = Ambient { variables: [].into(), current: "/".into(), program: None, now };
        let dialog = Arc::clone(&user) as Arc<dyn Dialog>;
        let console = Console::new(Environment::new(ambient), Arc::new(Silent), Cancel::default(), dialog);
        let lines = [Line::plain(format!("  /{}", "deep/".repeat(100))), Line::strong("tool:sh")];
        let consent = console.ask_about(&lines, question, "skiff").unwrap();
        let seen = user.seen.lock().unwrap().clone();
        (consent, seen)
    }

    #[test]
    fn every_row_of_a_question_fits_and_the_answer_is_asked_for_in_one_row() {
        let (consent, seen) = ask(true, &format!("Allow {} to do this?", "n".repeat(190)));
        assert_eq!(consent, Consent::Yes);
        assert!(seen.len() > 18 && seen.iter().all(|row| width(row.trim_end()) <= 40), "{seen:#?}");
        assert!(seen.iter().take(13).all(|row| row.starts_with("  ")), "{seen:#?}");
        assert!(seen.last().unwrap().ends_with("this? [y/N] "), "{seen:#?}");
    }

    #[test]
    fn a_user_who_stops_reading_is_not_asked() {
        let (consent, seen) = ask(false, "Allow it?");
        assert_eq!(consent, Consent::Unread);
        assert!(!seen.iter().any(|row| row.contains("Allow")), "{seen:#?}");
    }
}
