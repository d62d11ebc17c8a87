//! What those who write plugins need: new plugins from templates, builds, checks, recorded cases and documentation.
//!
//! This crate must not: know arguments or a terminal, or do anything that a plugin could not be built and shipped without.

mod build;
mod case;
mod check;
mod chosen;
mod doc;
mod error;
mod folder;
mod markdown;
mod new;
mod scene;
mod source;
mod test;

pub use build::BuildFault;
pub use build::BuiltPlugin;
pub use build::build;
pub use case::Case;
pub use case::Outcome;
pub use check::check;
pub use chosen::Chosen;
pub use doc::document;
pub use error::Error;
pub use error::Instead;
pub use error::Result;
pub use new::MadePlugin;
pub use new::NewPlugin;
pub use new::PluginKind;
pub use source::Language;
pub use source::trust_line;
pub use test::Suite;
