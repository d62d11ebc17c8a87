//! Changes of texts, as layouts have them.

use regex::Regex;
use regex::RegexBuilder;
use regex_automata::nfa::thompson::NFA;
use skiff_layout::Content;
use skiff_layout::Edit;

use crate::ContentError;
use crate::content::MAX_TEXT;
use crate::reading::Reading;

/// Bytes of what takes the place of something, which may be there many times.
pub(crate) const MAX_REPLACEMENT: usize = 1024;

/// Bytes of an expression: what a parser makes of each is up to thousands of bytes, before any limit of a program applies.
const MAX_FIND: usize = 1024;

/// Bytes that a compiled expression may have, which it takes for each of the edits of a content at once.
const MAX_PROGRAM: usize = 128 << 10;

/// Bytes that it may have of states that a search has come by.
const MAX_STATES: usize = 256 << 10;

/// What stands for something of the medium in a text.
#[derive(Clone, Copy)]
pub(crate) struct Names<'n> {
    /// The identities of partitions, by their labels.
    pub(crate) partuuid: &'n dyn Fn(&str) -> Option<String>,
    /// Which install of the medium this is; 0 for one that is made anew.
    pub(crate) generation: u64,
}

impl Names<'_> {
    /// What stands for the inside of `{…}`; none for what is no name.
    fn get(&self, name: &str) -> Option<Option<String>> {
        match name.split_once(':') {
            Some(("partuuid", label)) => Some((self.partuuid)(label)),
            None if name == "generation" => Some(Some(self.generation.to_string())),
            _ => None,
        }
    }
}

/// The edits of a content, ready to be made in any number of texts.
#[derive(Default)]
pub(crate) struct Edits {
    replacements: Vec<Replacement>,
}

struct Replacement {
    find: Regex,
    text: String,
    /// The references to groups (`$1`) in the text.
    references: usize,
    /// The states of the expression, times its groups where they are asked for: what a byte of a text costs at most.
    states: u64,
}

/// Why an edit was not made.
enum Excess {
    /// The text would become longer than any text is.
    Length,
    /// The searches would take too long.
    Work,
    /// The user wants to stop.
    Cancelled,
}

impl Edits {
    /// Adds an edit.
    pub(crate) fn add(&mut self, edit: &Edit, names: &Names<'_>) -> Result<(), ContentError> {
        let Edit { find, replace, .. } = edit;
        let wrong = |problem: String| ContentError::Edit { find: shortened(find), problem };
        if find.len() > MAX_FIND {
            return Err(wrong(format!("expected at most {MAX_FIND} bytes, found {}", find.len())));
        }
        let builder = &mut RegexBuilder::new(find);
        let expression = builder.size_limit(MAX_PROGRAM).dfa_size_limit(MAX_STATES).build();
        let expression = expression.map_err(|error| wrong(error.to_string()))?;
        let text = expand(replace, names)?;
        if text.len() > MAX_REPLACEMENT {
            return Err(ContentError::Replacement(shortened(find)));
        }
        let references = text.matches('$').count();
        let states = states(find).map_err(wrong)?;
        let groups = if references == 0 { 1 } else { expression.captures_len() as u64 };
        self.replacements.push(Replacement { find: expression, text, references, states: states * groups });
        Ok(())
    }

    /// Makes the edits in a text, which `shown` names.
    pub(crate) fn apply(
        &self,
        mut text: String,
        content: &Content,
        shown: &str,
        reading: &mut Reading,
    ) -> Result<String, ContentError> {
        for replacement in &self.replacements {
            text = replacement.apply(&text, reading).map_err(|excess| match excess {
                Excess::Length => ContentError::NotText(shown.to_owned()),
                Excess::Work => ContentError::Edits(content.source.clone()),
                Excess::Cancelled => ContentError::Cancelled,
            })?;
        }
        // Nobody can boot what still has a place for something.
        if !content.edits.is_empty()
            && let Some(word) = left_over(&text)
        {
            return Err(ContentError::Left { word: word.to_owned(), path: shown.to_owned() });
        }
        Ok(text)
    }
}

