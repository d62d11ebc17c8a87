//! Dependencies, evaluated over a finished configuration.

use std::collections::BTreeSet;

use nom_kconfig::Symbol;
use nom_kconfig::attribute::AndExpression;
use nom_kconfig::attribute::Atom;
use nom_kconfig::attribute::CompareExpression;
use nom_kconfig::attribute::CompareOperator;
use nom_kconfig::attribute::Expression;
use nom_kconfig::attribute::OrExpression;
use nom_kconfig::attribute::Term;
use nom_kconfig::attribute::expression::CompareOperand;

use crate::Merged;

/// A truth value of Kconfig: the least of several for `&&`, the greatest for `||`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Truth {
    No,
    Module,
    Yes,
}

/// Evaluates a condition. What only a compiler or a shell could answer counts as true.
pub(crate) fn evaluate(expression: &Expression, config: &Merged) -> Truth {
    match expression {
        OrExpression::Term(term) => and(term, config),
        OrExpression::Expression(terms) => terms.iter().map(|term| and(term, config)).max().unwrap_or(Truth::Yes),
    }
}

fn and(expression: &AndExpression, config: &Merged) -> Truth {
    match expression {
        AndExpression::Term(one) => term(one, config),
        AndExpression::Expression(terms) => terms.iter().map(|one| term(one, config)).min().unwrap_or(Truth::Yes),
    }
}

fn term(term: &Term, config: &Merged) -> Truth {
    match term {
        Term::Atom(inner) => atom(inner, config),
        Term::Not(inner) => match atom(inner, config) {
            Truth::No => Truth::Yes,
            Truth::Module => Truth::Module,
            Truth::Yes => Truth::No,
        },
    }
}

fn atom(atom: &Atom, config: &Merged) -> Truth {
    match atom {
        Atom::Symbol(symbol) => match text(symbol, config).as_str() {
            "y" => Truth::Yes,
            "m" => Truth::Module,
            _ => Truth::No,
        },
        Atom::Compare(compare) => match holds(compare, config) {
            true => Truth::Yes,
            false => Truth::No,
        },
        Atom::Macro(_) => Truth::Yes,
        Atom::Parenthesis(inner) => evaluate(inner, config),
    }
}

