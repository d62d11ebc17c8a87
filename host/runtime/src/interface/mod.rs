//! The interfaces that every plugin may import, a file each, and what all interfaces have in common. Those that take a
//! capability are in its module.

mod answer;
mod context;
pub(crate) mod listing;
pub(crate) mod report;
pub(crate) mod wasi;

use wasmtime::component::Linker;

pub use answer::AnswerTooLarge;

use crate::bindings::imports::skiff::host::fault;
use crate::state::State;

/// An interface of `skiff:host`.
pub(crate) struct Interface {
    /// Its name, without a version.
    pub(crate) name: &'static str,
    /// Links it.
    pub(crate) link: fn(&mut Linker<State>) -> wasmtime::Result<()>,
}

/// Makes the [`Interface`] of a module of the bindings.
macro_rules! interface {
    ($module:ident, $name:literal) => {
        $crate::interface::Interface {
            name: $name,
            link: |linker| {
                use wasmtime::component::HasSelf;
                $crate::bindings::imports::skiff::host::$module::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
            },
        }
    };
}
pub(crate) use interface;

/// The interfaces that every plugin may import.
pub(crate) const ALWAYS: &[Interface] = &[
    interface!(fault, "skiff:host/fault"),
    interface!(report, "skiff:host/report"),
    interface!(context, "skiff:host/context"),
];

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