/// Returns the start of an expression, for a message.
fn shortened(find: &str) -> String {
    const SHOWN: usize = 60;
    match find.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", find.get(..end).unwrap_or_default()),
        None => find.to_owned(),
    }
}

/// Finds a place such as `@ROOT@`.
fn left_over(text: &str) -> Option<&str> {
    let mut parts = text.split_inclusive('@');
    parts.next()?;
    parts.find_map(|part| {
        let word = part.strip_suffix('@')?;
        let is_place = !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase());
        // The part lies in the text, and so does the `@` before it.
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        is_place.then(|| text.get(start - 1..start + part.len()))?
    })
}

impl Replacement {
    /// Replaces what is found. Each search may read the text to its end, so each is counted as if it did.
    fn apply(&self, text: &str, reading: &mut Reading) -> Result<String, Excess> {
        let mut result = String::new();
        // Where the next search begins, and up to where the text was taken over.
        let (mut at, mut end) = (0, 0);
        let mut last = None;
        while at <= text.len() {
            if reading.is_stopped() {
                return Err(Excess::Cancelled);
            }
            reading.search(text.len() - at, self.states).ok_or(Excess::Work)?;
            // To find the groups, too, takes longer.
            let (whole, groups) = match self.references {
                0 => (self.find.find_at(text, at), None),
                _ => {
                    let groups = self.find.captures_at(text, at);
                    (groups.as_ref().map(regex::Captures::get_match), groups)
                }
            };
            let Some(whole) = whole else { break };
            if whole.is_empty() && last == Some(whole.end()) {
                // Nothing, directly behind what was found before, is not found again.
                let next = text.get(whole.end()..).and_then(|rest| rest.chars().next());
                at = whole.end() + next.map_or(1, char::len_utf8);
                continue;
            }
            result += text.get(end..whole.start()).unwrap_or_default();
            // No group is longer than what was found.
            let most = self.text.len() + self.references * whole.len();
            if (result.len() + most) as u64 > MAX_TEXT {
                return Err(Excess::Length);
            }
            match groups {
                None => result += &self.text,
                Some(groups) => groups.expand(&self.text, &mut result),
            }
            (at, end, last) = (whole.end(), whole.end(), Some(whole.end()));
        }
        result += text.get(end..).unwrap_or_default();
        if result.len() as u64 > MAX_TEXT { Err(Excess::Length) } else { Ok(result) }
    }
}

/// Counts the states of an expression that searches walk through.
fn states(find: &str) -> Result<u64, String> {
    let config = NFA::config().nfa_size_limit(Some(MAX_PROGRAM));
    let program = NFA::compiler().configure(config).build(find).map_err(|error| error.to_string())?;
    Ok(program.states().len() as u64)
}