fn holds(compare: &CompareExpression, config: &Merged) -> bool {
    let operand = |operand: &CompareOperand| match operand {
        CompareOperand::Symbol(symbol) => Some(text(symbol, config)),
        CompareOperand::Macro(_) => None,
    };
    let (Some(left), Some(right)) = (operand(&compare.left), operand(&compare.right)) else { return true };
    let order = match (number(&left), number(&right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.cmp(&right),
    };
    match compare.operator {
        CompareOperator::Equal => order.is_eq(),
        CompareOperator::NotEqual => order.is_ne(),
        CompareOperator::GreaterThan => order.is_gt(),
        CompareOperator::GreaterOrEqual => order.is_ge(),
        CompareOperator::LowerThan => order.is_lt(),
        CompareOperator::LowerOrEqual => order.is_le(),
    }
}

fn number(text: &str) -> Option<i128> {
    match text.strip_prefix("0x") {
        Some(hex) => i128::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Returns the value of a symbol: that of a constant is its text, that of one that is absent `n`.
fn text(symbol: &Symbol, config: &Merged) -> String {
    match symbol {
        Symbol::Constant(constant) => constant.to_string().trim_matches('"').to_owned(),
        Symbol::NonConstant(name) if matches!(name.as_str(), "y" | "m" | "n") => name.clone(),
        Symbol::NonConstant(name) => value(name, config),
    }
}

fn value(name: &str, config: &Merged) -> String {
    // Kconfig files name symbols without the prefix that the kernel's configuration has.
    let found = config.value(name).or_else(|| config.value(&format!("CONFIG_{name}")));
    found.map_or_else(|| "n".to_owned(), |value| value.string().unwrap_or_else(|| value.text().to_owned()))
}

/// A part of a condition that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unmet {
    /// One symbol that is off.
    Symbol(String),
    /// Anything else, as text with the values of the symbols in it.
    Condition(String),
}

/// Returns the parts of a condition that do not hold, as text, each with the values of the symbols in it.
pub(crate) fn unmet(expression: &Expression, config: &Merged, found: &mut BTreeSet<String>) {
    let mut parts = BTreeSet::new();
    unmet_parts(expression, config, &mut parts);
    found.extend(parts.into_iter().map(|part| match part {
        Unmet::Symbol(name) => format!("{name}, which is {}", value(&name, config)),
        Unmet::Condition(text) => text,
    }));
}

/// Returns the parts of a condition that do not hold.
pub(crate) fn unmet_parts(expression: &Expression, config: &Merged, found: &mut BTreeSet<Unmet>) {
    let parts: Vec<&Term> = match expression {
        OrExpression::Term(AndExpression::Term(one)) => vec![one],
        OrExpression::Term(AndExpression::Expression(terms)) => terms.iter().collect(),
        OrExpression::Expression(_) => {
            if evaluate(expression, config) == Truth::No {
                found.insert(Unmet::Condition(described(&expression.to_string(), expression, config)));
            }
            return;
        }
    };
    for part in parts.into_iter().filter(|part| term(part, config) == Truth::No) {
        match part {
            Term::Atom(Atom::Parenthesis(inner)) => unmet_parts(inner, config, found),
            Term::Atom(Atom::Symbol(Symbol::NonConstant(name))) => drop(found.insert(Unmet::Symbol(name.clone()))),
            _ => {
                let single = OrExpression::Term(AndExpression::Term(part.clone()));
                found.insert(Unmet::Condition(described(&part.to_string(), &single, config)));
            }
        }
    }
}

/// Characters of a condition that are shown.
const SHOWN: usize = 160;

fn described(text: &str, expression: &Expression, config: &Merged) -> String {
    let mut names = BTreeSet::new();
    symbols(expression, &mut names);
    let values: Vec<(&String, String)> = names.iter().map(|name| (name, value(name, config))).collect();
    let plain = !text.contains(['!', '=', '<', '>']);
    let text = match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} …", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    };
    match values.as_slice() {
        [] => text,
        [(name, value)] if text == **name => format!("{name}, which is {value}"),
        all if plain && all.iter().all(|(_, value)| value == "n") => format!("{text}, which are all n"),
        all => {
            let values: Vec<String> = all.iter().map(|(name, value)| format!("{name} is {value}")).collect();
            format!("{text} ({})", values.join(", "))
        }
    }
}

fn symbols(expression: &Expression, names: &mut BTreeSet<String>) {
    let mut of_atom = |atom: &Atom| match atom {
        Atom::Symbol(Symbol::NonConstant(name)) => drop(names.insert(name.clone())),
        Atom::Compare(compare) => {
            for side in [&compare.left, &compare.right] {
                if let CompareOperand::Symbol(Symbol::NonConstant(name)) = side {
                    names.insert(name.clone());
                }
            }
        }
        Atom::Parenthesis(inner) => symbols(inner, names),
        Atom::Symbol(Symbol::Constant(_)) | Atom::Macro(_) => {}
    };
    let mut of_and = |and: &AndExpression| {
        let terms = match and {
            AndExpression::Term(one) => std::slice::from_ref(one),
            AndExpression::Expression(terms) => terms.as_slice(),
        };
        for Term::Not(atom) | Term::Atom(atom) in terms {
            of_atom(atom);
        }
    };
    match expression {
        OrExpression::Term(term) => of_and(term),
        OrExpression::Expression(terms) => terms.iter().for_each(of_and),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use nom_kconfig::Attribute;
    use nom_kconfig::Entry;
    use nom_kconfig::KconfigFile;
    use nom_kconfig::KconfigInput;
    use nom_kconfig::parse_kconfig;

    use super::*;
    use crate::Fragment;
    use crate::Kind;

    fn expression(text: &str) -> Expression {
        let text = format!("config X\n\tbool \"x\"\n\tdepends on {text}\n");
        let file = KconfigFile::new(PathBuf::from("/"), PathBuf::from("Kconfig"));
        let (_, parsed) = parse_kconfig(KconfigInput::new_extra(&text, file)).unwrap();
        let Some(Entry::Config(config)) = parsed.entries.into_iter().next() else { panic!("{text}") };
        let found = config.attributes.into_iter().find_map(|attribute| match attribute {
            Attribute::DependsOn(dependency) => Some(dependency.expression),
            _ => None,
        });
        found.unwrap()
    }

    const CONFIG: &str = "CONFIG_ON=y\nCONFIG_MODULE=m\n# CONFIG_OFF is not set\nCONFIG_NUMBER=12\nCONFIG_HEX=0x10\n\
                          CONFIG_TEXT=\"abc\"\nCONFIG_NINE=9\n";

    fn truth(text: &str) -> Truth {
        let fragment = Fragment::parse(Kind::Kernel, "l", "f".into(), CONFIG);
        evaluate(&expression(text), &crate::merge(fragment.assignments))
    }

    /// As Kconfig's own language has it (kconfig-language.rst, "Menu dependencies").
    #[test]
    fn conditions_have_the_value_that_kconfig_gives_them() {
        for (text, wanted) in [
            ("ON", Truth::Yes),
            ("MODULE", Truth::Module),
            ("OFF", Truth::No),
            ("ABSENT", Truth::No),
            ("!ON", Truth::No),
            ("!MODULE", Truth::Module),
            ("!OFF", Truth::Yes),
            ("ON && MODULE", Truth::Module),
            ("ON && OFF", Truth::No),
            ("OFF || MODULE", Truth::Module),
            ("OFF || MODULE || ON", Truth::Yes),
            ("(OFF || ON) && !(MODULE && OFF)", Truth::Yes),
            ("ON = y", Truth::Yes),
            ("ON != y", Truth::No),
            ("MODULE = m", Truth::Yes),
            ("OFF = n", Truth::Yes),
            ("TEXT = \"abc\"", Truth::Yes),
            ("TEXT != \"abc\"", Truth::No),
            ("ON = MODULE", Truth::No),
        ] {
            assert_eq!(truth(text), wanted, "{text}");
        }
    }

    /// Numbers are compared as numbers: 9 is less than 12, and 0x10 is 16.
    #[test]
    fn numbers_are_compared_as_numbers() {
        for (text, wanted) in [
            ("NINE < NUMBER", true),
            ("NUMBER < NINE", false),
            ("NUMBER <= 12", true),
            ("NUMBER >= 13", false),
            ("HEX > NUMBER", true),
            ("HEX = 16", true),
            ("HEX > 17", false),
            ("NUMBER > -1", true),
        ] {
            assert_eq!(truth(text), if wanted { Truth::Yes } else { Truth::No }, "{text}");
        }
    }

    #[test]
    fn what_does_not_hold_is_named_with_its_value() {
        let fragment = Fragment::parse(Kind::Kernel, "l", "f".into(), CONFIG);
        let config = crate::merge(fragment.assignments);
        let of = |text: &str| {
            let mut found = BTreeSet::new();
            unmet(&expression(text), &config, &mut found);
            found.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(of("ON && OFF && ABSENT"), ["ABSENT, which is n", "OFF, which is n"]);
        assert!(of("ON || OFF").is_empty());
        assert_eq!(of("NUMBER > 20 && ON").len(), 1);
        assert_eq!(of("ON && (OFF && NUMBER < 5)").len(), 2);
    }
}
