//! Running a program of the host: `tool:mkimage`.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::de::Error;
use serde::de::IgnoredAny;
use serde::de::MapAccess;
use serde::de::Unexpected;
use serde::de::Visitor;
use skiff_digest::Digest;
use skiff_digest::DigestBuilder;
use skiff_text::Line;

use super::Capability;
use super::Declared;
use super::Form;
use super::Kind;
use super::MAX_PATTERN;
use super::RawCapability;
use super::Reach;
use super::Why;
use super::Zone;
use crate::name::is_name_part;

const WORD: &str = "tool";

pub(super) const KIND: Kind = Kind { words: &[WORD], is_name, covers: |_, _| false, form: Some(FORM) };

const FORM: Form = Form {
    given: |raw| usize::from(raw.tool.is_some()),
    stray: |raw| {
        let has_parts = !raw.arguments.is_empty() || raw.terminal || raw.timeout_s.is_some();
        has_parts.then_some("`arguments`, `terminal` and `timeout_s` belong to a `tool`")
    },
    declare,
};

/// Patterns of one tool.
const MAX_PATTERNS: usize = 64;

/// Seconds a tool without a terminal may run unless its manifest says otherwise.
const DEFAULT_TIMEOUT_S: u32 = 60;

/// A program of the host that a plugin may run, and with which arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCapability {
    /// The program's name, looked up on the host's `PATH`. Never a path.
    pub program: String,
    /// The argument groups that may be used, each any number of times and in any order.
    pub arguments: Vec<ArgumentPattern>,
    /// Whether the program may be connected to the user's terminal.
    pub terminal: bool,
    /// Seconds after which a run without terminal is ended.
    pub timeout_s: u32,
    /// The reason that the user is shown.
    pub why: Why,
}

/// A group of arguments that belong together, such as `-kernel {path:images}`.
///
/// Written as one text, split at blanks. In a word stand literal text and at most one placeholder:
///
/// | placeholder | matches |
/// | --- | --- |
/// | `{path:ZONE}` | a file of a granted zone; the host puts the real path |
/// | `{int}` | a decimal number |
/// | `{word}` | letters, digits and `._+:@%-`, not starting with `-` |
/// | `{text}` | one argument of any printable text |
/// | `{given:NAME}` | what the user gave for the command's argument NAME, put in by the host |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentPattern {
    /// The pattern as written.
    pub text: String,
    /// Its words.
    pub words: Vec<Vec<PatternPiece>>,
}

/// A part of a word of an [`ArgumentPattern`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternPiece {
    /// Exactly this text.
    Literal(String),
    /// A path in this zone.
    Path(Zone),
    /// A decimal number.
    Int,
    /// A harmless word.
    Word,
    /// Any printable text.
    Text,
    /// The user's own words for this command argument.
    Given(String),
}

impl ToolCapability {
    fn new(program: &str, raw: &RawCapability) -> Result<Self, String> {
        if raw.arguments.len() > MAX_PATTERNS {
            return Err(format!("a tool has at most {MAX_PATTERNS} patterns in `arguments`"));
        }
        if !is_name_part(program) {
            return Err(format!("`{program}` is not the bare name of a program"));
        }
        let arguments = raw.arguments.iter().map(|text| ArgumentPattern::parse(text)).collect::<Result<_, _>>()?;
        Ok(Self {
            program: program.to_owned(),
            arguments,
            terminal: raw.terminal,
            timeout_s: raw.timeout_s.unwrap_or(DEFAULT_TIMEOUT_S),
            why: raw.why.clone(),
        })
    }
}

fn declare(raw: &RawCapability) -> Option<Result<Capability, String>> {
    Some(ToolCapability::new(raw.tool.as_ref()?, raw).map(Capability::Tool))
}

fn is_name(_: &str, name: &str) -> bool {
    let (program, digest) = name.split_once('#').map_or((name, None), |(program, digest)| (program, Some(digest)));
    is_name_part(program) && digest.is_none_or(is_name_part)
}

impl Declared for ToolCapability {
    fn name(&self) -> String {
        format!("{WORD}:{}", self.program)
    }

    fn terms(&self) -> Option<Vec<&str>> {
        Some(self.arguments.iter().map(|pattern| pattern.text.as_str()).collect())
    }

    fn digest(&self) -> Option<Digest> {
        let mut builder = DigestBuilder::default();
        builder.field([u8::from(self.terminal)]).field(self.timeout_s.to_le_bytes());
        for pattern in &self.arguments {
            builder.field(&pattern.text);
        }
        Some(builder.finish())
    }

    fn why(&self) -> &str {
        &self.why
    }

    fn reach(&self) -> Reach {
        if self.terminal { Reach::Terminal } else { Reach::Runs }
    }

    fn warning(&self) -> Option<&'static str> {
        self.terminal.then_some("at your terminal: it sees what you type and can show anything")
    }

    fn needs_plan(&self) -> bool {
        false
    }

    /// The workspace holds the directory in which the tool finds those of the plugin.
    fn uses_workspace(&self) -> bool {
        true
    }
}

impl ArgumentPattern {
    /// Parses a pattern.
    ///
    /// Returns what is wrong with it as a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words = text.split_ascii_whitespace().map(parse_word).collect::<Result<Vec<_>, _>>()?;
        if words.is_empty() {
            return Err("an argument pattern is empty".into());
        }
        Ok(Self { text: text.to_owned(), words })
    }
}

