use std::fmt;

use crate::bindings::imports::skiff::host::fault;

pub use crate::bindings::imports::skiff::host::fault::Kind as FailureKind;

/// Why a plugin could not do its work, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What sort of failure it is.
    pub kind: FailureKind,
    /// What happened, without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The file, setting or argument it is about.
    pub subject: Option<String>,
}

/// The result of everything that can fail.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// Makes a failure.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, subject: None }
    }

    /// Makes a failure of reading or writing a file.
    pub fn io(path: impl AsRef<std::path::Path>, error: &std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => FailureKind::Missing,
            std::io::ErrorKind::PermissionDenied => FailureKind::Refused,
            _ => FailureKind::Io,
        };
        Self::new(kind, error.to_string()).about(path.as_ref().display().to_string())
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what it is about.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Some(subject) => write!(f, "{subject}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Failure {}

impl From<fault::Failure> for Failure {
    fn from(failure: fault::Failure) -> Self {
        let fault::Failure { kind, message, hint, subject } = failure;
        Self { kind, message, hint, subject }
    }
}

impl From<Failure> for fault::Failure {
    fn from(failure: Failure) -> Self {
        let Failure { kind, message, hint, subject } = failure;
        Self { kind, message, hint, subject }
    }
}
