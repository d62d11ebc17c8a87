use crate::Result;
use crate::bindings::imports::skiff::host::tools::Argument;
use crate::bindings::imports::skiff::host::tools::Piece;
use crate::host;

pub use crate::bindings::imports::skiff::host::tools::Outcome;

impl Outcome {
    /// Makes what a program comes to that ends with a status after writing something: for tests.
    pub fn ended(status: u8, stdout: impl Into<Vec<u8>>) -> Self {
        Self { status, stdout: stdout.into(), stderr: Vec::new(), truncated: false, timed_out: false }
    }
}

/// A program of the host with the arguments that it is to be run with.
///
/// The plugin's manifest names the program and the patterns that arguments must fit.
#[derive(Debug, Clone)]
pub struct Tool {
    name: String,
    arguments: Vec<Argument>,
}

impl Tool {
    /// Names a program.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), arguments: Vec::new() }
    }

    /// Returns whether the program is installed.
    pub fn available(&self) -> bool {
        host::available(&self.name)
    }

    /// Adds arguments as they are.
    #[must_use]
    pub fn args<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.arguments.extend(words.into_iter().map(|word| Argument::Text(word.into())));
        self
    }

    /// Adds a path as the plugin sees it, such as `/images/bzImage`.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.arguments.push(Argument::Path(path.into()));
        self
    }

    /// Adds one argument made of text, a path and text: `file=`, `/images/rootfs.squashfs`, `,format=raw`.
    #[must_use]
    pub fn with_path(mut self, before: &str, path: impl Into<String>, after: &str) -> Self {
        let pieces = [Piece::Text(before.to_owned()), Piece::Path(path.into()), Piece::Text(after.to_owned())];
        let empty = |piece: &Piece| matches!(piece, Piece::Text(text) if text.is_empty());
        self.arguments.push(Argument::Joined(pieces.into_iter().filter(|piece| !empty(piece)).collect()));
        self
    }

    /// Adds the words that the user gave for an argument of the command.
    #[must_use]
    pub fn given(mut self, argument: &str) -> Self {
        self.arguments.push(Argument::Given(argument.to_owned()));
        self
    }

    /// Runs the program to its end without terminal or input.
    ///
    /// # Errors
    /// When it is not declared or granted, an argument fits no pattern, or it cannot be started. A program that
    /// ends with a status other than 0 is no error here.
    pub fn run(&self, timeout_ms: Option<u32>) -> Result<Outcome> {
        host::run(&self.name, &self.arguments, timeout_ms)
    }

    /// Runs the program connected to the user's terminal and returns its exit status.
    ///
    /// # Errors
    /// As [`Self::run`]; also when the manifest does not ask for the terminal.
    pub fn attach(&self) -> Result<u8> {
        host::attach(&self.name, &self.arguments)
    }
}
