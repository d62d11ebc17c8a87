//! The words of a configuration of libconfuse, with the files that it includes put in.

use crate::ImportError;
use crate::check_path;
use crate::shown;

use super::Surroundings;

/// Files in files, as libconfuse has it; files and bytes of a configuration at all.
const MAX_DEPTH: usize = 10;
const MAX_FILES: usize = 64;
const MAX_BYTES: usize = 4 << 20;

/// Bytes of a word, with the values of variables in it.
const MAX_WORD: usize = 64 << 10;

/// A word or sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    Sign(char),
    End,
}

impl Token {
    /// How a message calls it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Word(word) => format!("`{}`", shown(word)),
            Self::Sign('+') => "`+=`".into(),
            Self::Sign(sign) => format!("`{sign}`"),
            Self::End => "the end of the file".into(),
        }
    }
}

/// Where something stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) line: usize,
}

impl Place {
    pub(super) fn wrong(&self, problem: impl Into<String>) -> ImportError {
        ImportError::Line { file: self.file.clone(), line: self.line, problem: problem.into() }
    }

    pub(super) fn note(&self, text: &str) -> String {
        format!("{}:{}: {text}", self.file, self.line)
    }
}

struct Source {
    place: Place,
    text: String,
    at: usize,
}

pub(super) struct Lexer<'s> {
    sources: Vec<Source>,
    around: &'s Surroundings<'s>,
    files: usize,
    bytes: usize,
    /// Where the last word stands.
    pub(super) place: Place,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(file: &str, text: &str, around: &'s Surroundings<'s>) -> Result<Self, ImportError> {
        let mut lexer = Self { sources: Vec::new(), around, files: 0, bytes: 0, place: Place::default() };
        lexer.push(file.to_owned(), text.to_owned())?;
        Ok(lexer)
    }

    fn push(&mut self, file: String, text: String) -> Result<(), ImportError> {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(text.len());
        if self.sources.len() > MAX_DEPTH || self.files > MAX_FILES || self.bytes > MAX_BYTES {
            return Err(self.place.wrong("it includes too many files"));
        }
        let place = Place { file, line: 1 };
        self.place = place.clone();
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        self.sources.push(Source { place, text, at });
        Ok(())
    }

    /// Puts a file in at this place.
    pub(super) fn include(&mut self, name: &str) -> Result<(), ImportError> {
        let inside = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if check_path(name).is_err() || !inside {
            return Err(self
                .place
                .wrong(format!("include `{}` is not a path below the file's directory", shown(name))));
        }
        let text = (self.around.include)(name)
            .map_err(|problem| self.place.wrong(format!("include `{}`: {problem}", shown(name))))?;
        self.push(name.to_owned(), text)
    }

    /// The next word or sign.
    pub(super) fn next(&mut self) -> Result<Token, ImportError> {
        loop {
            let Some(source) = self.sources.last_mut() else { return Ok(Token::End) };
            source.skip_blanks();
            self.place = source.place.clone();
            if !source.rest().is_empty() {
                break;
            }
            if self.sources.len() == 1 {
                return Ok(Token::End);
            }
            self.sources.pop();
        }
        let Some(source) = self.sources.last_mut() else { return Ok(Token::End) };
        let token = source.token(self.around)?;
        if let Token::Word(word) = &token {
            let problem = if word.len() > MAX_WORD {
                Some("a word is longer than 64 KiB".to_owned())
            } else {
                placeholder(word).map(|hole| format!("placeholder `{}` is not filled in", shown(hole)))
            };
            if let Some(problem) = problem {
                return Err(self.place.wrong(problem));
            }
        }
        Ok(token)
    }
}

/// A place of a template that a script is to fill in: `%NAME%` or `@NAME@`.
fn placeholder(word: &str) -> Option<&str> {
    ['%', '@'].into_iter().find_map(|mark| {
        let start = word.find(mark)?;
        let inner = word.get(start + 1..)?;
        let name = inner.get(..inner.find(mark)?)?;
        let is_name =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        is_name.then(|| word.get(start..start + name.len() + 2)).flatten()
    })
}

