use super::ScriptError;
use super::check;
use super::condition::Truth;
use super::condition::status;
use super::expand::Field;
use super::expand::Variables;
use super::names::Names;
use super::parse::parse;
use super::syntax::After;
use super::syntax::List;
use super::syntax::Node;
use super::syntax::Simple;
use super::syntax::Step;
use super::syntax::Word;

/// Calls of functions within functions.
const MAX_CALLS: usize = 8;

/// Commands that one script may run, those that are not reported included.
const MAX_STEPS: usize = 20_000;

/// Bytes that all expanded commands may have.
const MAX_BYTES: usize = 16 << 20;

/// A command that a first installation runs, or may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// The line of the command, from 1.
    pub(crate) line: u32,
    /// The words, of which there is at least one.
    pub(crate) words: Vec<Field>,
    /// Whether a condition that depends on the machine precedes it.
    pub(crate) is_certain: bool,
}

impl Call {
    /// Returns the name of the program.
    pub(crate) fn verb(&self) -> &str {
        let verb = self.words.first().map_or("", Field::shown);
        verb.rsplit('/').next().unwrap_or(verb)
    }

    /// Returns the arguments if all of them are known.
    pub(crate) fn arguments(&self) -> Option<Vec<&str>> {
        self.words.iter().skip(1).map(Field::known).collect()
    }

    /// Returns the command as one line, with quotes where a shell needs them.
    pub(crate) fn text(&self) -> String {
        let quoted = |field: &Field| match field {
            Field::Known(text) => shlex::try_quote(text).map_or_else(|_| text.clone(), |text| text.into_owned()),
            Field::Unknown(text) => text.clone(),
        };
        let mut text = self.words.iter().map(quoted).collect::<Vec<_>>().join(" ");
        if let Some((end, _)) = text.char_indices().nth(300) {
            text.truncate(end);
            text.push('…');
        }
        text
    }
}

/// Returns the commands that a first installation of a package runs, in their order.
pub(crate) fn calls(text: &str) -> Result<Vec<Call>, ScriptError> {
    check(text)?;
    let script = parse(text)?;
    let mut walker = Walker {
        names: Names::of(&script),
        variables: Variables::of_installation(),
        calls: Vec::new(),
        is_certain: true,
        depth: 0,
        steps: 0,
        bytes: 0,
    };
    match walker.list(&script) {
        Err(Stop::Error(error)) => Err(error),
        Ok(_) | Err(Stop::Exit | Stop::Return(_)) => Ok(walker.calls),
    }
}

/// Why the commands that follow do not run.
enum Stop {
    Return(Truth),
    Exit,
    Error(ScriptError),
}

struct Walker {
    names: Names,
    variables: Variables,
    calls: Vec<Call>,
    is_certain: bool,
    depth: usize,
    steps: usize,
    bytes: usize,
}

impl Walker {
    fn list(&mut self, list: &List) -> Result<Truth, Stop> {
        let mut truth = Truth::Yes;
        for step in list {
            truth = match (step.after, truth) {
                (After::Success, Truth::No) => Truth::No,
                (After::Failure, Truth::Yes) => Truth::Yes,
                (After::Any, _) | (After::Success, Truth::Yes) | (After::Failure, Truth::No) => self.step(step)?,
                (After::Success | After::Failure, Truth::Maybe) => self.uncertain(|walker| walker.step(step))?,
            };
        }
        Ok(truth)
    }

    fn step(&mut self, step: &Step) -> Result<Truth, Stop> {
        let mut truth = Truth::Yes;
        for node in &step.pipeline {
            truth = self.node(node)?;
        }
        Ok(if step.is_negated { truth.negated() } else { truth })
    }

    /// Follows commands that may not run: they cannot end the script.
    fn uncertain(&mut self, follow: impl FnOnce(&mut Self) -> Result<Truth, Stop>) -> Result<Truth, Stop> {
        let was_certain = std::mem::replace(&mut self.is_certain, false);
        let result = follow(self);
        self.is_certain = was_certain;
        match result {
            Err(Stop::Error(error)) => Err(Stop::Error(error)),
            _ => Ok(Truth::Maybe),
        }
    }

