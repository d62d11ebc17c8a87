/// Why a file of another tool cannot be read as a layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// A line that cannot be read, or that a layout has no counterpart for.
    #[error("{file}:{line}: {problem}")]
    Line {
        /// The file.
        file: String,
        /// Its line.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The file as a whole has no counterpart.
    #[error("{file}: {problem}")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
}
