use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use schemars::JsonSchema;
use schemars::Schema;
use schemars::SchemaGenerator;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;

use crate::character::is_deceptive;
use crate::character::is_mark;
use crate::character::is_space;

/// Marks that may be drawn onto one character. Three are enough for every written language; more cover other lines.
const MAX_MARKS: usize = 3;

/// One line of a stranger's text, of at most `MAX` characters.
///
/// Runs of spaces of any kind are one space, and there is none at either end. It holds at least one letter, digit or
/// sign, and no character that a terminal obeys or a reader cannot see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Line<const MAX: usize>(String);

/// A text is not a [`Line`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Nothing in it can be seen.
    #[error("expected text, found nothing that can be seen")]
    Empty,
    /// It is too long.
    #[error("expected at most {max} characters, found {found}: {start:?}…")]
    Long {
        /// The most that is allowed.
        max: usize,
        /// How many there are.
        found: usize,
        /// How it starts.
        start: String,
    },
    /// It holds a character that a terminal obeys or a reader cannot see.
    #[error("control characters, line ends and invisible characters are refused, found U+{:04X}", u32::from(*.0))]
    Deceptive(char),
    /// It holds many marks on one character.
    #[error("at most {MAX_MARKS} marks on a character are accepted, found more before U+{:04X}", u32::from(*.0))]
    Marks(char),
}

impl<const MAX: usize> Line<MAX> {
    /// Checks and normalises a text. A line end at its end is left out, since block scalars of YAML have one.
    ///
    /// # Errors
    /// [`LineError`].
    pub fn new(text: &str) -> Result<Self, LineError> {
        let text = text.trim_end_matches(['\n', '\r']);
        let mut line = String::with_capacity(text.len().min(MAX * 4));
        let (mut count, mut marks) = (0_usize, 0);
        for c in text.chars() {
            if is_space(c) {
                if !line.is_empty() && !line.ends_with(' ') {
                    line.push(' ');
                    count += 1;
                }
                marks = 0;
                continue;
            }
            if is_deceptive(c) {
                return Err(LineError::Deceptive(c));
            }
            marks = if is_mark(c) { marks + 1 } else { 0 };
            if marks > MAX_MARKS {
                return Err(LineError::Marks(c));
            }
            count += 1;
            if count <= MAX {
                line.push(c);
            }
        }
        if line.ends_with(' ') {
            line.pop();
            count -= 1;
        }
        if count > MAX {
            let start = line.chars().take(40).collect();
            return Err(LineError::Long { max: MAX, found: count, start });
        }
        match line.chars().any(|c| !is_mark(c)) {
            true => Ok(Self(line)),
            false => Err(LineError::Empty),
        }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> PartialEq<str> for Line<MAX> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl<const MAX: usize> Deref for Line<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Display for Line<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<const MAX: usize> FromStr for Line<MAX> {
    type Err = LineError;

    fn from_str(text: &str) -> Result<Self, LineError> {
        Self::new(text)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Line<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

impl<const MAX: usize> JsonSchema for Line<MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Line{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(text: &str) -> Result<String, LineError> {
        Line::<20>::new(text).map(|line| line.to_string())
    }

    #[test]
    fn spaces_of_every_kind_are_one() {
        assert_eq!(line("  a \u{a0}\u{3000} b\u{2800}\n").as_deref(), Ok("a b"));
        assert_eq!(line(&format!("a{}b", " ".repeat(5000))).as_deref(), Ok("a b"));
    }

    #[test]
    fn what_cannot_be_seen_is_refused() {
        for c in "\u{1b}\u{7}\n\t\r\u{9b}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180e}\u{200b}\u{200d}\u{200e}\u{2028}\u{202e}\u{2060}\u{2066}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{e000}\u{e0041}".chars() {
            assert_eq!(line(&format!("a{c}b")), Err(LineError::Deceptive(c)), "U+{:04X}", u32::from(c));
        }
        for empty in ["", " ", "\u{a0}\u{2800}", "\u{301}"] {
            assert_eq!(line(empty), Err(LineError::Empty), "{empty:?}");
        }
    }

    #[test]
    fn lengths_and_marks_are_bounded() {
        assert!(line(&"x".repeat(20)).is_ok());
        assert!(matches!(line(&"x".repeat(21)), Err(LineError::Long { found: 21, .. })));
        assert_eq!(line("e\u{301}\u{302}\u{303}").as_deref(), Ok("e\u{301}\u{302}\u{303}"));
        assert_eq!(line("e\u{301}\u{302}\u{303}\u{304}"), Err(LineError::Marks('\u{304}')));
        assert_eq!(line("日本語 é ü — “x”").as_deref(), Ok("日本語 é ü — “x”"));
    }

    proptest! {
        #[test]
        fn a_line_is_one_line_and_reading_it_again_changes_nothing(text in any::<String>()) {
            if let Ok(line) = Line::<64>::new(&text) {
                prop_assert!(!line.chars().any(is_deceptive) && line.trim() == &*line && !line.contains("  "));
                prop_assert_eq!(Line::new(&line), Ok(line));
            }
        }
    }
}
