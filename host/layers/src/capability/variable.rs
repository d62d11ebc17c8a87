//! Being told an environment variable: `variable:ACME_KEY`.

use super::Declared;
use super::Kind;
use super::Reach;
use super::Why;

const WORD: &str = "variable";

pub(super) const KIND: Kind =
    Kind { words: &[WORD], is_name: |_, name| is_declarable(name), covers: |_, _| false, form: None };

/// Being told an environment variable of the user's, as the value of a command's argument. A manifest
/// declares it by naming the variable there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// What the argument is for.
    pub why: Why,
}

impl Declared for Variable {
    fn name(&self) -> String {
        format!("{WORD}:{}", self.name)
    }

    fn why(&self) -> &str {
        &self.why
    }

    fn reach(&self) -> Reach {
        Reach::Told
    }

    fn needs_plan(&self) -> bool {
        false
    }

    fn uses_workspace(&self) -> bool {
        false
    }
}

/// Returns whether a manifest may name a variable: its name fits into one row of a question.
pub(crate) fn is_declarable(name: &str) -> bool {
    name.len() <= 64 && is_variable(name)
}

/// Returns whether a shell takes a word for the name of a variable. POSIX.1-2017, chapter 8.1: letters, digits and `_`, not
/// starting with a digit.
pub fn is_variable(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    !name.is_empty() && name.bytes().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit())
}
