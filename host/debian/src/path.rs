use std::fmt;

use skiff_text::shown;

/// Bytes that a path may have (`PATH_MAX` of Linux).
const MAX_PATH: usize = 4096;

/// A path below the root of the target: relative, without empty parts, `.` and `..`. The root itself is the empty path.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(String);

impl TreePath {
    /// Reads a path as scripts and data write it, absolute or relative to the root. `..` goes to the parent, as in a
    /// file system without links, and never above the root. Returns nothing for a path with a NUL byte or of more than
    /// 4096 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_PATH || text.contains('\0') {
            return None;
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        Some(Self(parts.join("/")))
    }

    /// Returns the path with a name below it; the name has no slash.
    pub fn join(&self, name: &str) -> Self {
        match self.0.is_empty() {
            true => Self(name.to_owned()),
            false => Self(format!("{}/{name}", self.0)),
        }
    }

    /// Returns the relative path, without a leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path as programs on the target write it, with a leading slash.
    pub fn absolute(&self) -> String {
        format!("/{}", self.0)
    }

    /// Returns the directory that contains the path, and the last name.
    pub fn split(&self) -> (Self, &str) {
        match self.0.rsplit_once('/') {
            Some((parent, name)) => (Self(parent.to_owned()), name),
            None => (Self::default(), &self.0),
        }
    }

    /// Returns the last name.
    pub fn name(&self) -> &str {
        self.split().1
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", shown(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_root() {
        let path = |text: &str| TreePath::parse(text).map(|path| path.as_str().to_owned());
        assert_eq!(path("/etc//./passwd"), Some("etc/passwd".into()));
        assert_eq!(path("../../etc/../usr"), Some("usr".into()));
        assert_eq!(path("a\0b"), None);
        assert_eq!(path(&"x".repeat(5000)), None);
        assert_eq!(TreePath::parse("/").unwrap().absolute(), "/");
    }
}
