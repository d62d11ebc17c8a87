//! YAML from people whom nobody knows.

use std::cell::Cell;
use std::fmt;
use std::path::Path;

use serde::Deserializer;
use serde::de::DeserializeOwned;
use serde::de::DeserializeSeed;
use serde::de::EnumAccess;
use serde::de::Error;
use serde::de::IgnoredAny;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::VariantAccess as _;
use serde::de::Visitor;

use crate::Location;
use crate::ReadError;

/// Bytes that a document which people write may have.
const MAX_TEXT: usize = 256 << 10;

/// Bytes that a document may come to when its aliases are put in: a few lines can ask for more than there is memory.
const MAX_WEIGHT: usize = 16 << 20;

/// Bytes that a value takes beside its text.
const VALUE: usize = 32;

/// Parses YAML of a documented shape.
///
/// # Errors
/// [`ReadError::Yaml`] with the line, when it has another shape or is too large.
pub fn parse_yaml<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, ReadError> {
    if text.len() > MAX_TEXT {
        let message = format!("it has {} bytes; skiff reads at most {} KiB", text.len(), MAX_TEXT >> 10);
        return Err(ReadError::Yaml { at: Location::whole(path), message });
    }
    bounded_yaml(text).map_err(|error| {
        let line = error.location().map(|location| location.line());
        let message = error.to_string();
        // The position stands in front already.
        let mut message = message.split(" at line ").next().unwrap_or_default().to_owned();
        if let Some(advice) = line.and_then(|line| unquoted(text, line)) {
            message = format!("{message}: {advice}");
        }
        ReadError::Yaml { at: Location { file: path.to_owned(), line }, message }
    })
}

/// Says which text near a line needs quotes: in a list in brackets, YAML ends a bare text before `{`, and expects a comma.
fn unquoted(text: &str, line: usize) -> Option<String> {
    let written = text.lines().nth(line.checked_sub(1)?)?;
    let (_, list) = written.split_once('[')?;
    let entry = list.split(',').map(|entry| entry.trim().trim_end_matches(']').trim()).find(|entry| {
        let is_bare = !entry.starts_with(['"', '\'', '{', '[', '#']);
        is_bare && entry.contains('{') && entry.contains('}')
    })?;
    Some(format!("a text with `{{` in a list in brackets needs quotes: \"{entry}\""))
}

/// Parses YAML that comes to at most 16 MiB when its aliases are put in.
///
/// # Errors
/// When it has another shape, or comes to more.
pub fn bounded_yaml<T: DeserializeOwned>(text: &str) -> Result<T, serde_yaml::Error> {
    // Without an alias nothing is larger than it is written.
    if text.contains('*') {
        Weight(&Cell::new(0)).deserialize(serde_yaml::Deserializer::from_str(text))?;
    }
    serde_yaml::from_str(text)
}

/// Adds up what a document comes to, and keeps nothing of it.
struct Weight<'w>(&'w Cell<usize>);

impl Weight<'_> {
    fn add<E: Error>(&self, bytes: usize) -> Result<(), E> {
        self.0.set(self.0.get().saturating_add(bytes + VALUE));
        match self.0.get() > MAX_WEIGHT {
            true => Err(E::custom(format!("with its aliases it has more than {} MiB", MAX_WEIGHT >> 20))),
            false => Ok(()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Weight<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Weight<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.add(0)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.add(0)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.add(0)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.add(0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.add(text.len())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.add(0)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.add(0)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.add(0)?;
        while entries.next_element_seed(Weight(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.add(0)?;
        while entries.next_key_seed(Weight(self.0))?.is_some() {
            entries.next_value_seed(Weight(self.0))?;
        }
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<(), A::Error> {
        let (_, value): (IgnoredAny, _) = tagged.variant()?;
        value.newtype_variant_seed(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_read_as_long_as_they_come_to_little() {
        let few: Vec<String> = bounded_yaml("[&a one, *a, *a]").unwrap();
        assert_eq!(few, ["one", "one", "one"]);
        let long = format!("a: &a {}\nb: &b [{}]\nc: [*b, *b, *b]", "x".repeat(10_000), "*a, ".repeat(1000));
        let error = bounded_yaml::<serde_json::Value>(&long).unwrap_err().to_string();
        assert!(error.contains("with its aliases it has more than 16 MiB"), "{error}");
        let tagged: Result<serde_json::Value, _> = bounded_yaml("a: !x [*b]\nb: &b 1");
        assert!(tagged.is_err(), "an alias before its anchor");
    }
}
