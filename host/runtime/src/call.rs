use std::collections::BTreeMap;

/// The arguments that the user gave for a command, typed as the manifest declares them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given(BTreeMap<String, GivenValue>);

/// The value of one argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenValue {
    /// A flag that is set or not.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// Text or a choice.
    Text(String),
    /// Words.
    Many(Vec<String>),
}

impl Given {
    /// Adds an argument.
    pub fn insert(&mut self, name: &str, value: GivenValue) {
        self.0.insert(name.to_owned(), value);
    }

    /// Returns all arguments in name order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &GivenValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Returns an argument as the words that a tool gets.
    pub(crate) fn words(&self, name: &str) -> Vec<String> {
        match self.0.get(name) {
            None | Some(GivenValue::Flag(_)) => Vec::new(),
            Some(GivenValue::Number(number)) => vec![number.to_string()],
            Some(GivenValue::Text(text)) => vec![text.clone()],
            Some(GivenValue::Many(words)) => words.clone(),
        }
    }
}
