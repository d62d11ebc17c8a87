//! Names in a layout: keys of partitions and raw contents, labels, names of files.

use skiff_text::Line;
use skiff_text::LineError;

/// Characters of a name at most.
const MAX_NAME: usize = 64;

/// Characters of a path, a pattern or a replacement at most.
const MAX_PATH: usize = 4096;

/// Why a text cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is empty, too long, or has a character that a terminal obeys or a reader cannot see.
    #[error(transparent)]
    Line(#[from] LineError),
    /// It has spaces that a reader does not see.
    #[error("it has a space at an end, two in a row, or one of an unusual kind")]
    Space,
}

/// Checks a name: a [`Line`] of up to 64 characters, as it is written.
///
/// # Errors
/// [`NameError`].
pub fn check_name(name: &str) -> Result<(), NameError> {
    match Line::<MAX_NAME>::new(name)?.as_str() == name {
        true => Ok(()),
        false => Err(NameError::Space),
    }
}

/// Checks a path of a file: a [`Line`] of up to 4096 characters, which may have several spaces in a row.
///
/// # Errors
/// [`NameError`].
pub fn check_path(path: &str) -> Result<(), NameError> {
    Line::<MAX_PATH>::new(path)?;
    match path.trim() == path {
        true => Ok(()),
        false => Err(NameError::Space),
    }
}

/// A stranger's text for a message: escaped, and no more than 64 characters of it.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", skiff_text::shown(text.get(..end).unwrap_or_default())),
        None => skiff_text::shown(text).to_string(),
    }
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
            assert!(check_name(bad).is_err(), "{bad:?}");
            assert!(!shown(bad).contains(['\u{1b}', '\n', '\u{202e}']), "{bad:?}");
        }
        assert_eq!(check_name(" a"), Err(NameError::Space));
        assert!(matches!(check_name(&"a".repeat(65)), Err(NameError::Line(LineError::Long { max: 64, .. }))));
        assert_eq!(check_name(""), Err(NameError::Line(LineError::Empty)));
        assert!(matches!(check_path(&"a/".repeat(3000)), Err(NameError::Line(LineError::Long { max: 4096, .. }))));
        assert_eq!((check_path("images/a  b"), check_path("images/a\n")), (Ok(()), Err(NameError::Space)));
        assert_eq!(shown("a\u{1b}b\n"), r"a\u{1b}b\n");
    }
}
