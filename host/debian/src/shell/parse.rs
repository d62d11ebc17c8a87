use std::rc::Rc;

use super::ScriptError;
use super::lex::Token;
use super::lex::tokens;
use super::syntax::After;
use super::syntax::List;
use super::syntax::Node;
use super::syntax::Simple;
use super::syntax::Step;
use super::syntax::Word;
use super::syntax::is_name;

/// Commands within commands.
const MAX_DEPTH: usize = 48;

/// Parses a script.
pub(super) fn parse(text: &str) -> Result<List, ScriptError> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let list = parser.list(&[])?;
    match parser.peek() {
        None => Ok(list),
        Some(_) => Err(parser.expected("a command")),
    }
}

struct Parser<'t> {
    tokens: &'t [(u32, Token)],
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn line(&self) -> u32 {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |(line, _)| *line)
    }

    fn expected(&self, expected: &'static str) -> ScriptError {
        ScriptError::Expected { line: self.line(), expected }
    }

    /// Returns the word of the grammar that stands here.
    fn keyword(&self) -> Option<&'t str> {
        match self.peek() {
            Some(Token::Word(word)) => word.bare(),
            _ => None,
        }
    }

    fn eat_operator(&mut self, operator: &str) -> bool {
        let is_here = matches!(self.peek(), Some(Token::Operator(other)) if *other == operator);
        self.at += usize::from(is_here);
        is_here
    }

    fn eat_keyword(&mut self, keyword: &str) -> bool {
        let is_here = self.keyword() == Some(keyword);
        self.at += usize::from(is_here);
        is_here
    }

    fn need_keyword(&mut self, keyword: &'static str) -> Result<(), ScriptError> {
        if self.eat_keyword(keyword) { Ok(()) } else { Err(self.expected(keyword)) }
    }

    fn skip_lines(&mut self) {
        while self.eat_operator("\n") {}
    }

    fn word(&mut self, expected: &'static str) -> Result<Word, ScriptError> {
        let Some(Token::Word(word)) = self.peek() else { return Err(self.expected(expected)) };
        self.at += 1;
        Ok(word.clone())
    }

    /// Reads commands until one of these keywords, `)`, `;;` or the end of the script.
    fn list(&mut self, ends: &[&str]) -> Result<List, ScriptError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ScriptError::Deep { line: self.line() });
        }
        let mut list = List::new();
        let mut after = After::Any;
        loop {
            self.skip_lines();
            let is_end = match self.peek() {
                None | Some(Token::Operator(")" | ";;")) => true,
                Some(Token::Word(word)) => word.bare().is_some_and(|word| ends.contains(&word)),
                Some(_) => false,
            };
            if is_end {
                break;
            }
            list.push(self.step(after)?);
            after = match self.peek() {
                Some(Token::Operator("&&")) => After::Success,
                Some(Token::Operator("||")) => After::Failure,
                Some(Token::Operator(";" | "&" | "\n")) => After::Any,
                // What follows ends the list, or is an error there.
                _ => break,
            };
            self.at += 1;
        }
        self.depth -= 1;
        Ok(list)
    }

    fn step(&mut self, after: After) -> Result<Step, ScriptError> {
        let mut is_negated = false;
        while self.eat_keyword("!") {
            is_negated = !is_negated;
        }
        let mut pipeline = vec![self.node()?];
        while self.eat_operator("|") {
            self.skip_lines();
            pipeline.push(self.node()?);
        }
        Ok(Step { after, is_negated, pipeline })
    }

    fn node(&mut self) -> Result<Node, ScriptError> {
        if self.eat_operator("(") {
            let body = self.list(&[])?;
            return if self.eat_operator(")") { Ok(Node::Subshell(body)) } else { Err(self.expected("`)`")) };
        }
        match self.keyword() {
            Some("if") => self.if_node(),
            Some("case") => self.case_node(),
            Some("for") => self.for_node(),
            Some("while" | "until") => {
                self.at += 1;
                let condition = self.list(&["do"])?;
                Ok(Node::While { condition, body: self.body()? })
            }
            Some("{") => {
                self.at += 1;
                let body = self.list(&["}"])?;
                self.need_keyword("}")?;
                Ok(Node::Braces(body))
            }
            _ => self.simple(),
        }
    }

    fn if_node(&mut self) -> Result<Node, ScriptError> {
        let mut arms = Vec::new();
        let mut otherwise = List::new();
        while self.eat_keyword("if") || self.eat_keyword("elif") {
            let condition = self.list(&["then"])?;
            self.need_keyword("then")?;
            arms.push((condition, self.list(&["elif", "else", "fi"])?));
            if self.eat_keyword("else") {
                otherwise = self.list(&["fi"])?;
            }
            if self.eat_keyword("fi") {
                return Ok(Node::If { arms, otherwise });
            }
        }
        Err(self.expected("fi"))
    }

    fn case_node(&mut self) -> Result<Node, ScriptError> {
        self.at += 1;
        let word = self.word("a word after `case`")?;
        self.skip_lines();
        self.need_keyword("in")?;
        let mut arms = Vec::new();
        loop {
            self.skip_lines();
            if self.eat_keyword("esac") {
                return Ok(Node::Case { word, arms });
            }
            self.eat_operator("(");
            let mut patterns = vec![self.word("a pattern")?];
            while self.eat_operator("|") {
                patterns.push(self.word("a pattern")?);
            }
            if !self.eat_operator(")") {
                return Err(self.expected("`)`"));
            }
            arms.push((patterns, self.list(&["esac"])?));
            self.eat_operator(";;");
        }
    }

    fn for_node(&mut self) -> Result<Node, ScriptError> {
        self.at += 1;
        let name = self.keyword().filter(|name| is_name(name)).ok_or_else(|| self.expected("a name after `for`"))?;
        self.at += 1;
        self.skip_lines();
        let mut words = Vec::new();
        if self.eat_keyword("in") {
            while let Some(Token::Word(word)) = self.peek() {
                words.push(word.clone());
                self.at += 1;
            }
        }
        self.eat_operator(";");
        self.skip_lines();
        Ok(Node::For { name: name.to_owned(), words, body: self.body()? })
    }

    fn body(&mut self) -> Result<List, ScriptError> {
        self.need_keyword("do")?;
        let body = self.list(&["done"])?;
        self.need_keyword("done")?;
        Ok(body)
    }

    fn simple(&mut self) -> Result<Node, ScriptError> {
        let start = self.at;
        let mut simple = Simple { line: self.line(), ..Simple::default() };
        while let Some(Token::Word(word)) = self.peek() {
            self.at += 1;
            match word.assignment().filter(|_| simple.words.is_empty()) {
                Some(assignment) => {
                    let is_empty = assignment.1.0.is_empty();
                    simple.assignments.push(assignment);
                    if is_empty && self.eat_operator("(") {
                        self.skip_array()?;
                    }
                }
                None => simple.words.push(word.clone()),
            }
            if simple.words.len() == 1 && self.eat_operator("(") {
                return self.function(word);
            }
        }
        // A redirection alone (`> file`) leaves nothing; what follows is an operator of the list.
        let is_end =
            matches!(self.peek(), None | Some(Token::Operator(";" | "&" | "&&" | "||" | "\n" | ")" | ";;" | "|")));
        if self.at == start && !is_end {
            return Err(self.expected("a command"));
        }
        Ok(Node::Simple(simple))
    }

    /// Skips the values of an array of bash.
    fn skip_array(&mut self) -> Result<(), ScriptError> {
        while matches!(self.peek(), Some(Token::Word(_) | Token::Operator("\n"))) {
            self.at += 1;
        }
        if self.eat_operator(")") { Ok(()) } else { Err(self.expected("`)`")) }
    }

    fn function(&mut self, word: &Word) -> Result<Node, ScriptError> {
        let name = word.bare().ok_or_else(|| self.expected("a name before `()`"))?.to_owned();
        if !self.eat_operator(")") {
            return Err(self.expected("`)`"));
        }
        self.skip_lines();
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ScriptError::Deep { line: self.line() });
        }
        let body = Rc::new(self.node()?);
        self.depth -= 1;
        Ok(Node::Function { name, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_read() {
        let text = "f() {\n a | b\n}\nif a; then b\nelif c && ! d; then :; else e; fi >x\ncase \"$1\" in\n (a|b) c;;\n *) \
                    d\nesac\nfor x in 1 2; do f $x; done; while :; do break; done\n(a; b) || exit 1";
        let list = parse(text).unwrap();
        let kinds: Vec<_> = list.iter().flat_map(|step| &step.pipeline).map(std::mem::discriminant).collect();
        assert_eq!(kinds.len(), 7);
        assert!(
            matches!(&list[1].pipeline[0], Node::If { arms, otherwise } if arms.len() == 2 && otherwise.len() == 1)
        );
        assert!(matches!(&list[2].pipeline[0], Node::Case { arms, .. } if arms.len() == 2 && arms[0].0.len() == 2));
        assert_eq!(list.last().unwrap().after, After::Failure);
    }

    #[test]
    fn a_wrong_structure_names_its_line() {
        assert_eq!(parse("a\nif b; then c"), Err(ScriptError::Expected { line: 2, expected: "fi" }));
        assert_eq!(parse("a\n)"), Err(ScriptError::Expected { line: 2, expected: "a command" }));
        assert!(matches!(parse("case x in a b"), Err(ScriptError::Expected { .. })));
    }

    #[test]
    fn nesting_is_bounded() {
        for opening in ["(", "{ ", "if ", "while ", "f() ", "case x in a) ", "! ( ", "if a; then "] {
            assert!(matches!(parse(&opening.repeat(20_000)), Err(ScriptError::Deep { .. })), "{opening}");
        }
    }
}
