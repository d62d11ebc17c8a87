use std::fmt;
use std::path::Path;

/// A path below a tree: relative, with `/` between its parts, none of which is `.`, `..` or empty. The empty path is the
/// tree itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct TreePath(String);

/// A text is no path below a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a path in a tree; expected a relative path without `.`, `..` and empty parts")]
pub struct InvalidPath(pub String);

impl TreePath {
    /// Checks a path.
    ///
    /// # Errors
    /// [`InvalidPath`] when it is absolute, or has a part that is empty, `.` or `..`, or a NUL byte.
    pub fn new(text: &str) -> Result<Self, InvalidPath> {
        let sound = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
        match text.is_empty() || text.split('/').all(sound) {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidPath(text.to_owned())),
        }
    }

    /// Returns whether it is the tree itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the directory and the name in it, or `None` for the tree itself.
    pub(crate) fn split(&self) -> Option<(Self, &str)> {
        if self.is_root() {
            return None;
        }
        let (parent, name) = self.0.rsplit_once('/').unwrap_or(("", &self.0));
        Some((Self(parent.to_owned()), name))
    }

    /// Returns it as cap-std wants it, which has no empty path.
    pub(crate) fn or_dot(&self) -> &Path {
        Path::new(if self.is_root() { "." } else { &self.0 })
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "." } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_stay_below_their_tree() {
        for good in ["", "a", "a/b.c", "...", "a b/\u{e9}", "-x", "C:x"] {
            assert!(TreePath::new(good).is_ok(), "{good}");
        }
        for bad in ["/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a/.", "a\0b"] {
            assert_eq!(TreePath::new(bad), Err(InvalidPath(bad.into())));
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_has_ordinary_parts_only(text in "[a./\\\\\0-]{0,12}") {
            if let Ok(path) = TreePath::new(&text) {
                prop_assert!(Path::new(path.as_str()).components().all(|part| matches!(part, Component::Normal(_))));
                prop_assert_eq!(path.as_str(), text);
            }
        }
    }
}