    fn node(&mut self, node: &Node) -> Result<Truth, Stop> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(Stop::Error(ScriptError::Long));
        }
        match node {
            Node::Simple(simple) => self.simple(simple),
            Node::If { arms, otherwise } => self.if_node(arms, otherwise),
            Node::Case { word, arms } => self.case(word, arms),
            Node::For { name, words, body } => {
                let values: Vec<Field> = words.iter().flat_map(|word| self.variables.expand(word)).collect();
                for value in values {
                    self.variables.set(name, value);
                    self.list(body)?;
                }
                Ok(Truth::Yes)
            }
            Node::While { condition, body } => {
                self.list(condition)?;
                self.uncertain(|walker| walker.list(body))
            }
            Node::Braces(body) => self.list(body),
            Node::Subshell(body) => match self.list(body) {
                Err(Stop::Exit) => Ok(Truth::Maybe),
                result => result,
            },
            Node::Function { .. } => Ok(Truth::Yes),
        }
    }

    fn if_node(&mut self, arms: &[(List, List)], otherwise: &List) -> Result<Truth, Stop> {
        let mut is_decided = true;
        for (condition, body) in arms {
            let truth = match is_decided {
                true => self.list(condition)?,
                false => self.uncertain(|walker| walker.list(condition))?,
            };
            match (truth, is_decided) {
                (Truth::No, _) => {}
                (Truth::Yes, true) => return self.list(body),
                _ => {
                    is_decided = false;
                    self.uncertain(|walker| walker.list(body))?;
                }
            }
        }
        match is_decided {
            true => self.list(otherwise),
            false => self.uncertain(|walker| walker.list(otherwise)),
        }
    }

    fn case(&mut self, word: &Word, arms: &[(Vec<Word>, List)]) -> Result<Truth, Stop> {
        let value = self.variables.expand_to_one(word);
        let mut is_decided = true;
        for (patterns, body) in arms {
            let truths = patterns.iter().map(|pattern| matches(&value, &self.variables.expand_to_one(pattern)));
            let truths: Vec<Truth> = truths.collect();
            if truths.iter().all(|truth| *truth == Truth::No) {
                continue;
            }
            if is_decided && truths.contains(&Truth::Yes) {
                return self.list(body);
            }
            is_decided = false;
            self.uncertain(|walker| walker.list(body))?;
            if truths.contains(&Truth::Yes) {
                break;
            }
        }
        Ok(if is_decided { Truth::Yes } else { Truth::Maybe })
    }

    fn simple(&mut self, simple: &Simple) -> Result<Truth, Stop> {
        let declarations = simple.words.iter().filter_map(Word::assignment);
        let is_declaration = simple
            .words
            .first()
            .and_then(Word::bare)
            .is_some_and(|verb| matches!(verb, "export" | "local" | "readonly" | "declare"));
        let assignments: Vec<(String, Word)> = match is_declaration {
            true => declarations.collect(),
            false if simple.words.is_empty() => simple.assignments.clone(),
            // `NAME=value command` sets the variable for the command only.
            false => Vec::new(),
        };
        for (name, value) in &assignments {
            let is_constant = self.names.assignments.get(name) == Some(&1);
            let value = match is_constant {
                true => self.variables.expand_to_one(value),
                false => Field::Unknown(format!("${name}")),
            };
            self.variables.set(name, value);
        }
        if is_declaration || simple.words.is_empty() {
            return Ok(Truth::Maybe);
        }
        let words: Vec<Field> = simple.words.iter().flat_map(|word| self.variables.expand(word)).collect();
        self.command(simple.line, words)
    }

    fn command(&mut self, line: u32, mut words: Vec<Field>) -> Result<Truth, Stop> {
        self.bytes += words.iter().map(|word| word.shown().len() + size_of::<Field>()).sum::<usize>();
        if self.bytes > MAX_BYTES {
            return Err(Stop::Error(ScriptError::Long));
        }
        let is_prefix = |field: &Field| matches!(field.known(), Some("exec" | "command"));
        if words.len() > 1
            && words.first().is_some_and(is_prefix)
            && !words.iter().any(|word| word.known() == Some("-v"))
        {
            words.remove(0);
        }
        let verb = words.first().and_then(Field::known).unwrap_or_default().to_owned();
        match verb.as_str() {
            "exit" => return Err(Stop::Exit),
            "return" => {
                let truth = match words.get(1).map(Field::known) {
                    None => Truth::Maybe,
                    Some(Some("0")) => Truth::Yes,
                    Some(Some(_)) => Truth::No,
                    Some(None) => Truth::Maybe,
                };
                return Err(Stop::Return(truth));
            }
            "shift" => drop(self.variables.arguments.drain(..self.variables.arguments.len().min(1))),
            "set" if words.get(1).and_then(Field::known) == Some("--") => {
                self.variables.arguments = words.into_iter().skip(2).collect();
                return Ok(Truth::Yes);
            }
            _ => {}
        }
        if let Some(body) = self.names.functions.get(&verb).cloned().filter(|_| self.depth < MAX_CALLS) {
            return self.function(&body, words);
        }
        let truth = status(&words);
        if !words.is_empty() {
            self.calls.push(Call { line, words, is_certain: self.is_certain });
        }
        Ok(truth)
    }

    fn function(&mut self, body: &Node, words: Vec<Field>) -> Result<Truth, Stop> {
        let arguments = words.into_iter().skip(1).collect();
        let outer = std::mem::replace(&mut self.variables.arguments, arguments);
        self.depth += 1;
        let result = self.node(body);
        self.depth -= 1;
        self.variables.arguments = outer;
        match result {
            Err(Stop::Return(truth)) => Ok(truth),
            result => result,
        }
    }
}

