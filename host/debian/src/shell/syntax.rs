use std::rc::Rc;

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Literal text.
    Text { text: String, quoted: bool },
    /// A variable.
    Variable { name: String, otherwise: Option<Otherwise>, quoted: bool },
    /// A substitution that is not followed, as the script writes it.
    Opaque(String),
}

/// What replaces the value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// `${NAME:-text}`: if the value is empty.
    IfEmpty(String),
    /// `${NAME:+text}`: if the value is not empty.
    IfSet(String),
    /// Any other operator.
    Other,
}

/// A word, before expansion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word(pub(super) Vec<Piece>);

impl Word {
    /// Returns the text of a word that consists of unquoted literal text only: words of the grammar are such.
    pub(super) fn bare(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Piece::Text { text, quoted: false }] => Some(text),
            _ => None,
        }
    }

    /// Returns name and value of an assignment.
    pub(super) fn assignment(&self) -> Option<(String, Word)> {
        let (first, rest) = self.0.split_first()?;
        let Piece::Text { text, quoted: false } = first else { return None };
        let (name, value) = text.split_once('=')?;
        if !is_name(name) {
            return None;
        }
        let mut pieces = Vec::new();
        if !value.is_empty() {
            pieces.push(Piece::Text { text: value.to_owned(), quoted: false });
        }
        pieces.extend_from_slice(rest);
        Some((name.to_owned(), Word(pieces)))
    }
}

/// Returns whether a text is a name of a variable.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A command without structure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Simple {
    pub(super) line: u32,
    pub(super) assignments: Vec<(String, Word)>,
    pub(super) words: Vec<Word>,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Simple(Simple),
    If { arms: Vec<(List, List)>, otherwise: List },
    Case { word: Word, arms: Vec<(Vec<Word>, List)> },
    For { name: String, words: Vec<Word>, body: List },
    While { condition: List, body: List },
    Braces(List),
    Subshell(List),
    Function { name: String, body: Rc<Node> },
}

/// When a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Always.
    Any,
    /// After success (`&&`).
    Success,
    /// After failure (`||`).
    Failure,
}

/// A pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) after: After,
    pub(super) is_negated: bool,
    pub(super) pipeline: Vec<Node>,
}

/// Steps in their order.
pub(super) type List = Vec<Step>;
