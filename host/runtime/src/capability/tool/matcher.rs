//! Whether the arguments of a tool call fit the patterns of the manifest.

use skiff_layers::ArgumentPattern;
use skiff_layers::PatternPiece;
use skiff_layers::Zone;

/// One argument as the guest gives it, paths already found in their zones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Actual {
    /// Text, or text around one path: `before`, the path's zone and view, `after`.
    Pieces { before: String, path: Option<(Zone, String)>, after: String },
    /// The user's own words for a command argument.
    Given(String),
}

impl Actual {
    pub(crate) fn text(text: String) -> Self {
        Self::Pieces { before: text, path: None, after: String::new() }
    }

    /// Writes the argument for messages.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Given(name) => format!("the user's `{name}`"),
            Self::Pieces { before, path: None, after } => format!("`{before}{after}`"),
            Self::Pieces { before, path: Some((_, view)), after } => {
                format!("`{before}{}{after}`", view.trim_start_matches('.'))
            }
        }
    }
}

/// Returns whether words without paths and without the user's own are arguments that patterns let pass.
pub fn fit(patterns: &[ArgumentPattern], words: &[&str]) -> bool {
    let actual: Vec<Actual> = words.iter().map(|word| Actual::text((*word).to_owned())).collect();
    check(patterns, &actual).is_ok()
}

/// Checks that a list of arguments is a sequence of pattern groups.
///
/// Returns the position of the first argument that nothing fits.
pub(crate) fn check(patterns: &[ArgumentPattern], arguments: &[Actual]) -> Result<(), usize> {
    // Which positions can be reached by whole groups from the start.
    let mut reached = vec![false; arguments.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    let mut furthest = 0;
    for position in 0..arguments.len() {
        if !reached.get(position).copied().unwrap_or(false) {
            continue;
        }
        let rest = arguments.get(position..).unwrap_or_default();
        for pattern in patterns {
            let fitting = pattern.words.iter().zip(rest).take_while(|(word, actual)| fits(word, actual)).count();
            furthest = furthest.max(position + fitting);
            if fitting == pattern.words.len()
                && let Some(end) = reached.get_mut(position + fitting)
            {
                *end = true;
            }
        }
    }
    match reached.last() {
        Some(true) => Ok(()),
        _ => Err(furthest.min(arguments.len().saturating_sub(1))),
    }
}

fn fits(word: &[PatternPiece], actual: &Actual) -> bool {
    let (before, placeholder, after) = match word {
        [PatternPiece::Literal(literal)] => (literal.as_str(), None, ""),
        [placeholder] => ("", Some(placeholder), ""),
        [PatternPiece::Literal(before), placeholder] => (before.as_str(), Some(placeholder), ""),
        [placeholder, PatternPiece::Literal(after)] => ("", Some(placeholder), after.as_str()),
        [PatternPiece::Literal(before), placeholder, PatternPiece::Literal(after)] => {
            (before.as_str(), Some(placeholder), after.as_str())
        }
        _ => return false,
    };
    match (placeholder, actual) {
        (Some(PatternPiece::Given(wanted)), Actual::Given(name)) => wanted == name,
        (Some(PatternPiece::Path(wanted)), Actual::Pieces { before: b, path: Some((zone, view)), after: a }) => {
            // A tool may read more than one path, or an option, out of a word: mkimage splits a list at `:`, QEMU options at `,`.
            wanted == zone && b == before && a == after && view.bytes().all(is_plain)
        }
        (placeholder, Actual::Pieces { before: text, path: None, after: a }) if a.is_empty() => {
            let Some(inner) = text.strip_prefix(before).and_then(|text| text.strip_suffix(after)) else { return false };
            fits_text(placeholder, inner, before.is_empty())
        }
        _ => false,
    }
}

fn fits_text(placeholder: Option<&PatternPiece>, text: &str, starts_word: bool) -> bool {
    match placeholder {
        None => text.is_empty(),
        Some(PatternPiece::Int) => !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit()),
        Some(PatternPiece::Word) => {
            let option = starts_word && text.starts_with('-');
            !text.is_empty() && !option && text.bytes().all(is_word)
        }
        Some(PatternPiece::Text) => !text.chars().any(char::is_control),
        Some(PatternPiece::Literal(_) | PatternPiece::Path(_) | PatternPiece::Given(_)) => false,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._+:@%-".contains(&byte)
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._+@-/".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<ArgumentPattern> {
        texts.iter().map(|text| ArgumentPattern::parse(text).unwrap()).collect()
    }

    fn words(texts: &[&str]) -> Vec<Actual> {
        texts.iter().map(|text| Actual::text((*text).into())).collect()
    }

    fn path(before: &str, view: &str, after: &str) -> Actual {
        Actual::Pieces { before: before.into(), path: Some((Zone::Images, view.into())), after: after.into() }
    }

    #[test]
    fn arguments_are_a_sequence_of_groups() {
        let patterns = patterns(&["-nographic", "-m size={int}M", "-smp {int}", "-append {text}", "{given:extra}"]);
        let fits = |texts: &[&str]| check(&patterns, &words(texts));
        assert_eq!(fits(&["-smp", "2", "-nographic", "-m", "size=512M", "-append", "-snapshot x=y"]), Ok(()));
        assert_eq!(fits(&[]), Ok(()));
        assert_eq!(fits(&["-snapshot"]), Err(0));
        assert_eq!(fits(&["-smp", "2", "-m", "size=512M,x=y"]), Err(3));
        assert_eq!(fits(&["-smp"]), Err(0));
        assert_eq!(fits(&["-append", "a\nb"]), Err(1));
        assert_eq!(check(&patterns, &[Actual::Given("extra".into())]), Ok(()));
        assert_eq!(check(&patterns, &[Actual::Given("other".into())]), Err(0));
    }

    #[test]
    fn a_path_stays_in_its_zone_and_cannot_widen_a_word() {
        let patterns = patterns(&["-kernel {path:images}", "-drive file={path:images},format=raw"]);
        let kernel = Actual::text("-kernel".into());
        let drive = Actual::text("-drive".into());
        assert_eq!(check(&patterns, &[kernel.clone(), path("", "./images/a+b@c", "")]), Ok(()));
        for list in ["./images/x:/etc/shadow", "./images/x,y", "./images/a b", "./images/x;y", "./images/x=y"] {
            assert_eq!(check(&patterns, &[kernel.clone(), path("", list, "")]), Err(1), "{list}");
        }
        assert_eq!(check(&patterns, &[kernel.clone(), Actual::text("/etc/shadow".into())]), Err(1));
        assert_eq!(check(&patterns, &[drive.clone(), path("file=", "./images/r", ",format=raw")]), Ok(()));
        assert_eq!(check(&patterns, &[drive.clone(), path("file=", "./images/r,readonly=off", ",format=raw")]), Err(1));
        let elsewhere =
            Actual::Pieces { before: String::new(), path: Some((Zone::State, "./x".into())), after: String::new() };
        assert_eq!(check(&patterns, &[kernel, elsewhere]), Err(1));
    }

    #[test]
    fn words_are_no_options() {
        let patterns = patterns(&["{word}", "-L {word}"]);
        assert_eq!(check(&patterns, &words(&["persist"])), Ok(()));
        assert_eq!(check(&patterns, &words(&["--evil"])), Err(0));
        assert_eq!(check(&patterns, &words(&["a,b"])), Err(0));
    }
}