/// Returns whether a value has the form of a pattern.
fn matches(value: &Field, pattern: &Field) -> Truth {
    let Some(pattern) = pattern.known() else { return Truth::Maybe };
    if pattern == "*" {
        return Truth::Yes;
    }
    let Some(value) = value.known() else { return Truth::Maybe };
    match pattern.split_once(['*', '?', '[']) {
        None => Truth::of(value == pattern),
        Some((prefix, _)) if !value.starts_with(prefix) => Truth::No,
        Some((_, "")) if pattern.ends_with('*') => Truth::Yes,
        Some(_) => Truth::Maybe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Vec<String> {
        let shown = |call: &Call| format!("{}{}", if call.is_certain { "" } else { "? " }, call.text());
        calls(text).unwrap().iter().filter(|call| call.verb() == "do-it").map(shown).collect()
    }

    #[test]
    fn a_first_installation_is_followed() {
        let text = "case \"$1\" in\n configure)\n do-it 1\n [ -z \"$2\" ] && do-it 2\n ;;\n abort-*) do-it 3;;\n *) \
                    exit 1;;\nesac\nif [ \"$1\" = triggered ]; then do-it 4; exit 0; fi\nif dpkg --compare-versions \
                    \"$2\" lt-nl 2; then do-it 5; else do-it 6; fi\nif deb-systemd-helper debian-installed x; then\n \
                    do-it 7\nfi\nexit 0\ndo-it 8\n";
        assert_eq!(run(text), ["do-it 1", "do-it 2", "do-it 6"]);
    }

    #[test]
    fn both_branches_of_an_open_condition_are_uncertain() {
        let text = "if getent group x; then do-it 1; exit 0; else do-it 2; fi\ndo-it 3\nwhich y || do-it 4";
        assert_eq!(run(text), ["? do-it 1", "? do-it 2", "do-it 3", "? do-it 4"]);
    }

    #[test]
    fn functions_get_their_arguments() {
        let text = "in_root() { if [ -z \"${DPKG_ROOT:-}\" ]; then \"$@\"; else chroot \"$DPKG_ROOT\" \"$@\"; fi; }\n\
                    both() {\n A=$1\n do-it \"$A:$2\" $3\n}\nin_root do-it 'a b'\nboth 1 2\nboth x \"y z\" \"p q\"";
        assert_eq!(run(text), ["do-it 'a b'", "do-it 1:2", "do-it x:'y z' p q".replace("x:'y z'", "'x:y z'").as_str()]);
    }

    #[test]
    fn constants_are_known_and_other_values_are_not() {
        let text = "A=/usr/x\nB=1\nB=2\ndo-it \"$A/y\" $B `id -u` ${DPKG_ROOT:+--root=\"$DPKG_ROOT\"}";
        assert_eq!(run(text), ["do-it /usr/x/y $B `id -u`"]);
        assert_eq!(run("for i in a b; do do-it $i; done"), ["do-it a", "do-it b"]);
    }

    #[test]
    fn endless_scripts_end() {
        assert_eq!(run("f() { f; }\nf; while :; do do-it; done"), ["? do-it"]);
        // Each function calls the next one ten times; calls in calls are followed up to a depth.
        let functions = (0..20).map(|one| format!("f{one}() {{ {} }}\n", format!("f{}; ", one + 1).repeat(10)));
        let doubling = functions.collect::<String>() + "f0";
        assert_eq!(calls(&doubling), Err(ScriptError::Long));
        let nested = "for a in 1 2 3 4 5 6 7 8 9; do ".repeat(12) + "x" + &"; done".repeat(12);
        assert_eq!(calls(&nested), Err(ScriptError::Long));
        let growing = "set -- \"$@\" \"$@\"\n".repeat(5000);
        assert_eq!(calls(&growing), Err(ScriptError::Long));
    }

    #[test]
    fn scripts_of_other_interpreters_are_refused() {
        assert!(matches!(calls("#!/usr/bin/perl\nexit"), Err(ScriptError::Interpreter(_))));
        assert!(calls("#! /bin/sh -e\nx").is_ok());
        assert_eq!(calls(&"\n".repeat(30_000)), Err(ScriptError::TooLarge));
    }
}
