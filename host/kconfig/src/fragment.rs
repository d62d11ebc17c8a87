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

/// A parsed fragment file: its assignments in file order, and the lines that Kconfig ignores.
///
/// The rules are those of Buildroot's Kconfig (`conf_read_simple` in `support/kconfig/confdata.c`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The assignments, in file order, repeats included.
    pub assignments: Vec<Assignment>,
    /// The lines that Kconfig ignores although they are neither comments nor empty.
    pub problems: Vec<Problem>,
}

/// A line that is neither an assignment nor a comment nor empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where the line stands.
    pub origin: Origin,
    /// The line, with invisible characters written as `\u{…}`.
    pub text: String,
    /// What is wrong with it.
    pub kind: ProblemKind,
}

/// Why Kconfig ignores a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// The file starts with a byte order mark, which Kconfig takes for the start of the first name.
    ByteOrderMark,
    /// A character that is not seen stands in the name or before it.
    InvisibleCharacter,
    /// An assignment after blanks: Kconfig reads names at the start of a line only.
    LeadingBlank,
    /// The symbol belongs to another program or lacks the prefix of this one.
    WrongPrefix,
    /// The name has a character that no symbol may have.
    BadName,
    /// There is a symbol and no `=`.
    NoValue,
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByteOrderMark => "the line starts with a byte order mark (U+FEFF)",
            Self::InvisibleCharacter => "the symbol's name has an invisible character",
            Self::LeadingBlank => "the line starts with a space",
            Self::WrongPrefix => "the symbol does not start with the prefix of this kind of fragment",
            Self::BadName => "the symbol's name has a character other than letters, digits and `_`",
            Self::NoValue => "there is no `=` and no value",
        })
    }
}

impl Fragment {
    /// Parses a fragment whose symbols all have the prefix of its kind.
    ///
    /// Never fails: what is not understood becomes a [`Problem`], so that a plan can still be shown.
    /// `layer` and `file` become the [`Origin`] of every line.
    pub fn parse(kind: Kind, layer: &str, file: PathBuf, text: &str) -> Self {
        Self::parse_with(kind, layer, file, text, |_| false)
    }