/// Puts identities into the place of `{partuuid:LABEL}`, and the like.
fn expand(text: &str, names: &Names<'_>) -> Result<String, ContentError> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        result += before;
        match after.split_once('}').and_then(|(name, after)| Some((names.get(name)?, after))) {
            Some((Some(value), after)) => {
                result += &value;
                rest = after;
            }
            Some((None, _)) => return Err(ContentError::Placeholder(text.to_owned())),
            None => {
                result.push('{');
                rest = after;
            }
        }
    }
    result += rest;
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stop;

    const NAMES: Names<'_> = Names { partuuid: &|_| None, generation: 0 };

    fn edit(find: &str, replace: &str, text: String) -> Result<String, ContentError> {
        let mut edits = Edits::default();
        edits.add(&Edit { find: find.into(), replace: replace.into(), when: None }, &NAMES)?;
        edits.apply(text, &Content::new("images/f", "/"), "f", &mut Reading::new(Stop::default()))
    }

    #[test]
    fn texts_are_replaced_as_the_expression_says() {
        assert_eq!(edit("(a)(b)?", "<$1>", "xabyaz".into()).unwrap(), "x<a>y<a>z");
        assert_eq!(edit("q", "$0$0", "ab".into()).unwrap(), "ab");
        for (find, replace, text) in
            [("", "-", "ab"), ("b*", "-", "abbc"), ("é?", "-", "aéb"), ("(?m)^", "> ", "a\nb\n"), ("a|$", "x", "ba")]
        {
            let wanted = Regex::new(find).unwrap().replace_all(text, replace).into_owned();
            assert_eq!(edit(find, replace, text.into()).unwrap(), wanted, "{find} in {text}");
        }
    }

    #[test]
    fn places_that_no_edit_has_filled_are_found() {
        for (text, wanted) in [
            ("a @ROOT@ b", Some("@ROOT@")),
            ("me@host @ b@", None),
            ("@@", None),
            ("x@A@", Some("@A@")),
            ("@a@B@", Some("@B@")),
        ] {
            assert_eq!(left_over(text), wanted, "{text}");
        }
    }

    #[test]
    fn no_edit_makes_more_of_a_text_than_a_text_may_be() {
        let text = "y".repeat(1 << 20);
        assert!(matches!(edit("", &"x".repeat(1024), "y".repeat(1 << 15)), Err(ContentError::NotText(_))));
        assert!(matches!(edit("(?s).*", &"$0".repeat(510), text), Err(ContentError::NotText(_))));
    }

    #[test]
    fn searches_that_read_the_text_again_and_again_come_to_an_end() {
        let slow = edit("(?s).*[^A-Z]|[A-Z]", "b", "A".repeat(1 << 20));
        assert!(matches!(slow, Err(ContentError::Edits(_))));
    }

    #[test]
    fn a_search_costs_the_bytes_of_a_text_times_the_states_of_its_expression() {
        let text = || "a".repeat(1 << 20);
        for find in ["(?-u)([ab]*a[ab]{400})", "(?-u)[ab]*a[ab]{400}"] {
            assert!(matches!(edit(find, "$1", text()), Err(ContentError::Edits(_))), "{find}");
        }
        assert!(matches!(edit("(?-u)([ab]*a[ab]{20000})", "$1", "a".into()), Err(ContentError::Edit { .. })));
        // Groups cost, too, where they are asked for.
        let groups = format!("(?-u){}", "([ab]?)".repeat(60));
        assert!(matches!(edit(&groups, "$1", "a".repeat(1 << 14)), Err(ContentError::Edits(_))));
        // What layouts need is found in any text.
        let text = format!("{}console=ttyS0,115200 quiet\n", "x=y\n".repeat(1 << 17));
        assert!(edit(r"console=(tty(AMA|S)|serial)\S* ?", "", text.clone()).unwrap().ends_with("\nquiet\n"));
        assert!(edit(r"(?m)^(\w+)=(\w+)$", "$2=$1", "x=y\n".repeat(60)).unwrap().contains("y=x"));
    }

    #[test]
    fn a_search_is_not_begun_when_the_user_wants_to_stop() {
        let mut edits = Edits::default();
        edits.add(&Edit { find: "x".into(), replace: "y".into(), when: None }, &NAMES).unwrap();
        let mut reading = Reading::new(Stop::when(|| true));
        let made = edits.apply("x".into(), &Content::new("images/f", "/"), "f", &mut reading);
        assert!(matches!(made, Err(ContentError::Cancelled)));
    }

    #[test]
    fn an_expression_is_refused_by_its_length_before_it_is_read() {
        let mut edits = Edits::default();
        let mut add = |find: String| edits.add(&Edit { find, replace: "y".into(), when: None }, &NAMES);
        add("a".repeat(MAX_FIND)).unwrap();
        let wrong = add("\\W".repeat(MAX_FIND)).unwrap_err().to_string();
        assert!(wrong.contains("at most 1024 bytes") && wrong.len() < 300, "{wrong}");
    }
}
