use std::io;

/// The tree that packages were unpacked into.
///
/// Paths are relative to the root of the tree. skiff-debian follows links itself, inside of the root: no parent of a path
/// that it asks for is a link. An implementation may therefore open every path without following links.
pub trait Root {
    /// Reads a regular file, or returns nothing if the path does not exist or is not a regular file.
    ///
    /// # Errors
    /// The file has more than `limit` bytes, or cannot be read.
    fn read(&self, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>>;

    /// Returns the names in a directory, in any order, or nothing at all if the path is not a directory.
    ///
    /// # Errors
    /// The directory cannot be read.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;

    /// Returns the kind of a path, or nothing if it does not exist. A link is not followed.
    ///
    /// # Errors
    /// The path cannot be examined.
    fn kind(&self, path: &str) -> io::Result<Option<Kind>>;
}

/// The kind of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, with its target.
    Link(String),
    /// A device, a pipe or a socket.
    Other,
}
