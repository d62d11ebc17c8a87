//! Text from untrusted sources: manifests, layers, plugins, tools and file names.
//!
//! Such text reaches terminals, prompts, pictures and documents. Two mechanisms keep it from looking like something that
//! skiff says:
//!
//! - [`Line`] is checked where the text is *read*. It is one line of bounded length, without characters that a terminal
//!   obeys or a reader cannot see, and with every run of spaces collapsed. Manifests deserialize into it.
//! - [`shown`] and [`Shown::shown`] wrap text that cannot be refused, such as names of files. Whatever is not plain is
//!   written as an escape, so that the result stays on its line.
//!
//! This crate must not: print, or know what a layer or a plugin is.

mod character;
mod harmless;
mod line;
mod shown;
mod wrap;

pub use harmless::harmless;
pub use harmless::indented;
pub use line::Line;
pub use line::LineError;
pub use shown::Escaped;
pub use shown::Shown;
pub use shown::shown;
pub use wrap::width;
pub use wrap::wrap;
