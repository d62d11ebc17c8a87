use std::collections::HashMap;
use std::rc::Rc;

use super::syntax::List;
use super::syntax::Node;
use super::syntax::Word;

/// Functions of a script, and how often it assigns its variables.
#[derive(Default)]
pub(super) struct Names {
    pub(super) functions: HashMap<String, Rc<Node>>,
    pub(super) assignments: HashMap<String, usize>,
}

impl Names {
    pub(super) fn of(script: &List) -> Self {
        let mut names = Self::default();
        names.list(script);
        names
    }

    fn list(&mut self, list: &List) {
        for node in list.iter().flat_map(|step| &step.pipeline) {
            self.node(node);
        }
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Simple(simple) => {
                let names = simple.assignments.iter().map(|(name, _)| name.clone());
                let declared = simple.words.iter().filter_map(Word::assignment).map(|(name, _)| name);
                for name in names.chain(declared) {
                    *self.assignments.entry(name).or_default() += 1;
                }
            }
            Node::If { arms, otherwise } => {
                for (condition, body) in arms {
                    self.list(condition);
                    self.list(body);
                }
                self.list(otherwise);
            }
            Node::Case { arms, .. } => arms.iter().for_each(|(_, body)| self.list(body)),
            Node::For { body, .. } | Node::Braces(body) | Node::Subshell(body) => self.list(body),
            Node::While { condition, body } => {
                self.list(condition);
                self.list(body);
            }
            Node::Function { name, body } => {
                self.functions.insert(name.clone(), Rc::clone(body));
                self.node(body);
            }
        }
    }
}
