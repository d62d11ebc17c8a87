use std::collections::HashMap;

use super::syntax::Otherwise;
use super::syntax::Piece;
use super::syntax::Word;

/// A word of a command after expansion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field {
    /// The text is known.
    Known(String),
    /// The text depends on the machine; this is what the script writes.
    Unknown(String),
}

impl Field {
    /// Returns the text if it is known.
    pub(crate) fn known(&self) -> Option<&str> {
        match self {
            Self::Known(text) => Some(text),
            Self::Unknown(_) => None,
        }
    }

    /// Returns the text, known or not, for messages.
    pub(crate) fn shown(&self) -> &str {
        match self {
            Self::Known(text) | Self::Unknown(text) => text,
        }
    }
}

/// Bytes that one expanded word may have.
const MAX_FIELD: usize = 64 << 10;

/// Fields that one command may have; further ones are left out.
const MAX_FIELDS: usize = 4096;

/// The variables of a script and the arguments of the script or function.
#[derive(Debug, Clone)]
pub(super) struct Variables {
    values: HashMap<String, Field>,
    /// `$1` and so on.
    pub(super) arguments: Vec<Field>,
}

impl Variables {
    /// Variables of a postinst at the first installation into this root: `postinst configure ''`.
    pub(super) fn of_installation() -> Self {
        let empty = Field::Known(String::new());
        Self {
            values: HashMap::from([("DPKG_ROOT".to_owned(), empty.clone())]),
            arguments: vec![Field::Known("configure".into()), empty],
        }
    }

    pub(super) fn set(&mut self, name: &str, value: Field) {
        if name != "DPKG_ROOT" {
            self.values.insert(name.to_owned(), value);
        }
    }

    /// Returns the value, or nothing if it is not known.
    fn get(&self, name: &str) -> Option<&str> {
        if let Ok(number) = name.parse::<usize>() {
            let argument = number.checked_sub(1).map(|index| self.arguments.get(index));
            return match argument? {
                Some(field) => field.known(),
                None => Some(""),
            };
        }
        self.values.get(name).and_then(Field::known)
    }

    /// Expands a word to fields as a shell does, without patterns of file names.
    pub(super) fn expand(&self, word: &Word) -> Vec<Field> {
        let mut fields = Fields::default();
        for piece in &word.0 {
            match piece {
                Piece::Text { text, .. } => fields.append(text, true),
                Piece::Opaque(text) => fields.append(text, false),
                Piece::Variable { name, otherwise: None, quoted } if name == "@" || name == "*" => {
                    for (index, argument) in self.arguments.iter().enumerate() {
                        if index > 0 {
                            fields.end();
                        }
                        if *quoted || !argument.shown().is_empty() {
                            fields.append(argument.shown(), argument.known().is_some());
                        }
                    }
                }
                Piece::Variable { name, otherwise, quoted } => match self.value(name, otherwise.as_ref()) {
                    None => fields.append(&format!("${name}"), false),
                    Some(value) if *quoted => fields.append(value, true),
                    Some(value) => fields.append_split(value),
                },
            }
        }
        fields.end();
        fields.done
    }

    /// Expands a word to one text, as an assignment does.
    pub(super) fn expand_to_one(&self, word: &Word) -> Field {
        let pieces = word.0.iter().map(|piece| match piece.clone() {
            Piece::Variable { name, otherwise, .. } => Piece::Variable { name, otherwise, quoted: true },
            piece => piece,
        });
        match self.expand(&Word(pieces.collect())).as_slice() {
            [] => Field::Known(String::new()),
            [one] => one.clone(),
            // Several arguments.
            _ => Field::Unknown("$@".into()),
        }
    }

    fn value<'v>(&'v self, name: &str, otherwise: Option<&'v Otherwise>) -> Option<&'v str> {
        let value = self.get(name)?;
        let (is_replaced, text) = match otherwise {
            None => return Some(value),
            Some(Otherwise::IfEmpty(text)) => (value.is_empty(), text),
            Some(Otherwise::IfSet(text)) if value.is_empty() => return text.get(..0),
            Some(Otherwise::IfSet(text)) => (true, text),
            Some(Otherwise::Other) => return None,
        };
        match is_replaced {
            false => Some(value),
            true => (!text.contains(['$', '`', '"', '\'', '\\'])).then_some(text),
        }
    }
}

#[derive(Default)]
struct Fields {
    done: Vec<Field>,
    current: Option<(String, bool)>,
}

impl Fields {
    fn append(&mut self, text: &str, is_known: bool) {
        let (current, all_known) = self.current.get_or_insert_with(|| (String::new(), true));
        *all_known &= is_known;
        if current.len() + text.len() > MAX_FIELD {
            *all_known = false;
            return;
        }
        current.push_str(text);
    }

    fn append_split(&mut self, text: &str) {
        if text.starts_with(char::is_whitespace) {
            self.end();
        }
        for (index, part) in text.split_whitespace().enumerate() {
            if index > 0 {
                self.end();
            }
            self.append(part, true);
        }
        if text.ends_with(char::is_whitespace) {
            self.end();
        }
    }

    fn end(&mut self) {
        if self.done.len() >= MAX_FIELDS {
            self.current = None;
        }
        self.done.extend(self.current.take().map(|(text, is_known)| match is_known {
            true => Field::Known(text),
            false => Field::Unknown(text),
        }));
    }
}