fn parse_word(word: &str) -> Result<Vec<PatternPiece>, String> {
    let mut pieces = Vec::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((inner, tail)) = after.split_once('}') else {
            return Err(format!("`{word}` has a `{{` without `}}`"));
        };
        if !before.is_empty() {
            pieces.push(PatternPiece::Literal(before.to_owned()));
        }
        pieces.push(placeholder(inner)?);
        rest = tail;
    }
    if !rest.is_empty() {
        pieces.push(PatternPiece::Literal(rest.to_owned()));
    }
    let placeholders = pieces.iter().filter(|piece| !matches!(piece, PatternPiece::Literal(_))).count();
    let alone = |piece: &PatternPiece| matches!(piece, PatternPiece::Text | PatternPiece::Given(_));
    match placeholders {
        0 | 1 if pieces.len() == 1 || !pieces.iter().any(alone) => Ok(pieces),
        0 | 1 => Err(format!("`{word}`: {{text}} and {{given:…}} must be words of their own")),
        _ => Err(format!("`{word}` has more than one placeholder")),
    }
}

fn placeholder(inner: &str) -> Result<PatternPiece, String> {
    match inner.split_once(':') {
        Some(("path", zone)) => {
            let zone = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(zone);
            let zone = serde::Deserialize::deserialize(zone).map_err(|error| error.to_string())?;
            Ok(PatternPiece::Path(zone))
        }
        Some(("given", name)) if is_name_part(name) => Ok(PatternPiece::Given(name.to_owned())),
        None if inner == "int" => Ok(PatternPiece::Int),
        None if inner == "word" => Ok(PatternPiece::Word),
        None if inner == "text" => Ok(PatternPiece::Text),
        _ => Err(format!(
            "unknown placeholder `{{{inner}}}` (known: {{path:ZONE}}, {{int}}, {{word}}, {{text}}, {{given:NAME}})"
        )),
    }
}

/// Reads a list of patterns as people write it: YAML takes a bare `{path:images}` for a map with one key.
pub(super) fn written_patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Line<MAX_PATTERN>>, D::Error> {
    let written = Vec::<Written>::deserialize(deserializer)?;
    written.into_iter().map(|Written(text)| Line::new(&text).map_err(D::Error::custom)).collect()
}

/// A pattern with or without its quotes.
struct Written(String);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WrittenVisitor)
    }
}

struct WrittenVisitor;

impl<'de> Visitor<'de> for WrittenVisitor {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an argument pattern in quotes, such as \"-d {path:images}\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Written, E> {
        Ok(Written(text.to_owned()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Written, E> {
        Ok(Written(number.to_string()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Written, E> {
        Ok(Written(number.to_string()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Written, A::Error> {
        match (entries.next_entry::<String, Option<IgnoredAny>>()?, entries.next_key::<IgnoredAny>()?) {
            (Some((inner, None)), None) => Ok(Written(format!("{{{inner}}}"))),
            _ => Err(A::Error::invalid_type(Unexpected::Map, &self)),
        }
    }
}

impl fmt::Display for ArgumentPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for ArgumentPattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_with_and_without_quotes() {
        #[derive(Debug, Deserialize)]
        struct Tool {
            #[serde(deserialize_with = "written_patterns")]
            arguments: Vec<Line<MAX_PATTERN>>,
        }
        let read = |text: &str| crate::parse_yaml::<Tool>(std::path::Path::new("x.yaml"), text);
        let all = ["-A {word}", "{path:images}", "{given:args}", "-1"];
        for text in [
            "arguments:\n  - -A {word}\n  - {path:images}\n  - {given:args}\n  - -1\n",
            "arguments: [\"-A {word}\", {path:images}, '{given:args}', -1]\n",
        ] {
            let read: Vec<String> = read(text).unwrap().arguments.iter().map(ToString::to_string).collect();
            assert_eq!(read, all, "{text}");
        }
        for text in
            ["arguments:\n  - {a: b}", "arguments:\n  - {a, b}", "arguments: [x,\n  {}]", "arguments: \n  - [-A, x]"]
        {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with("x.yaml:2: ") && error.contains("in quotes"), "{error}");
        }
        for text in [
            "a: 1\narguments: [-A {word}, x]\n",
            "a: 1\narguments: [x,-d file={path:images}]\n",
            "a: 1\narguments: [-A {word}]\n",
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with("x.yaml:2: ") && error.contains("needs quotes"), "{error}");
        }
    }

    #[test]
    fn a_pattern_is_words_of_literals_and_one_placeholder() {
        let pattern = ArgumentPattern::parse("-drive file={path:images},format=raw").unwrap();
        let file = vec![
            PatternPiece::Literal("file=".into()),
            PatternPiece::Path(Zone::Images),
            PatternPiece::Literal(",format=raw".into()),
        ];
        assert_eq!(pattern.words, [vec![PatternPiece::Literal("-drive".into())], file]);
    }

    #[test]
    fn unclear_patterns_are_refused() {
        for bad in ["", "{path:elsewhere}", "{", "{text}x", "{int}{int}", "a{given:x}", "{anything}", "{given:}"] {
            assert!(ArgumentPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
