//! The interfaces of `skiff:host`, a file each.

mod context;
pub(crate) mod report;
mod tools;

use crate::bindings::imports::skiff::host::fault;
use crate::state::State;

impl fault::Host for State {}

/// Makes a failure value for the guest.
pub(crate) fn failure(kind: fault::Kind, message: String, hint: Option<String>) -> fault::Failure {
    fault::Failure { kind, message, hint, subject: None }
}
