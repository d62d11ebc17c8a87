use std::fmt;

use crate::bindings::imports::skiff::host::fault;

pub use crate::bindings::imports::skiff::host::fault::Code as FailureCode;

/// Why a plugin could not do its work, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What sort of failure it is.
    pub code: FailureCode,
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
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, subject: None }
    }

    /// Makes a failure of reading or writing a file.
    pub fn io(path: impl AsRef<std::path::Path>, error: &std::io::Error) -> Self {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => FailureCode::Missing,
            std::io::ErrorKind::PermissionDenied => FailureCode::Refused,
            _ => FailureCode::Io,
        };
        Self::new(code, error.to_string()).about(path.as_ref().display().to_string())
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
        let fault::Failure { code, message, hint, subject } = failure;
        Self { code, message, hint, subject }
    }
}

impl From<Failure> for fault::Failure {
    fn from(failure: Failure) -> Self {
        let Failure { code, message, hint, subject } = failure;
        Self { code, message, hint, subject }
    }
}
