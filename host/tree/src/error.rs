use std::fmt;
use std::io;

use skiff_text::shown;

/// Why work on a tree was not finished.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The file system refused.
    #[error("{}: {source}", shown(path))]
    Io {
        /// The path below the tree.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Something that is neither file nor directory nor link.
    #[error("{}: this is {kind}, and only files, directories and symbolic links are copied", shown(path))]
    Special {
        /// The path below the tree, or in the archive.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// Directories are nested too deeply.
    #[error("{}: directories are nested more than {} deep", shown(path), crate::MAX_DEPTH)]
    TooDeep {
        /// The path below the tree.
        path: String,
    },
    /// A tree has too many entries.
    #[error("{}: the tree holds more than {} files, directories and links", shown(path), crate::MAX_ENTRIES)]
    TooMany {
        /// Where the walk was, below the tree.
        path: String,
    },
    /// A directory was moved while it was being removed.
    #[error("{}: the directory was moved while it was being removed", shown(path))]
    Moved {
        /// The path below the tree, before it was moved.
        path: String,
    },
    /// A directory would be copied or packed into itself.
    #[error("{}: a directory cannot be copied or packed into itself", shown(path))]
    IntoItself {
        /// The destination.
        path: String,
    },
    /// A directory stands where a file has to go.
    #[error("{}: expected a file, found a directory", shown(path))]
    Folder {
        /// The destination.
        path: String,
    },
    /// The bytes are no archive, or a broken one.
    #[error("unsupported or damaged archive: {}", shown(.0))]
    Archive(String),
    /// A member of an archive has a name outside of it.
    #[error("the archive names `{}`, which is outside of it", shown(name))]
    Outside {
        /// The name.
        name: String,
    },
    /// An archive holds more than anybody would want.
    #[error("the archive holds more than {0}")]
    TooLarge(String),
    /// Names have to be text in an archive, and short enough.
    #[error("{}: the archive format does not support this name or size", shown(path))]
    Unfit {
        /// The path.
        path: String,
    },
    /// Whoever wanted it does not want it any more.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why work was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// Whoever wanted it has no more time.
    #[error("the time limit is reached")]
    Late,
    /// The user asked to stop.
    #[error("the user asked to stop")]
    Cancelled,
}

impl From<TreeError> for io::Error {
    /// Keeps the kind of an error of the file system; [`Stopped::Cancelled`] becomes [`io::ErrorKind::Interrupted`].
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Io { path, source } if path.is_empty() => source,
            TreeError::Io { ref source, .. } => Self::new(source.kind(), error),
            TreeError::Stopped(Stopped::Cancelled) => Self::new(io::ErrorKind::Interrupted, error),
            other => Self::other(other),
        }
    }
}

impl TreeError {
    /// Makes a function for `map_err` that names a path.
    pub(crate) fn at(path: impl fmt::Display) -> impl FnOnce(io::Error) -> Self {
        let path = tail(&path.to_string());
        move |source| Self::Io { path, source }
    }

    /// As [`Self::at`], for errors of rustix.
    pub(crate) fn errno(path: impl fmt::Display) -> impl FnOnce(rustix::io::Errno) -> Self {
        let path = tail(&path.to_string());
        move |error| Self::Io { path, source: error.into() }
    }
}

/// Bytes of a path in a message.
const MAX_SHOWN: usize = 500;

/// Returns a path for a message: of a long one, the end.
pub(crate) fn tail(path: &str) -> String {
    match path.len().checked_sub(MAX_SHOWN) {
        None | Some(0) => path.to_owned(),
        Some(start) => format!("\u{2026}{}", path.get(path.floor_char_boundary(start)..).unwrap_or_default()),
    }
}
