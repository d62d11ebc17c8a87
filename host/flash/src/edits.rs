//! Changes of texts, as layouts have them.

use regex::Regex;
use skiff_layout::Content;
use skiff_layout::Edit;

use crate::ContentError;
use crate::content::MAX_TEXT;

/// Bytes of what takes the place of something, which may be there many times.
pub(crate) const MAX_REPLACEMENT: usize = 1024;

/// Bytes that the edits of one content may read.
const MAX_WORK: u64 = 256 << 20;

/// What stands for something of the medium in a text.
#[derive(Clone, Copy)]
pub struct Names<'n> {
    /// The identities of partitions, by their labels.
    pub partuuid: &'n dyn Fn(&str) -> Option<String>,
    /// Which install of the medium this is; 0 for one that is made anew.
    pub generation: u64,
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
    work: u64,
}

struct Replacement {
    find: Regex,
    text: String,
    /// The references to groups (`$1`) in the text.
    references: usize,
}

impl Edits {
    /// Adds an edit.
    pub(crate) fn add(&mut self, edit: &Edit, names: &Names<'_>) -> Result<(), ContentError> {
        let Edit { find, replace, .. } = edit;
        let wrong = |error: regex::Error| ContentError::Edit { find: find.clone(), problem: error.to_string() };
        let expression = Regex::new(find).map_err(wrong)?;
        let text = expand(replace, names)?;
        if text.len() > MAX_REPLACEMENT {
            return Err(ContentError::Replacement(find.clone()));
        }
        let references = text.matches('$').count();
        self.replacements.push(Replacement { find: expression, text, references });
        Ok(())
    }

    /// Makes the edits in a text, which `shown` names.
    pub(crate) fn apply(&mut self, mut text: String, content: &Content, shown: &str) -> Result<String, ContentError> {
        for replacement in &self.replacements {
            self.work += text.len() as u64;
            if self.work > MAX_WORK {
                return Err(ContentError::Edits(content.source.clone()));
            }
            text = replacement.apply(&text).ok_or_else(|| ContentError::NotText(shown.to_owned()))?;
        }
        // Nobody can boot what still has a place for something.
        if !content.edits.is_empty()
            && let Some(left) = Regex::new("@[A-Z]+@").ok().and_then(|left| left.find(&text))
        {
            return Err(ContentError::Left { word: left.as_str().to_owned(), path: shown.to_owned() });
        }
        Ok(text)
    }
}

impl Replacement {
    /// Replaces what is found. `None` when the text becomes longer than any text is: that can be so after a few matches only.
    fn apply(&self, text: &str) -> Option<String> {
        let mut result = String::new();
        let mut end = 0;
        for found in self.find.captures_iter(text) {
            let whole = found.get_match();
            result += text.get(end..whole.start())?;
            end = whole.end();
            // No group is longer than what was found.
            let most = self.text.len() + self.references * whole.len();
            if (result.len() + most) as u64 > MAX_TEXT {
                return None;
            }
            match self.references {
                0 => result += &self.text,
                _ => found.expand(&self.text, &mut result),
            }
        }
        result += text.get(end..)?;
        (result.len() as u64 <= MAX_TEXT).then_some(result)
    }
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

    const NAMES: Names<'_> = Names { partuuid: &|_| None, generation: 0 };

    fn edit(find: &str, replace: &str, text: String) -> Result<String, ContentError> {
        let mut edits = Edits::default();
        edits.add(&Edit { find: find.into(), replace: replace.into(), when: None }, &NAMES)?;
        edits.apply(text, &Content::new("images/f", "/"), "f")
    }

    #[test]
    fn texts_are_replaced_as_the_expression_says() {
        assert_eq!(edit("(a)(b)?", "<$1>", "xabyaz".into()).unwrap(), "x<a>y<a>z");
        assert_eq!(edit("", "-", "ab".into()).unwrap(), "-a-b-");
        assert_eq!(edit("q", "$0$0", "ab".into()).unwrap(), "ab");
    }

    #[test]
    fn no_edit_makes_more_of_a_text_than_a_text_may_be() {
        let text = "y".repeat(1 << 20);
        assert!(matches!(edit("", &"x".repeat(1024), text.clone()), Err(ContentError::NotText(_))));
        assert!(matches!(edit("(?s).*", &"$0".repeat(510), text.clone()), Err(ContentError::NotText(_))));
        let mut edits = Edits::default();
        (0..256)
            .for_each(|_| edits.add(&Edit { find: "z".into(), replace: String::new(), when: None }, &NAMES).unwrap());
        edits.apply(text.clone(), &Content::new("images/f", "/"), "f").unwrap();
        assert!(matches!(edits.apply(text, &Content::new("images/f", "/"), "f"), Err(ContentError::Edits(_))));
    }
}
