//! What is noted of a program that a plugin has the host run.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use skiff_digest::DigestBuilder;

use crate::audit::MAX_TEXT;
use crate::audit::cut;

/// Arguments that a record has when there are too many or too long ones.
const MAX_ARGUMENTS: usize = 64;

/// A program of the host was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolUse {
    /// The program's file.
    pub program: PathBuf,
    /// Its arguments, as it got them.
    pub arguments: Vec<String>,
}

impl ToolUse {
    /// Shortens each argument if all of them take more than the log notes, so that none is hidden behind
    /// a long one. A digest of all arguments says what cannot be shown.
    pub(crate) fn bounded(self) -> Self {
        let Self { program, arguments } = self;
        if arguments.iter().map(|argument| argument.len() + 1).sum::<usize>() <= MAX_TEXT {
            return Self { program, arguments };
        }
        let mut all = DigestBuilder::default();
        for argument in &arguments {
            all.field(argument);
        }
        let left = arguments.len().saturating_sub(MAX_ARGUMENTS);
        let short = |argument| cut(argument, MAX_TEXT / MAX_ARGUMENTS);
        let mut arguments: Vec<String> = arguments.into_iter().take(MAX_ARGUMENTS).map(short).collect();
        arguments.push(format!("… ({left} more; sha256 of all: {})", all.finish()));
        Self { program, arguments }
    }
}

impl fmt::Display for ToolUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ran")?;
        let program = self.program.to_string_lossy();
        for word in [&*program].into_iter().chain(self.arguments.iter().map(String::as_str)) {
            // A word with a NUL byte has no quoted form.
            write!(f, " {}", shlex::try_quote(word).unwrap_or(word.into()))?;
        }
        Ok(())
    }
}
