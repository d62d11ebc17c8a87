//! What the tests share: a skiff of its own for each test, and the guests.

#![allow(clippy::disallowed_methods, reason = "tests name their own files")]

mod environment;
mod host;

pub use environment::Ran;
pub use environment::TestEnvironment;
pub use host::Host;

/// The components of `tests/plugins`, by name.
pub mod guests {
    include!(concat!(env!("OUT_DIR"), "/guests.rs"));
}