impl Source {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, count: usize) {
        let gone = self.rest().get(..count).unwrap_or_default();
        self.place.line += gone.matches('\n').count();
        self.at = self.at.saturating_add(count).min(self.text.len());
    }

    /// Passes blanks, line ends of any kind, and comments.
    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
            let after = rest.get(blanks..).unwrap_or_default();
            let comment = if after.starts_with('#') || after.starts_with("//") {
                after.find('\n').unwrap_or(after.len())
            } else if after.starts_with("/*") {
                after.find("*/").map_or(after.len(), |end| end + 2)
            } else {
                0
            };
            self.skip(blanks + comment);
            if comment == 0 {
                return;
            }
        }
    }

    fn token(&mut self, around: &Surroundings<'_>) -> Result<Token, ImportError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        match first {
            '{' | '}' | '(' | ')' | '=' | ',' => {
                self.skip(1);
                Ok(Token::Sign(first))
            }
            '+' if rest.starts_with("+=") => {
                self.skip(2);
                Ok(Token::Sign('+'))
            }
            '"' => self.double_quoted(around).map(Token::Word),
            '\'' => self.single_quoted().map(Token::Word),
            '$' if rest.starts_with("${") => self.variable(around).map(Token::Word),
            '+' | '*' => Err(self.place.wrong(format!("`{first}` is not expected here"))),
            _ => {
                let end = rest.find(|c: char| " \"'\t\n\r={}()+,#*".contains(c)).unwrap_or(rest.len());
                let word = rest.get(..end).unwrap_or_default().to_owned();
                if word.ends_with('$') && rest.get(end..).is_some_and(|rest| rest.starts_with('{')) {
                    return Err(self.place.wrong("a variable inside a word needs double quotes around the word"));
                }
                self.skip(end);
                Ok(Token::Word(word))
            }
        }
    }

    fn single_quoted(&mut self) -> Result<String, ImportError> {
        let start = self.place.clone();
        let mut word = String::new();
        self.skip(1);
        loop {
            let mut chars = self.rest().chars();
            let (taken, length) = match (chars.next(), chars.next()) {
                (Some('\''), _) => {
                    self.skip(1);
                    return Ok(word);
                }
                (Some('\\'), Some('\n')) => (None, 2),
                (Some('\\'), Some(c @ ('\\' | '\''))) => (Some(c), 2),
                (Some(c), _) => (Some(c), c.len_utf8()),
                (None, _) => return Err(start.wrong("a string does not end")),
            };
            word.extend(taken);
            self.skip(length);
        }
    }

    fn double_quoted(&mut self, around: &Surroundings<'_>) -> Result<String, ImportError> {
        let start = self.place.clone();
        let mut word = String::new();
        self.skip(1);
        loop {
            let rest = self.rest();
            if rest.starts_with("${") {
                word += &self.variable(around)?;
            } else if let Some(escape) = rest.strip_prefix('\\') {
                let (taken, length) =
                    escaped(escape).ok_or_else(|| self.place.wrong("a string has a bad escape sequence"))?;
                word.extend(taken);
                self.skip(1 + length);
            } else {
                match rest.chars().next() {
                    Some('"') => {
                        self.skip(1);
                        return Ok(word);
                    }
                    Some(c) => {
                        word.push(c);
                        self.skip(c.len_utf8());
                    }
                    None => return Err(start.wrong("a string does not end")),
                }
            }
            if word.len() > MAX_WORD {
                return Err(self.place.wrong("a word is longer than 64 KiB"));
            }
        }
    }

    /// `${NAME}` or `${NAME:-what it is otherwise}`.
    fn variable(&mut self, around: &Surroundings<'_>) -> Result<String, ImportError> {
        let inner = self.rest().get(2..).unwrap_or_default();
        let end = inner.find('}').ok_or_else(|| self.place.wrong("a variable does not end"))?;
        let inner = inner.get(..end).unwrap_or_default().to_owned();
        let (name, otherwise) = match inner.split_once(":-") {
            Some((name, otherwise)) => (name, Some(otherwise.to_owned())),
            None => (inner.as_str(), None),
        };
        // libconfuse would take one that is not set as empty, and genimage a size of nothing as none.
        let value = (around.variable)(name).or(otherwise);
        let value = value.ok_or_else(|| self.place.wrong(format!("variable `{}` is not set", shown(name))))?;
        self.skip(end + 3);
        Ok(value)
    }
}

/// What stands behind a backslash in double quotes, and how long it is.
fn escaped(text: &str) -> Option<(Option<char>, usize)> {
    let first = text.chars().next()?;
    let digits =
        |text: &str, radix: u32, limit: usize| text.chars().take(limit).take_while(|c| c.is_digit(radix)).count();
    let code = |text: &str, radix: u32| u8::from_str_radix(text, radix).ok().filter(u8::is_ascii).map(char::from);
    match first {
        '\n' => Some((None, 1)),
        'n' => Some((Some('\n'), 1)),
        'r' => Some((Some('\r'), 1)),
        't' => Some((Some('\t'), 1)),
        'a' => Some((Some('\u{7}'), 1)),
        'b' => Some((Some('\u{8}'), 1)),
        'e' => Some((Some('\u{1b}'), 1)),
        'f' => Some((Some('\u{c}'), 1)),
        'v' => Some((Some('\u{b}'), 1)),
        '0'..='9' => {
            let count = digits(text, 8, 3);
            let more = text.chars().nth(count).is_some_and(|c| c.is_ascii_digit());
            let code = code(text.get(..count)?, 8).filter(|_| !more)?;
            Some((Some(code), count))
        }
        'x' => {
            let rest = text.get(1..)?;
            let count = digits(rest, 16, 2);
            Some((Some(code(rest.get(..count)?, 16)?), 1 + count))
        }
        other => Some((Some(other), other.len_utf8())),
    }
}
