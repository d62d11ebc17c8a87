//! Blocks and settings.

use crate::Bytes;
use crate::ImportError;
use crate::shown;

use super::Surroundings;
use super::lexer::Lexer;
use super::lexer::Place;
use super::lexer::Token;

/// Blocks in blocks that are read; genimage has four.
const MAX_DEPTH: usize = 8;

/// Settings and blocks of a configuration.
const MAX_PARTS: usize = 100_000;

/// A block of settings: `kind name { … }`.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) settings: Vec<Setting>,
    pub(super) inner: Vec<Block>,
}

#[derive(Debug)]
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) place: Place,
    values: Vec<String>,
    /// Whether it adds to what was said before.
    adds: bool,
    is_list: bool,
}

/// Reads a configuration as one block.
pub(super) fn parse(file: &str, text: &str, around: &Surroundings<'_>) -> Result<Block, ImportError> {
    Parser { lexer: Lexer::new(file, text, around)?, parts: 0 }.block(0)
}

struct Parser<'s> {
    lexer: Lexer<'s>,
    parts: usize,
}

impl Parser<'_> {
    fn wrong(&self, problem: String) -> ImportError {
        self.lexer.place.wrong(problem)
    }

    /// Reads settings up to the end of their block, or of the text.
    fn block(&mut self, depth: usize) -> Result<Block, ImportError> {
        let mut block = Block::default();
        loop {
            self.parts += 1;
            if depth > MAX_DEPTH || self.parts > MAX_PARTS {
                return Err(self.wrong("it has too many blocks".into()));
            }
            let key = match self.lexer.next()? {
                Token::End if depth == 0 => return Ok(block),
                Token::Sign('}') if depth > 0 => return Ok(block),
                Token::Word(key) => key,
                other => return Err(self.wrong(format!("{} is not expected here", other.shown()))),
            };
            let place = self.lexer.place.clone();
            let inside = |block: Block, name: String| Block { kind: key.clone(), name, place: place.clone(), ..block };
            match self.lexer.next()? {
                Token::Sign('{') => block.inner.push(inside(self.block(depth + 1)?, String::new())),
                Token::Sign(sign @ ('=' | '+')) => {
                    let (values, is_list) = self.values()?;
                    block.settings.push(Setting { key, place, values, adds: sign == '+', is_list });
                }
                Token::Sign('(') if key == "include" => {
                    let name = match (self.lexer.next()?, self.lexer.next()?) {
                        (Token::Word(name), Token::Sign(')')) => name,
                        _ => return Err(self.wrong("`include` takes the name of one file".into())),
                    };
                    self.lexer.include(&name)?;
                }
                Token::Word(name) => {
                    if self.lexer.next()? != Token::Sign('{') {
                        return Err(place.wrong(format!(
                            "`{} {}` is neither a setting nor a block",
                            shown(&key),
                            shown(&name)
                        )));
                    }
                    block.inner.push(inside(self.block(depth + 1)?, name));
                }
                other => return Err(self.wrong(format!("{} is not expected after `{}`", other.shown(), shown(&key)))),
            }
        }
    }

    fn values(&mut self) -> Result<(Vec<String>, bool), ImportError> {
        match self.lexer.next()? {
            Token::Word(word) => return Ok((vec![word], false)),
            Token::Sign('{') => {}
            other => return Err(self.wrong(format!("{} is not a value", other.shown()))),
        }
        let mut words = Vec::new();
        loop {
            match self.lexer.next()? {
                Token::Sign('}') => return Ok((words, true)),
                Token::Word(word) => words.push(word),
                other => return Err(self.wrong(format!("{} is not expected in a list", other.shown()))),
            }
            match self.lexer.next()? {
                Token::Sign(',') => {}
                Token::Sign('}') => return Ok((words, true)),
                other => return Err(self.wrong(format!("{} is not expected in a list", other.shown()))),
            }
        }
    }
}

