use unicode_width::UnicodeWidthChar as _;

use crate::character::is_drawn_over;
use crate::character::is_unassigned;

/// Returns the most columns that a text takes on a terminal: the sum of its characters. Terminals disagree on letters that may
/// join the next one (Unicode Standard Annex 29, Prepend), on ligatures and on emoji, so each of them counts in full.
pub fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Returns the most columns of a character. Some terminals draw East Asian "ambiguous" characters in two, and what Unicode has
/// not assigned as their fonts like.
fn columns_of(c: char) -> usize {
    match (is_drawn_over(c), is_unassigned(c)) {
        (true, _) => 0,
        (_, true) => 2,
        _ => c.width().unwrap_or(1).max(c.width_cjk().unwrap_or(1)).max(1),
    }
}

/// Breaks a line into lines of at most `columns` columns, at spaces where it can.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(8);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().map_or(0, |line| width(line));
        if line > 0 && line + 1 + width(word) <= columns {
            push(&mut lines, " ");
        } else if line > 0 {
            lines.push(String::new());
        }
        for c in word.chars() {
            let mut buffer = [0; 4];
            let c = &*c.encode_utf8(&mut buffer);
            if lines.last().map_or(0, |line| width(line)) + width(c) > columns {
                lines.push(String::new());
            }
            push(&mut lines, c);
        }
    }
    lines
}

fn push(lines: &mut [String], text: &str) {
    if let Some(line) = lines.last_mut() {
        line.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_break_at_spaces_and_long_words_anywhere() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghijkl mn", 8), ["abcdefgh", "ijkl mn"]);
        assert_eq!(wrap("日本語日本語", 8), ["日本語日", "本語"]);
    }

    #[test]
    fn no_letter_is_without_a_column() {
        // Letters that some rules give no column: they join the next one.
        for letter in ['\u{d4e}', '\u{111c2}', '\u{11a3a}', '\u{a8fa}', '\u{dcf}'] {
            assert_eq!(width(&letter.to_string().repeat(20)), 20, "{letter:?}");
        }
        assert_eq!(width("e\u{301}"), 1);
        // Circled numbers, one column for some terminals and two for others; a code point without a meaning.
        assert_eq!((width("\u{3248}"), width("\u{0378}")), (2, 2));
    }

    proptest! {
        #[test]
        fn no_line_is_wider_and_nothing_is_lost(text in "[a-z日 ]{0,80}", columns in 8_usize..30) {
            let lines = wrap(&text, columns);
            prop_assert!(lines.iter().all(|line| width(line) <= columns));
            prop_assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        }
    }
}
