use std::borrow::Borrow;
use std::fmt;

use serde::Deserialize;
use serde::Serialize;

use crate::Origin;

/// The name of a symbol with its prefix, such as `BR2_x86_64` or `CONFIG_SQUASHFS`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Symbol(String);

impl Symbol {
    /// Takes a name that the fragment parser has checked.
    pub(crate) fn checked(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Makes a symbol for an assignment that skiff itself adds.
    ///
    /// Returns `None` unless the name consists of letters, digits and underscores.
    pub fn new(name: &str) -> Option<Self> {
        let valid = !name.is_empty() && name.bytes().all(is_name_byte);
        valid.then(|| Self(name.to_owned()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

pub(crate) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl Borrow<str> for Symbol {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a symbol was set to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// `# X is not set`.
    NotSet,
    /// Everything after the `=`, verbatim: quotes, blanks and all.
    Text(String),
}

impl Value {
    /// Returns the value as one text: `n` for a symbol that is not set.
    pub fn text(&self) -> &str {
        match self {
            Self::NotSet => "n",
            Self::Text(text) => text,
        }
    }

    /// Returns whether a tristate or boolean symbol is built in.
    pub fn is_yes(&self) -> bool {
        self.text().trim_end() == "y"
    }

    /// Returns the contents of a quoted string as Kconfig reads it, or `None` when the value is no string: backslashes
    /// are resolved, and whatever follows the closing quote is ignored.
    pub fn string(&self) -> Option<String> {
        let inner = self.text().strip_prefix('"')?;
        let mut out = String::with_capacity(inner.len());
        let mut chars = inner.chars();
        loop {
            match chars.next()? {
                '"' => return Some(out),
                '\\' => out.push(chars.next()?),
                other => out.push(other),
            }
        }
    }
}

/// One assignment of one symbol, with the place where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The symbol.
    pub symbol: Symbol,
    /// Its value.
    pub value: Value,
    /// Where it was written.
    pub origin: Origin,
}

impl fmt::Display for Assignment {
    /// Writes the line as Kconfig wants to read it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::NotSet => write!(f, "# {} is not set", self.symbol),
            Value::Text(text) => write!(f, "{}={text}", self.symbol),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn strings_are_unquoted_and_unescaped() {
        assert_eq!(Value::Text(r#""a \"b\" \\c""#.into()).string().as_deref(), Some(r#"a "b" \c"#));
        assert_eq!(Value::Text(r#""a" # mine"#.into()).string().as_deref(), Some("a"));
        assert_eq!(Value::Text(r#""a\""#.into()).string(), None);
        assert_eq!(Value::Text("y".into()).string(), None);
        assert_eq!(Value::NotSet.string(), None);
    }
}