impl Block {
    pub(super) fn blocks<'b>(&'b self, kind: &'b str) -> impl Iterator<Item = &'b Block> {
        self.inner.iter().filter(move |block| block.kind == kind)
    }

    /// The setting of a name that counts: the last.
    pub(super) fn setting(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().rev().find(|setting| setting.key == key)
    }

    /// A text; none where it is empty, which is genimage's default of most.
    pub(super) fn text(&self, key: &str) -> Result<Option<&str>, ImportError> {
        let Some(setting) = self.setting(key) else { return Ok(None) };
        match setting.values.as_slice() {
            [value] if !setting.is_list => Ok(Some(value.as_str()).filter(|value| !value.is_empty())),
            _ => Err(setting.place.wrong(format!("`{key}` takes one value"))),
        }
    }

    /// All values of a list.
    pub(super) fn list(&self, key: &str) -> Vec<&str> {
        let all: Vec<&Setting> = self.settings.iter().filter(|setting| setting.key == key).collect();
        let first = all.iter().rposition(|setting| !setting.adds).unwrap_or(0);
        all.iter().skip(first).flat_map(|setting| setting.values.iter().map(String::as_str)).collect()
    }

    /// A boolean, in all spellings of libconfuse.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, ImportError> {
        let (Some(setting), value) = (self.setting(key), self.text(key)?) else { return Ok(None) };
        match value.unwrap_or_default().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Ok(Some(true)),
            "false" | "no" | "off" => Ok(Some(false)),
            other => Err(setting.place.wrong(format!("`{key}` is `{}`, and has to be yes or no", shown(other)))),
        }
    }

    /// A size; none for nothing and 0, which genimage takes as not given.
    pub(super) fn size(&self, key: &str) -> Result<Option<u64>, ImportError> {
        let (Some(setting), Some(value)) = (self.setting(key), self.text(key)?) else { return Ok(None) };
        let wrong = || setting.place.wrong(format!("`{key}` is `{}`, which is not a size", shown(value)));
        Ok(Some(size(value).ok_or_else(wrong)?.0).filter(|size| *size > 0))
    }

    /// A number without a unit.
    pub(super) fn number(&self, key: &str) -> Result<Option<u64>, ImportError> {
        let (Some(setting), Some(value)) = (self.setting(key), self.text(key)?) else { return Ok(None) };
        let wrong = || setting.place.wrong(format!("`{key}` is `{}`, which is not a number", shown(value)));
        number(value).map(Some).ok_or_else(wrong)
    }

    /// The place of a setting, or of the block where it has none.
    pub(super) fn place_of(&self, key: &str) -> &Place {
        self.setting(key).map_or(&self.place, |setting| &setting.place)
    }
}

/// A number as C reads it: decimal, hexadecimal behind `0x`, octal behind `0`.
pub(super) fn number(text: &str) -> Option<u64> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match (hex, text.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (text, 10),
    };
    let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| u64::from_str_radix(digits, radix).ok()).flatten()
}

/// A size as genimage reads it: `k`, `K`, `M` and `G` are binary, `s` are sectors, and it does not look at what comes behind them.
pub(super) fn size(text: &str) -> Option<Bytes> {
    let text = text.trim_start();
    let is_hex = text.starts_with("0x") || text.starts_with("0X");
    let start = if is_hex { 2 } else { 0 };
    let digits = |c: char| if is_hex { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
    let end = text.get(start..)?.find(|c| !digits(c)).map_or(text.len(), |end| end + start);
    let (value, unit) = (number(text.get(..end)?)?, text.get(end..)?);
    let factor = match unit {
        "" => 1,
        "s" => 512,
        "k" | "K" | "KiB" | "kB" | "KB" => 1 << 10,
        "M" | "MiB" | "MB" => 1 << 20,
        "G" | "GiB" | "GB" => 1 << 30,
        _ => return None,
    };
    value.checked_mul(factor).map(Bytes)
}
