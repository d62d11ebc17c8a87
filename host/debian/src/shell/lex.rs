use super::ScriptError;
use super::syntax::Otherwise;
use super::syntax::Piece;
use super::syntax::Word;
use super::syntax::is_name;

/// Substitutions within substitutions and quotes that a word may have.
const MAX_NESTING: usize = 48;

/// A word or an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    /// `;`, `;;`, `&`, `&&`, `|`, `||`, `(`, `)` or a line end.
    Operator(&'static str),
}

/// Splits a script into tokens with their lines. Redirections and here-documents are left out.
pub(super) fn tokens(text: &str) -> Result<Vec<(u32, Token)>, ScriptError> {
    let mut lexer = Lexer { rest: text, line: 1, documents: Vec::new(), tokens: Vec::new() };
    while let Some(c) = lexer.peek() {
        lexer.token(c)?;
    }
    Ok(lexer.tokens)
}

/// Operators, the longest first.
const OPERATORS: [&str; 9] = [";;", "&&", "||", ";", "&", "|", "(", ")", "\n"];

/// A here-document that begins at the next line.
struct Document {
    end: String,
    has_tabs: bool,
}

struct Lexer<'t> {
    rest: &'t str,
    line: u32,
    documents: Vec<Document>,
    tokens: Vec<(u32, Token)>,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        self.line += u32::from(c == '\n');
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(text) else { return false };
        self.rest = rest;
        self.line += u32::from(text.ends_with('\n'));
        true
    }

    fn token(&mut self, c: char) -> Result<(), ScriptError> {
        let line = self.line;
        match c {
            ' ' | '\t' | '\r' => drop(self.next()),
            '#' => while self.peek().is_some_and(|c| c != '\n') && self.next().is_some() {},
            '<' | '>' => self.redirection()?,
            '&' if self.rest.starts_with("&>") => {
                self.next();
                self.redirection()?;
            }
            _ if self.eat("\\\n") => {}
            _ => match OPERATORS.into_iter().find(|operator| self.eat(operator)) {
                Some(operator) => {
                    self.tokens.push((line, Token::Operator(operator)));
                    if operator == "\n" {
                        self.skip_documents();
                    }
                }
                None => {
                    let word = self.word()?;
                    let is_descriptor = word.bare().is_some_and(|text| text.chars().all(|c| c.is_ascii_digit()));
                    if !(is_descriptor && self.rest.starts_with(['<', '>'])) {
                        self.tokens.push((line, Token::Word(word)));
                    }
                }
            },
        }
        Ok(())
    }

    fn redirection(&mut self) -> Result<(), ScriptError> {
        let operators = ["<<<", "<<-", "<<", "<&", "<>", "<", ">>", ">&", ">|", ">"];
        let operator = operators.into_iter().find(|operator| self.eat(operator));
        while matches!(self.peek(), Some(' ' | '\t')) || self.rest.starts_with("\\\n") {
            if !self.eat("\\\n") {
                self.next();
            }
        }
        let target = self.word()?;
        if let Some(operator @ ("<<" | "<<-")) = operator {
            let text = target.0.iter().map(|piece| match piece {
                Piece::Text { text, .. } | Piece::Opaque(text) => text.as_str(),
                Piece::Variable { name, .. } => name,
            });
            self.documents.push(Document { end: text.collect(), has_tabs: operator == "<<-" });
        }
        Ok(())
    }

    fn skip_documents(&mut self) {
        for document in std::mem::take(&mut self.documents) {
            while !self.rest.is_empty() {
                let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
                self.rest = rest;
                self.line += 1;
                let line = if document.has_tabs { line.trim_start_matches('\t') } else { line };
                if line == document.end {
                    break;
                }
            }
        }
    }

    fn word(&mut self) -> Result<Word, ScriptError> {
        let mut pieces = Pieces::default();
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' => break,
                '\\' => {
                    self.next();
                    match self.next() {
                        Some('\n') | None => {}
                        Some(c) => pieces.push(c, true),
                    }
                }
                '\'' => {
                    self.next();
                    pieces.quote();
                    self.until('\'', |c| pieces.push(c, true))?;
                }
                '"' => self.double_quoted(&mut pieces)?,
                '$' | '`' => pieces.0.push(self.substitution(false)?),
                c => {
                    self.next();
                    pieces.push(c, false);
                }
            }
        }
        Ok(Word(pieces.0))
    }

    fn until(&mut self, end: char, mut each: impl FnMut(char)) -> Result<(), ScriptError> {
        let line = self.line;
        loop {
            match self.next() {
                Some(c) if c == end => return Ok(()),
                Some(c) => each(c),
                None => return Err(ScriptError::Open { line, what: "a quoted text" }),
            }
        }
    }

    fn double_quoted(&mut self, pieces: &mut Pieces) -> Result<(), ScriptError> {
        let line = self.line;
        self.next();
        pieces.quote();
        loop {
            match self.peek() {
                None => return Err(ScriptError::Open { line, what: "a quoted text" }),
                Some('"') => {
                    self.next();
                    return Ok(());
                }
                Some('\\') => {
                    self.next();
                    match self.next() {
                        Some('\n') | None => {}
                        Some(c @ ('$' | '`' | '"' | '\\')) => pieces.push(c, true),
                        Some(c) => {
                            pieces.push('\\', true);
                            pieces.push(c, true);
                        }
                    }
                }
                Some('$' | '`') => pieces.0.push(self.substitution(true)?),
                Some(c) => {
                    self.next();
                    pieces.push(c, true);
                }
            }
        }
    }

    /// Reads what follows `$` or a backtick.
    fn substitution(&mut self, quoted: bool) -> Result<Piece, ScriptError> {
        let (line, start) = (self.line, self.rest);
        let opening = self.next();
        if opening == Some('`') {
            let mut text = String::from("`");
            self.until('`', |c| text.push(c))?;
            return Ok(Piece::Opaque(text + "`"));
        }
        match self.peek() {
            Some('(') => {
                self.skip_nested(line)?;
                let length = start.len() - self.rest.len();
                Ok(Piece::Opaque(start.get(..length).unwrap_or_default().to_owned()))
            }
            Some('{') => {
                self.next();
                let mut text = String::new();
                let mut depth = 1_usize;
                loop {
                    let c = self.next().ok_or(ScriptError::Open { line, what: "`${`" })?;
                    depth = if c == '{' { depth + 1 } else { depth - usize::from(c == '}') };
                    if depth == 0 {
                        return Ok(parameter(&text, quoted));
                    }
                    text.push(c);
                }
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let mut name = String::new();
                while let Some(c) = self.peek().filter(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    self.next();
                    name.push(c);
                }
                Ok(Piece::Variable { name, otherwise: None, quoted })
            }
            Some(c) if c.is_ascii_digit() || "@*#?$!-".contains(c) => {
                self.next();
                Ok(Piece::Variable { name: c.to_string(), otherwise: None, quoted })
            }
            _ => Ok(Piece::Text { text: "$".into(), quoted }),
        }
    }

    /// Skips `(…)` with the quotes and parentheses in it.
    fn skip_nested(&mut self, line: u32) -> Result<(), ScriptError> {
        let open = ScriptError::Open { line, what: "`$(`" };
        // What has to end next: a parenthesis or a quoted text.
        let mut ends = Vec::new();
        loop {
            let c = self.next().ok_or_else(|| open.clone())?;
            let is_quoted = ends.last() == Some(&'"');
            match c {
                '\\' => drop(self.next()),
                '\'' if !is_quoted => self.until('\'', |_| ())?,
                '"' if !is_quoted => ends.push('"'),
                '(' if !is_quoted => ends.push(')'),
                '$' if self.peek() == Some('(') => {
                    self.next();
                    ends.push(')');
                }
                c if ends.last() == Some(&c) => drop(ends.pop()),
                _ => {}
            }
            match ends.len() {
                0 => return Ok(()),
                1..=MAX_NESTING => {}
                _ => return Err(ScriptError::Deep { line }),
            }
        }
    }
}

