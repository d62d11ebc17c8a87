use std::io;

use skiff_text::shown;

use crate::TreePath;

/// A tree whose configuration cannot be determined.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path of the tree cannot be read.
    #[error("cannot read {path} in the target: {source}")]
    Read {
        /// The path.
        path: TreePath,
        /// The cause.
        source: io::Error,
    },
    /// A file has more bytes than its kind may have.
    #[error("{path} in the target has {size} bytes; skiff reads at most {limit}")]
    TooLarge {
        /// The path.
        path: TreePath,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Links lead in a circle.
    #[error("{path} in the target leads through more than 40 links")]
    Links {
        /// The path.
        path: TreePath,
    },
    /// Two names have one number.
    #[error("the id {id} belongs to `{}` and to `{}`", shown(.first), shown(.second))]
    SharedId {
        /// The number.
        id: u32,
        /// The name that had it first.
        first: String,
        /// The other name.
        second: String,
    },
    /// A recorded id is not one of a system user.
    #[error("the recorded id {id} of `{}` is not between 100 and 999", shown(.name))]
    RecordedId {
        /// The name.
        name: String,
        /// The number.
        id: u32,
    },
    /// All ids of system users are taken.
    #[error("no id between 100 and 999 is left for `{}`", shown(.name))]
    NoId {
        /// The name that needs one.
        name: String,
    },
    /// skiff's own data names a user or a group that the packages do not create.
    #[error("skiff's data for the package `{package}` names `{name}`, which no package creates")]
    UnknownOwner {
        /// The package.
        package: String,
        /// The user or group.
        name: String,
    },
    /// skiff's own data cannot be read.
    #[error("skiff's data file {file}: {message}")]
    Data {
        /// The file, in the sources of skiff-debian.
        file: &'static str,
        /// What is wrong.
        message: String,
    },
    /// There are more packages, units or commands than skiff handles.
    #[error("the target has more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}
