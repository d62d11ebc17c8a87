use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde::Serialize;

/// The arguments that the user gave for a command, typed as the manifest declares them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    values: BTreeMap<String, GivenValue>,
    /// Arguments whose value is the manifest's default, and so not the user's.
    defaults: BTreeSet<String>,
}

/// The value of one argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
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
        self.values.insert(name.to_owned(), value);
    }

    /// Adds an argument that has the default of the manifest.
    pub fn insert_default(&mut self, name: &str, value: GivenValue) {
        self.insert(name, value);
        self.defaults.insert(name.to_owned());
    }

    /// Returns the arguments that are the user's own, in name order.
    pub fn own(&self) -> impl Iterator<Item = (&str, &GivenValue)> {
        self.iter().filter(|(name, _)| !self.defaults.contains(*name))
    }

    /// Returns all arguments in name order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &GivenValue)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Returns an argument as the words that a tool gets: those that the user gave, and no default, since a
    /// manifest could put anything there.
    pub(crate) fn words(&self, name: &str) -> Vec<String> {
        if self.defaults.contains(name) {
            return Vec::new();
        }
        match self.values.get(name) {
            None | Some(GivenValue::Flag(_)) => Vec::new(),
            Some(GivenValue::Number(number)) => vec![number.to_string()],
            Some(GivenValue::Text(text)) => vec![text.clone()],
            Some(GivenValue::Many(words)) => words.clone(),
        }
    }
}
