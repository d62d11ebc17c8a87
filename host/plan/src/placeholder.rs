//! The words that stand for paths and versions inside fragments, as in SkiffOS.

use std::borrow::Cow;
use std::path::Path;

/// Stands for the directory of the layer that wrote it.
const LAYER_ROOT: &str = "SKIFF_CONFIG_ROOT";

/// What skiff says of itself in the configuration.
#[derive(Clone, Debug)]
pub struct Version {
    /// The version, such as `0.1.0`.
    pub version: String,
    /// The commit of the checkout, or `unknown`.
    pub commit: String,
}

pub(crate) fn with_layer_root<'t>(text: &'t str, root: &Path) -> Cow<'t, str> {
    match text.contains(LAYER_ROOT) {
        true => Cow::Owned(text.replace(LAYER_ROOT, &root.to_string_lossy())),
        false => Cow::Borrowed(text),
    }
}

/// The words that are known only when everything is merged.
pub(crate) struct Placeholders {
    /// Longer words first: one name is the beginning of another.
    words: Vec<(&'static str, String)>,
}

impl Placeholders {
    pub(crate) fn new(words: Vec<(&'static str, String)>) -> Self {
        let mut words = words;
        words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        Self { words }
    }

    /// Returns the text with all words replaced, or `None` when it has none.
    pub(crate) fn replace(&self, text: &str) -> Option<String> {
        if !text.contains("REPLACEME_") {
            return None;
        }
        let replaced = self.words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(word, value));
        Some(replaced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_word_is_replaced_first() {
        let words =
            vec![("REPLACEME_SKIFF_VERSION", "1".to_owned()), ("REPLACEME_SKIFF_VERSION_COMMIT", "abc".to_owned())];
        let placeholders = Placeholders::new(words);
        let text = "\"REPLACEME_SKIFF_VERSION_COMMIT REPLACEME_SKIFF_VERSION\"";
        assert_eq!(placeholders.replace(text).as_deref(), Some("\"abc 1\""));
        assert_eq!(placeholders.replace("y"), None);
    }
}
