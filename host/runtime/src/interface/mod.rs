//! The interfaces of `skiff:host`, a file each.

mod context;
mod fetch;
pub(crate) mod report;
pub(crate) mod storage;
mod tools;

use crate::bindings::imports::skiff::host::fault;
use crate::state::State;

impl fault::Host for State {}

/// Makes a failure value for the guest.
pub(crate) fn failure(code: fault::Code, message: String, hint: Option<String>) -> fault::Failure {
    fault::Failure { code, message, hint, subject: None }
}

impl fault::Failure {
    /// Adds what it is about.
    pub(crate) fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }
}
