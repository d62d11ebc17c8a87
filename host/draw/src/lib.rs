//! Pictures, drawn with plotters: bars for times and sizes, rows with lines between them for the chain, and what is where on
//! a medium.
//!
//! This crate must not: read or write files, or know where its numbers come from.

mod bars;
mod lanes;
mod page;
mod picture;

pub use bars::Bar;
pub use bars::bars;
pub use lanes::Role;
pub use lanes::Row;
pub use lanes::lanes;
pub use page::Page;
pub use picture::Picture;

/// A picture that could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw: {0}")]
pub struct DrawError(String);

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

/// How wide a letter of the labels is, in pixels: they are monospaced, 13 pixels high, and such letters are 0.6 times as
/// wide as high.
const LETTER: i32 = 8;

/// Returns how many letters wide a text is at most.
fn columns(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

/// Replaces what has no place in XML.
fn drawable(text: &str) -> String {
    let allowed = |c: char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if allowed(c) { c } else { '\u{fffd}' }).collect()
}

/// Shortens a text in the middle to a number of letters.
fn shortened(text: &str, letters: usize) -> String {
    let all: Vec<char> = text.chars().collect();
    if columns(text) <= letters {
        return text.to_owned();
    }
    // Other letters than ASCII may be twice as wide.
    let half = letters.saturating_sub(1) / if text.is_ascii() { 2 } else { 4 };
    let begin: String = all.iter().take(half).collect();
    let end: String = all.iter().skip(all.len().saturating_sub(half)).collect();
    format!("{begin}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_lose_their_middle() {
        assert_eq!(shortened("linux-image", 11), "linux-image");
        assert_eq!(shortened("linux-image-6.1.0", 9), "linu….1.0");
        assert!(columns(&shortened(&"日".repeat(50), 40)) <= 41);
    }
}
