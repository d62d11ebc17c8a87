//! Pictures, drawn with plotters: bars for times and sizes, arcs for the chain.

mod arcs;
mod bars;
mod page;

pub(crate) use arcs::Row;
pub(crate) use arcs::arcs;
pub(crate) use bars::Bar;
pub(crate) use bars::bars;
pub(crate) use page::Page;

/// A picture that could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("Cannot draw: {0}")]
pub(crate) struct DrawError(String);

impl DrawError {
    /// Keeps what plotters says.
    fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// The height of a row, in pixels.
const ROW: i32 = 22;

/// The height of the title.
const TITLE: i32 = 40;

/// About how wide a letter of the labels is, in pixels: without a screen, nobody knows exactly.
const LETTER: i32 = 8;