/// Reads the text between `${` and `}`.
fn parameter(text: &str, quoted: bool) -> Piece {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, operator) = text.split_at_checked(end).unwrap_or((text, ""));
    let is_parameter = is_name(name) || (!name.is_empty() && name.chars().all(|c| c.is_ascii_digit()));
    if !is_parameter {
        return Piece::Opaque(format!("${{{text}}}"));
    }
    let otherwise = if let Some(text) = operator.strip_prefix(":-").or_else(|| operator.strip_prefix('-')) {
        Some(Otherwise::IfEmpty(text.to_owned()))
    } else if let Some(text) = operator.strip_prefix(":+").or_else(|| operator.strip_prefix('+')) {
        Some(Otherwise::IfSet(text.to_owned()))
    } else {
        (!operator.is_empty()).then_some(Otherwise::Other)
    };
    Piece::Variable { name: name.to_owned(), otherwise, quoted }
}

/// The pieces of a word; characters of one kind are joined.
#[derive(Default)]
struct Pieces(Vec<Piece>);

impl Pieces {
    fn push(&mut self, c: char, is_quoted: bool) {
        match self.0.last_mut() {
            Some(Piece::Text { text, quoted }) if *quoted == is_quoted => text.push(c),
            _ => self.0.push(Piece::Text { text: c.into(), quoted: is_quoted }),
        }
    }

    /// Begins a quoted text: `''` is a word, too.
    fn quote(&mut self) {
        self.0.push(Piece::Text { text: String::new(), quoted: true });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let shown = |piece: &Piece| match piece {
            Piece::Text { text, .. } => text.clone(),
            Piece::Variable { name, .. } => format!("<{name}>"),
            Piece::Opaque(text) => format!("[{text}]"),
        };
        let shown = |token: &Token| match token {
            Token::Word(word) => word.0.iter().map(shown).collect(),
            Token::Operator(operator) => format!("op{}", operator.replace('\n', "NL")),
        };
        tokens(text).unwrap().iter().map(|(_, token)| shown(token)).collect()
    }

    #[test]
    fn quotes_join_words_and_backslashes_join_lines() {
        assert_eq!(words("a 'b c' \"d $E\" \\\n  f\\ g ''"), ["a", "b c", "d <E>", "f g", ""]);
    }

    #[test]
    fn redirections_and_here_documents_are_left_out() {
        let text = "a >/dev/null 2>&1 <<-EOF && b &>x\n\tif (\n\tEOF\nc 2> d";
        assert_eq!(words(text), ["a", "op&&", "b", "opNL", "c"]);
        assert_eq!(tokens("a <<E\n1\n2\nE\nb").unwrap().last().unwrap().0, 5);
    }

    #[test]
    fn substitutions_end_at_their_own_end() {
        assert_eq!(words(r#"a="$(b ")" '(' $(c))" d"#), [r#"a=[$(b ")" '(' $(c))]"#, "d"]);
        assert_eq!(words("`a b`c ${D:+--root=\"$D\"} $((1+2))"), ["[`a b`]c", "<D>", "[$((1+2))]"]);
    }

    #[test]
    fn what_does_not_end_is_an_error() {
        for text in ["'a", "\"a", "$(a", "${a", "`a"] {
            assert!(matches!(tokens(text), Err(ScriptError::Open { .. })), "{text}");
        }
        assert!(matches!(tokens(&"$(".repeat(1000)), Err(ScriptError::Deep { line: 1 })));
    }
}
