//! Names in a layout: keys of partitions and raw contents, labels, names of files.

/// Characters of a name at most.
const MAX_NAME: usize = 64;

/// Characters of a path, a pattern or a replacement at most.
const MAX_PATH: usize = 4096;

/// Why a text cannot be a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is empty.
    #[error("it is empty")]
    Empty,
    /// It is too long.
    #[error("it has more than {0} characters")]
    Long(usize),
    /// It begins or ends with a space.
    #[error("it begins or ends with a space")]
    Space,
    /// It has a character that a terminal does not print, or prints as something else.
    #[error("it has the character U+{:04X}, which is not printable", u32::from(*.0))]
    Hidden(char),
}

/// Checks a name: 1 to 64 printable characters, none of them a space at either end.
///
/// # Errors
/// [`NameError`].
pub fn check_name(name: &str) -> Result<(), NameError> {
    check(name, MAX_NAME)
}

/// Checks a path of a file: as [`check_name`], with up to 4096 characters.
///
/// # Errors
/// [`NameError`].
pub fn check_path(path: &str) -> Result<(), NameError> {
    check(path, MAX_PATH)
}

fn check(text: &str, limit: usize) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.chars().count() > limit {
        return Err(NameError::Long(limit));
    }
    if let Some(hidden) = text.chars().find(|c| is_hidden(*c)) {
        return Err(NameError::Hidden(hidden));
    }
    match text.trim() == text {
        true => Ok(()),
        false => Err(NameError::Space),
    }
}

/// Whether a character is not shown as itself: controls, separators of lines and paragraphs, spaces other than the common one,
/// marks of direction, default-ignorable code points (DerivedCoreProperties of Unicode), surrogates' and private places, and
/// those that are not characters.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(u32::from(c),
            0xad | 0x34f | 0x61c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f
            | 0x2028..=0x202e | 0x2060..=0x206f | 0x2800 | 0x3164 | 0xe000..=0xf8ff | 0xfdd0..=0xfdef | 0xfe00..=0xfe0f
            | 0xfeff | 0xffa0 | 0xfff0..=0xffff | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff
            | 0xf0000..)
}

/// A stranger's text for a message: what is not printable as an escape, and no more than 64 characters.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(MAX_NAME) {
        match is_hidden(c) {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
    if text.chars().nth(MAX_NAME).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_printable() {
        for good in ["BOOT", "rootfs", "u-boot env", "Büro", "数据", "a".repeat(64).as_str()] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        let hidden = [
            "a\u{1b}[2J",
            "a\nb",
            "a\r",
            "\u{7f}",
            "a\u{85}",
            "a\u{2028}b",
            "a\u{2029}b",
            "a\u{202e}b",
            "a\u{2066}b",
            "a\u{200b}b",
            "a\u{200d}b",
            "\u{feff}a",
            "a\u{ad}b",
            "a\u{3164}",
            "a\u{115f}",
            "a\u{e0041}",
            "a\u{fe0f}",
            "a\u{a0}b",
            "a\tb",
            "a\u{2003}b",
            "a\u{180e}b",
            "a\u{e000}",
            "a\u{2800}b",
        ];
        for bad in hidden {
            assert!(matches!(check_name(bad), Err(NameError::Hidden(_))), "{bad:?}");
        }
        assert_eq!(check_name(" a"), Err(NameError::Space));
        assert_eq!(check_name(&"a".repeat(65)), Err(NameError::Long(64)));
        assert_eq!(check_name(""), Err(NameError::Empty));
        assert_eq!(check_path(&"a/".repeat(3000)), Err(NameError::Long(4096)));
        assert_eq!(shown("a\u{1b}b\n"), "a\\u{1b}b\\u{a}");
    }
}
