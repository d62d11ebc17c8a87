use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use skiff_text::shown;

/// The name of a package: `namespace/name`.
///
/// Both halves consist of ASCII letters, digits, `_`, `-` and `.`, start with a letter, digit or `_`, and are
/// compared without regard to case, as SkiffOS does.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct LayerName(String);

/// A text that is no package name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a package name (want `namespace/name` of letters, digits, `_`, `-`, `.`)", shown(text))]
pub struct InvalidName {
    /// The text.
    pub text: String,
}

impl LayerName {
    /// Returns the name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the end of the environment variable that sets this package's folder: `PI_COMMON` for
    /// `pi/common`.
    pub fn variable_suffix(&self) -> String {
        variable_suffix(&self.0)
    }

    /// Returns whether the name is for a layer that skiff adds to every chain.
    pub(crate) fn is_reserved(&self) -> bool {
        let folded = self.folded();
        ["base/", "overrides/"].iter().any(|namespace| folded.starts_with(namespace))
    }

    /// Returns the form used for comparing.
    pub(crate) fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// Bytes that half of a name may have: names stand in lines of 80 columns and in names of files.
const MAX_NAME: usize = 64;

/// What [`is_name_part`] demands, in words.
pub const NAME_RULE: &str =
    "want at most 64 letters, digits, `_`, `-` and `.`, the first of them a letter, a digit or `_`";

/// Returns whether a text can be half of the name of a package, or the name of a command, a plugin or a chain: it means
/// nothing to a shell.
pub fn is_name_part(text: &str) -> bool {
    let start = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    text.len() <= MAX_NAME
        && text.bytes().next().is_some_and(start)
        && text.bytes().all(|b| start(b) || b == b'-' || b == b'.')
}

impl FromStr for LayerName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match text.split_once('/') {
            Some((namespace, name)) if is_name_part(namespace) && is_name_part(name) => Ok(Self(text.to_owned())),
            _ => Err(InvalidName { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for LayerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq for LayerName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for LayerName {}

impl PartialOrd for LayerName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for LayerName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded().cmp(&other.folded())
    }
}

/// Returns the end of the names of the variables that SkiffOS has for a package: `PI_4` for `pi/4`.
pub fn variable_suffix(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_two_plain_halves() {
        for good in ["pi/4", "apps/docker", "my-board/rev.b", "un_der/x_y", "1../3"] {
            assert_eq!(good.parse::<LayerName>().map(|n| n.to_string()), Ok(good.to_owned()));
        }
        for bad in ["pi", "pi/", "/4", "a/b/c", "../x", "a/..", "a b/c", "-a/b", ".git/hooks", ""] {
            assert!(bad.parse::<LayerName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn case_does_not_matter_and_the_variable_is_upper_case() {
        let name: LayerName = "Mix/Ca-se".parse().unwrap();
        assert_eq!(name, "mix/ca-se".parse().unwrap());
        assert_eq!(name.variable_suffix(), "MIX_CA_SE");
    }
}
