//! The person at the command line: what their environment says, what they are told and asked, and whether they want to stop.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use rustix::termios::QueueSelector;
use skiff_report::Cancel;
use skiff_report::Event;
use skiff_report::Level;
use skiff_report::Reporter;

use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::environment::Environment;
use crate::interrupt::Interrupt;
use crate::output::indented;

/// The terminal, environment and cancellation of a command.
pub(crate) struct Console {
    pub(crate) environment: Environment,
    pub(crate) reporter: Arc<dyn Reporter>,
    pub(crate) interrupt: Interrupt,
    pub(crate) cancel: Cancel,
    /// What was warned about: once is enough.
    warned: Mutex<BTreeSet<String>>,
}

impl Console {
    pub(crate) fn new(environment: Environment, interrupt: Interrupt, reporter: Arc<dyn Reporter>) -> Self {
        let cancel = interrupt.cancel.clone();
        Self { environment, reporter, interrupt, cancel, warned: Mutex::default() }
    }

    /// Returns the same for another piece of work.
    pub(crate) fn again(&self) -> Self {
        Self::new(self.environment.clone(), self.interrupt.clone(), Arc::clone(&self.reporter))
    }

    pub(crate) fn say(&self, text: &str) {
        self.reporter.event(Event::Message { level: Level::Info, plugin: None, text: &indented(text) });
    }

    /// Warns, once of each thing.
    pub(crate) fn warn(&self, text: &str) {
        if self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(text.to_owned()) {
            self.reporter.event(Event::Message { level: Level::Warning, plugin: None, text: &indented(text) });
        }
    }

    /// Asks a question that has yes and no for answers. `without` is the command line that asks nothing.
    pub(crate) fn confirm(&self, question: &str, without: &str) -> Result<bool> {
        match self.environment.get("SKIFF_NO_INTERACTIVE") {
            Some(_) => Ok(true),
            None => self.ask(question, without),
        }
    }

    /// Asks, whatever the environment says.
    pub(crate) fn ask(&self, question: &str, without: &str) -> Result<bool> {
        if !std::io::stdin().is_terminal() {
            return Err(CommandError::new(Kind::Usage, "cannot ask for confirmation: stdin is not a terminal")
                .hint(format!("run: {without}")));
        }
        let answer = self.answer(&format!("{question} [y/N] "));
        Ok(answer.is_some_and(|answer| matches!(answer.as_str(), "y" | "Y" | "yes")))
    }

    /// Waits for Enter before more is shown. Returns false when the user has seen enough.
    pub(crate) fn go_on(&self) -> bool {
        self.answer("-- more: Enter goes on, q refuses -- ").is_some_and(|answer| answer.is_empty())
    }

    /// Shows a question on the terminal and reads the line that answers it; `None` at the end of the input. What was typed
    /// before is no answer: whoever typed it has not read the question.
    pub(crate) fn answer(&self, question: &str) -> Option<String> {
        let mut stderr = anstream::stderr();
        // It fails only where there is no terminal.
        let _ = rustix::termios::tcflush(std::io::stdin(), QueueSelector::IFlush);
        // If the question cannot be shown, nobody answers it with yes.
        let _ = write!(stderr, "{question}");
        let _ = stderr.flush();
        let mut answer = String::new();
        let read = self.interrupt.asking(|| std::io::stdin().read_line(&mut answer).is_ok_and(|count| count > 0));
        read.then(|| answer.trim().to_owned())
    }
}
