use std::borrow::Borrow;
use std::fmt;

use serde::Deserialize;
use serde::Serialize;

use crate::Origin;
use crate::SymbolType;

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

    /// Returns what Kconfig reads for a symbol of a type, or `None` when it ignores the assignment: `y`, `m` or `n`, the
    /// contents of a string, or the digits of a number as they stand.
    ///
    /// Kconfig compares by type (`conf_set_sym_val` in `confdata.c`): the first letter of a truth value, a string up to its
    /// closing quote, all of a number.
    pub fn read(&self, kind: SymbolType) -> Option<String> {
        let first = self.text().chars().next();
        match (kind, self) {
            (SymbolType::Bool, _) => first.filter(|c| matches!(c, 'y' | 'n')).map(String::from),
            (SymbolType::Tristate, _) => first.filter(|c| matches!(c, 'y' | 'm' | 'n')).map(String::from),
            (_, Self::NotSet) => None,
            (SymbolType::String, Self::Text(_)) => self.string(),
            (SymbolType::Int, Self::Text(text)) => is_int(text).then(|| text.clone()),
            (SymbolType::Hex, Self::Text(text)) => is_hex(text).then(|| text.clone()),
        }
    }

    /// Returns the value as Kconfig writes it into a finished configuration, as far as it shows its type: `y`, `m`, `n` or a
    /// string in quotes, without what follows them. Anything else is as it was written.
    pub fn written(&self) -> String {
        if let Some(letter) = self.read(SymbolType::Tristate) {
            return letter;
        }
        match self.string() {
            Some(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            None => self.text().to_owned(),
        }
    }

    /// Returns whether a tristate or boolean symbol is built in.
    pub fn is_yes(&self) -> bool {
        self.text().starts_with('y')
    }

    /// Returns whether the value asks for nothing: `n`, an empty string or nothing at all.
    pub fn is_off(&self) -> bool {
        self.text().trim_end().is_empty()
            || self.read(SymbolType::Bool).is_some_and(|value| value == "n")
            || self.string().is_some_and(|text| text.is_empty())
    }

    /// Returns the contents of a quoted string as Kconfig reads it, or `None` when the value is not a string: backslashes
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

/// Whether Kconfig takes a text for a whole number: no leading zeros, nothing before or behind it.
fn is_int(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'))
}

/// Whether Kconfig takes a text for a hexadecimal number, `0x` or not.
fn is_hex(text: &str) -> bool {
    let digits = text.strip_prefix("0x").or(text.strip_prefix("0X")).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit())
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
    use crate::SymbolType;

    #[test]
    fn strings_are_unquoted_and_unescaped() {
        assert_eq!(Value::Text(r#""a \"b\" \\c""#.into()).string().as_deref(), Some(r#"a "b" \c"#));
        assert_eq!(Value::Text(r#""a" # mine"#.into()).string().as_deref(), Some("a"));
        assert_eq!(Value::Text(r#""a\""#.into()).string(), None);
        assert_eq!(Value::Text("y".into()).string(), None);
        assert_eq!(Value::NotSet.string(), None);
    }

    #[test]
    fn values_are_read_by_type() {
        use SymbolType::{Bool, String};
        let read = |text: &str| SymbolType::ALL.map(|kind| Value::Text(text.into()).read(kind));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("y # faster"), [some("y"), some("y"), None, None, None]);
        assert_eq!(read("nope"), [some("n"), some("n"), None, None, None]);
        assert_eq!(read("m  "), [None, some("m"), None, None, None]);
        assert_eq!(read("\"a\" b"), [None, None, some("a"), None, None]);
        assert_eq!(read("12"), [None, None, None, some("12"), some("12")]);
        assert_eq!(read("-3"), [None, None, None, some("-3"), None]);
        assert_eq!(read("05"), [None, None, None, None, some("05")]);
        assert_eq!(read("0x1F"), [None, None, None, None, some("0x1F")]);
        for nothing in ["", " y", "12 ", "5 # five", "Y", "\"unterminated", "abc g", "0x", "-"] {
            assert_eq!(read(nothing), [None, None, None, None, None], "{nothing}");
        }
        assert_eq!(Value::NotSet.read(Bool), some("n"));
        assert_eq!(Value::NotSet.read(String), None);
    }

    #[test]
    fn values_are_written_without_what_follows_them() {
        let written = |text: &str| Value::Text(text.into()).written();
        assert_eq!(written("y # faster"), "y");
        assert_eq!(written("\"a \\\"b\\\" \\\\ c\" # d"), "\"a \\\"b\\\" \\\\ c\"");
        assert_eq!((written("0x1F"), written("5 "), written("")), ("0x1F".into(), "5 ".into(), String::new()));
        assert_eq!(Value::NotSet.written(), "n");
    }

    #[test]
    fn what_is_off_asks_for_nothing() {
        for off in ["n", "no", "n # why", "", " ", "\"\"", "\"\" # none"] {
            assert!(Value::Text(off.into()).is_off(), "{off}");
        }
        assert!(Value::NotSet.is_off());
        for on in ["y", "m", "\"n\"", "0", "abc"] {
            assert!(!Value::Text(on.into()).is_off(), "{on}");
        }
    }
}
