//! What goes on: messages and tasks on their way to the user, and the user's wish to stop.
//!
//! Whatever works for long takes a [`Reporter`] and a [`Cancel`]. This crate must not: know what is worked on, or talk to
//! anybody.

mod cancel;
mod report;

pub use cancel::Cancel;
pub use cancel::Cancelled;
pub use report::Event;
pub use report::Level;
pub use report::Reporter;
pub use report::Silent;
pub use report::Task;
pub use report::TaskId;
pub use report::Unit;
