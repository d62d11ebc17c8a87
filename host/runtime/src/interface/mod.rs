//! The interfaces of `skiff:host`, a file each.

mod answer;
mod context;
mod fetch;
pub(crate) mod listing;
pub(crate) mod report;
pub(crate) mod storage;
mod tools;

pub use answer::AnswerTooLarge;

use crate::bindings::imports::skiff::host::fault;
use crate::state::State;

impl fault::Host for State {}

/// Bytes of each text of a failure. What a guest asked for stands in it, and may be long.
const MAX_TEXT: usize = 4 << 10;

/// Makes a failure value for the guest.
pub(crate) fn failure(code: fault::Code, message: String, hint: Option<String>) -> fault::Failure {
    fault::Failure { code, message: short(message), hint: hint.map(short), subject: None }
}

/// Cuts a text that is too long for a message.
pub(crate) fn short(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.shrink_to_fit();
        text.push('\u{2026}');
    }
    text
}

impl fault::Failure {
    /// Adds what it is about.
    pub(crate) fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(short(subject.into()));
        self
    }
}
