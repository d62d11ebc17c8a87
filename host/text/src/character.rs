//! What single characters do to a terminal and its reader.

use icu_properties::CodePointMapData;
use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use icu_properties::props::GeneralCategory;

/// Returns whether a character shows nothing but room. U+2800 is a Braille pattern without dots.
pub(crate) fn is_space(c: char) -> bool {
    c == ' ' || c == '\u{2800}' || category(c) == GeneralCategory::SpaceSeparator
}

/// Returns whether a character can make text look like other text: control characters, characters without a glyph
/// (Default_Ignorable_Code_Point, format characters such as those that turn the direction of writing), line and
/// paragraph separators, and private ones, which each font draws as it likes.
pub(crate) fn is_deceptive(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || matches!(
            category(c),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
                | GeneralCategory::PrivateUse
        )
}

/// Returns whether a character is drawn over the one before it, without a column of its own.
pub(crate) fn is_drawn_over(c: char) -> bool {
    !c.is_ascii() && matches!(category(c), GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark)
}

/// Returns whether a character belongs to the one before it: drawn over it, or beside it.
pub(crate) fn is_mark(c: char) -> bool {
    is_drawn_over(c) || !c.is_ascii() && category(c) == GeneralCategory::SpacingMark
}

/// Returns whether Unicode gives a code point no meaning yet.
pub(crate) fn is_unassigned(c: char) -> bool {
    !c.is_ascii() && category(c) == GeneralCategory::Unassigned
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}