    /// Parses a fragment. Buildroot's Kconfig knows no prefix, so an external tree may define symbols without `BR2_`:
    /// `defined` returns whether one does. Other programs' symbols always have the prefix.
    pub fn parse_with(kind: Kind, layer: &str, file: PathBuf, text: &str, defined: impl Fn(&str) -> bool) -> Self {
        let layer: Arc<str> = layer.into();
        let file = Arc::new(file);
        let reader = Reader { kind, defined };
        let mut fragment = Self { assignments: Vec::new(), problems: Vec::new() };
        for (number, line) in (1..).zip(text.split('\n')) {
            let origin = || Origin { layer: Arc::clone(&layer), file: Arc::clone(&file), line: number };
            // Kconfig takes one carriage return before the line end for a part of it.
            let line = line.strip_suffix('\r').unwrap_or(line);
            match reader.line(line) {
                Line::Nothing => {}
                Line::Assignment(symbol, value) => {
                    fragment.assignments.push(Assignment { symbol, value, origin: origin() });
                }
                Line::Problem(kind) => {
                    fragment.problems.push(Problem { origin: origin(), text: visible(line), kind });
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

/// What Kconfig takes for a byte of a name, as an editor may leave it at the start of a file.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// How `# X is not set` ends, as far as Kconfig compares: anything may follow.
const NOT_SET: &str = "is not set";

struct Reader<F> {
    kind: Kind,
    defined: F,
}

impl<F: Fn(&str) -> bool> Reader<F> {
    fn line(&self, line: &str) -> Line {
        if line.contains('\0') {
            // What follows, Kconfig does not see.
            return Line::Problem(ProblemKind::InvisibleCharacter);
        }
        if let Some(rest) = line.strip_prefix(BYTE_ORDER_MARK) {
            return match self.line(rest) {
                Line::Nothing => Line::Nothing,
                Line::Assignment(..) | Line::Problem(_) => Line::Problem(ProblemKind::ByteOrderMark),
            };
        }
        if line.trim().is_empty() {
            return Line::Nothing;
        }
        if let Some(comment) = line.strip_prefix('#') {
            return self.comment(comment);
        }
        if line.starts_with([' ', '\t']) {
            return match line.trim_start().starts_with('#') {
                true => Line::Nothing,
                false => Line::Problem(ProblemKind::LeadingBlank),
            };
        }
        let Some((name, value)) = line.split_once('=') else {
            return Line::Problem(match line.starts_with(self.kind.prefix()) {
                true => ProblemKind::NoValue,
                false => ProblemKind::WrongPrefix,
            });
        };
        match self.is_symbol(name) {
            true => Line::Assignment(Symbol::checked(name), Value::Text(value.to_owned())),
            false if name.chars().any(is_invisible) => Line::Problem(ProblemKind::InvisibleCharacter),
            false if name.starts_with(self.kind.prefix()) => Line::Problem(ProblemKind::BadName),
            false => Line::Problem(ProblemKind::WrongPrefix),
        }
    }

    /// Reads `# X is not set`; every other comment is only a comment.
    fn comment(&self, comment: &str) -> Line {
        let mut chars = comment.bytes();
        // Buildroot's Kconfig does not look at the byte behind the `#`, that of the kernel does.
        let rest = match (chars.next(), self.kind) {
            (Some(b' '), _) => comment.get(1..),
            (Some(_), Kind::Buildroot) => comment.get(1..),
            _ => None,
        };
        match rest.and_then(|rest| rest.split_once(' ')) {
            Some((name, state)) if state.starts_with(NOT_SET) && self.is_symbol(name) => {
                Line::Assignment(Symbol::checked(name), Value::NotSet)
            }
            _ => Line::Nothing,
        }
    }

    fn is_symbol(&self, name: &str) -> bool {
        let valid = |name: &str| !name.is_empty() && name.bytes().all(is_name_byte);
        match name.strip_prefix(self.kind.prefix()) {
            Some(rest) => valid(rest),
            None => self.kind == Kind::Buildroot && valid(name) && (self.defined)(name),
        }
    }
}

/// Whether a character takes no room or looks like a blank that it is not.
fn is_invisible(c: char) -> bool {
    c.is_control() && c != '\t'
        || matches!(c, '\u{a0}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{206f}')
        || c == BYTE_ORDER_MARK
}

/// Writes invisible characters so that they are seen.
fn visible(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        match is_invisible(c) {
            true => out.extend(c.escape_unicode()),
            false => out.push(c),
        }
    }
    out
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
        let text = " CONFIG_A=y\nXCONFIG_B=y\nCONFIG-C=y\nCONFIG_D\nCONFIG_F x=y\nBR2_G=y\nCONFIG_=y\nwords";
        let kinds: Vec<_> = parse(Kind::Kernel, text).problems.iter().map(|p| (p.origin.line, p.kind)).collect();
        use ProblemKind::*;
        assert_eq!(
            kinds,
            [
                (1, LeadingBlank),
                (2, WrongPrefix),
                (3, WrongPrefix),
                (4, NoValue),
                (5, BadName),
                (6, WrongPrefix),
                (7, BadName),
                (8, WrongPrefix)
            ]
        );
    }

    #[test]
    fn not_set_counts_whatever_follows_it() {
        for (kind, name) in [(Kind::Buildroot, "BR2_A"), (Kind::Kernel, "CONFIG_A"), (Kind::Busybox, "CONFIG_A")] {
            for tail in ["", " ", "\r", " (broken on arm)", " anymore, see below", "tled", " # =y"] {
                let fragment = parse(kind, &format!("# {name} is not set{tail}\n"));
                assert_eq!(lines(&fragment), [format!("# {name} is not set@1")], "{tail:?}");
                assert_eq!(fragment.problems, []);
            }
            for comment in ["# {} is not", "# {} is not  set", "# {}  is not set", "#  {} is not set", "#{} is not set"]
            {
                let fragment = parse(kind, &comment.replace("{}", name));
                assert_eq!((lines(&fragment).len(), fragment.problems.len()), (0, 0), "{comment}");
            }
        }
    }

    #[test]
    fn what_stands_behind_the_hash_matters_to_the_kernel_only() {
        assert_eq!(lines(&parse(Kind::Buildroot, "##BR2_A is not set\n#\tBR2_B is not set")).len(), 2);
        assert_eq!(lines(&parse(Kind::Kernel, "##CONFIG_A is not set\n#\tCONFIG_B is not set")).len(), 0);
        assert_eq!(lines(&parse(Kind::Buildroot, "#é is not set\n#\n# ")).len(), 0);
    }

    #[test]
    fn line_ends_of_other_systems_are_line_ends() {
        let fragment = parse(Kind::Kernel, "CONFIG_A=y\r\n# CONFIG_B is not set\r\nCONFIG_D=\"x\"\r\n\r\nCONFIG_E=5\r");
        assert_eq!(lines(&fragment), ["CONFIG_A=y@1", "# CONFIG_B is not set@2", "CONFIG_D=\"x\"@3", "CONFIG_E=5@5"]);
        assert_eq!(fragment.problems, []);
    }

    #[test]
    fn invisible_characters_are_named() {
        use ProblemKind::*;
        let problems = |text: &str| -> Vec<(ProblemKind, String)> {
            parse(Kind::Buildroot, text).problems.into_iter().map(|p| (p.kind, p.text)).collect()
        };
        assert_eq!(problems("\u{feff}# a comment\nBR2_A=y"), []);
        assert_eq!(problems("\u{feff}\r\nBR2_A=y"), []);
        assert_eq!(problems("\u{feff}BR2_A=y"), [(ByteOrderMark, "\\u{feff}BR2_A=y".into())]);
        assert_eq!(problems("\u{feff}# BR2_A is not set").first().unwrap().0, ByteOrderMark);
        assert_eq!(problems("BR2_A\u{200b}=y"), [(InvisibleCharacter, "BR2_A\\u{200b}=y".into())]);
        assert_eq!(problems("\u{a0}BR2_A=y"), [(InvisibleCharacter, "\\u{a0}BR2_A=y".into())]);
        assert_eq!(problems("BR2_A=y\0"), [(InvisibleCharacter, "BR2_A=y\\u{0}".into())]);
    }

    #[test]
    fn symbols_of_external_trees_need_no_prefix() {
        let parse = |kind| {
            let text = "IX_KEYS=y\nix_home=\"a\"\n# IX_KEYS is not set here\n# OTHER is not set\nOTHER=y\n";
            Fragment::parse_with(kind, "l", "f".into(), text, |name| name.to_lowercase().starts_with("ix_"))
        };
        let fragment = parse(Kind::Buildroot);
        assert_eq!(lines(&fragment), ["IX_KEYS=y@1", "ix_home=\"a\"@2", "# IX_KEYS is not set@3"]);
        let places: Vec<_> = fragment.problems.iter().map(|p| (p.origin.line, p.kind)).collect();
        assert_eq!(places, [(5, ProblemKind::WrongPrefix)]);
        assert_eq!(parse(Kind::Kernel).assignments, []);
    }
}
