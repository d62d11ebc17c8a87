//! A reader of shell scripts that runs nothing.
//!
//! It reads the grammar of POSIX shells, and follows a script on the path of a first installation (`postinst configure`):
//! it knows constants, arguments of functions, and conditions that such an installation decides. Where a condition depends
//! on the machine, it follows both branches. Substitutions of commands are never followed.
//!
//! Every step takes time in proportion to the text, nesting is bounded, and nothing is looked up twice. Parsers of whole
//! shells (`brush-parser`) do not bound recursion and backtracking, and scripts come from packages.

mod condition;
mod expand;
mod lex;
mod names;
mod parse;
mod syntax;
mod walk;

pub(crate) use walk::Call;
pub(crate) use walk::calls;

/// Bytes and lines that a script may have. The longest postinst of Debian 12 has fewer than 1,000 lines.
const MAX_BYTES: usize = 1 << 20;
const MAX_LINES: usize = 20_000;

/// A script that cannot be read, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScriptError {
    #[error("it has more than 1 MiB or 20,000 lines")]
    TooLarge,
    #[error("its interpreter is `{0}`; skiff reads scripts of sh, bash and dash")]
    Interpreter(String),
    #[error("line {line}: {what} does not end")]
    Open { line: u32, what: &'static str },
    #[error("line {line}: expected {expected}")]
    Expected { line: u32, expected: &'static str },
    #[error("line {line}: commands are nested more than 48 deep")]
    Deep { line: u32 },
    #[error("it runs more than 20,000 commands or 16 MiB of them")]
    Long,
}

/// Checks size and interpreter.
fn check(text: &str) -> Result<(), ScriptError> {
    if text.len() > MAX_BYTES || text.lines().count() > MAX_LINES {
        return Err(ScriptError::TooLarge);
    }
    let Some(interpreter) = text.lines().next().and_then(|line| line.strip_prefix("#!")) else { return Ok(()) };
    let mut words = interpreter.split_whitespace();
    let program = match words.next() {
        Some("/usr/bin/env") => words.next(),
        program => program,
    };
    match program.and_then(|program| program.rsplit('/').next()) {
        Some("sh" | "bash" | "dash") => Ok(()),
        _ => Err(ScriptError::Interpreter(interpreter.trim().to_owned())),
    }
}
