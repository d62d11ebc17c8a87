use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::Assignment;
use crate::Kind;
use crate::Origin;
use crate::Symbol;
use crate::Value;
use crate::symbol::is_name_byte;

/// A parsed fragment file: its assignments in file order, and the lines that are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The assignments, in file order, repeats included.
    pub assignments: Vec<Assignment>,
    /// Lines that Kconfig would ignore although somebody meant them.
    pub problems: Vec<Problem>,
}

/// A line that is neither an assignment nor a comment nor empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where the line stands.
    pub origin: Origin,
    /// The line itself.
    pub text: String,
    /// What is wrong with it.
    pub kind: ProblemKind,
}

/// Why a line is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// An assignment after blanks: Kconfig reads names at the start of a line only.
    LeadingBlank,
    /// The symbol belongs to another program or lacks the prefix of this one.
    WrongPrefix,
    /// The name has a character that no symbol may have.
    BadName,
    /// There is a symbol and no `=`.
    NoValue,
    /// `# X is not set` with something behind it (a blank or a carriage return).
    TrailingText,
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LeadingBlank => "the line starts with a blank",
            Self::WrongPrefix => "the symbol does not start with the prefix of this kind of fragment",
            Self::BadName => "the symbol's name has a character other than letters, digits and `_`",
            Self::NoValue => "there is no `=` and no value",
            Self::TrailingText => "something follows `is not set`",
        })
    }
}

impl Fragment {
    /// Parses a fragment.
    ///
    /// Never fails: what is not understood becomes a [`Problem`], so that a plan can still be shown.
    /// `layer` and `file` become the [`Origin`] of every line.
    pub fn parse(kind: Kind, layer: &str, file: PathBuf, text: &str) -> Self {
        let layer: Arc<str> = layer.into();
        let file = Arc::new(file);
        let mut fragment = Self { assignments: Vec::new(), problems: Vec::new() };
        for (number, line) in (1..).zip(text.split('\n')) {
            let origin = || Origin { layer: Arc::clone(&layer), file: Arc::clone(&file), line: number };
            match parse_line(kind, line) {
                Line::Nothing => {}
                Line::Assignment(symbol, value) => {
                    fragment.assignments.push(Assignment { symbol, value, origin: origin() });
                }
                Line::Problem(kind) => {
                    fragment.problems.push(Problem { origin: origin(), text: line.to_owned(), kind });
                }
            }
        }
        fragment
    }
}

enum Line {
    Nothing,
    Assignment(Symbol, Value),
    Problem(ProblemKind),
}

fn parse_line(kind: Kind, line: &str) -> Line {
    if line.trim().is_empty() {
        return Line::Nothing;
    }
    if let Some(comment) = line.strip_prefix('#') {
        return parse_comment(kind, comment);
    }
    if line.starts_with([' ', '\t']) {
        return match line.trim_start().starts_with('#') {
            true => Line::Nothing,
            false => Line::Problem(ProblemKind::LeadingBlank),
        };
    }
    if !line.starts_with(kind.prefix()) {
        return Line::Problem(ProblemKind::WrongPrefix);
    }
    match line.split_once('=') {
        None => Line::Problem(ProblemKind::NoValue),
        Some((name, _)) if !is_symbol(kind, name) => Line::Problem(ProblemKind::BadName),
        Some((name, value)) => Line::Assignment(Symbol::checked(name), Value::Text(value.to_owned())),
    }
}

/// Reads `# X is not set`; every other comment is only a comment.
fn parse_comment(kind: Kind, comment: &str) -> Line {
    let Some((name, rest)) = comment.strip_prefix(' ').and_then(|c| c.split_once(' ')) else {
        return Line::Nothing;
    };
    if !is_symbol(kind, name) {
        return Line::Nothing;
    }
    match rest {
        "is not set" => Line::Assignment(Symbol::checked(name), Value::NotSet),
        other if other.trim_end() == "is not set" => Line::Problem(ProblemKind::TrailingText),
        _ => Line::Nothing,
    }
}

fn is_symbol(kind: Kind, name: &str) -> bool {
    name.strip_prefix(kind.prefix()).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(is_name_byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: Kind, text: &str) -> Fragment {
        Fragment::parse(kind, "a/b", "f".into(), text)
    }

    fn lines(fragment: &Fragment) -> Vec<String> {
        fragment.assignments.iter().map(|a| format!("{}@{}", a, a.origin.line)).collect()
    }

    #[test]
    fn assignments_keep_their_line_and_their_bytes() {
        let fragment = parse(Kind::Kernel, "CONFIG_A=y\n\n# CONFIG_B is not set\nCONFIG_C=y  \nCONFIG_D=\nCONFIG_E=m");
        assert_eq!(
            lines(&fragment),
            ["CONFIG_A=y@1", "# CONFIG_B is not set@3", "CONFIG_C=y  @4", "CONFIG_D=@5", "CONFIG_E=m@6"]
        );
        assert_eq!(fragment.problems, []);
    }

    #[test]
    fn comments_about_a_symbol_are_comments() {
        let fragment =
            parse(Kind::Kernel, "# CONFIG_FOO selects x\n# about CONFIG_FOO=y\n#CONFIG_FOO is not set\n  # x");
        assert_eq!(lines(&fragment), Vec::<String>::new());
        assert_eq!(fragment.problems, []);
    }

    #[test]
    fn lines_that_kconfig_would_drop_are_problems() {
        let text = " CONFIG_A=y\nXCONFIG_B=y\nCONFIG-C=y\nCONFIG_D\n# CONFIG_E is not set \nCONFIG_F x=y\nBR2_G=y";
        let kinds: Vec<_> = parse(Kind::Kernel, text).problems.iter().map(|p| (p.origin.line, p.kind)).collect();
        use ProblemKind::*;
        assert_eq!(
            kinds,
            [
                (1, LeadingBlank),
                (2, WrongPrefix),
                (3, WrongPrefix),
                (4, NoValue),
                (5, TrailingText),
                (6, BadName),
                (7, WrongPrefix)
            ]
        );
    }
}
