//! What holds for all fragments, however odd.

use proptest::prelude::*;
use skiff_kconfig::Assignment;
use skiff_kconfig::Fragment;
use skiff_kconfig::Kind;
use skiff_kconfig::Merged;
use skiff_kconfig::merge;

/// Lines that are likely to be interesting, and some that are anything.
fn text() -> impl Strategy<Value = String> {
    let symbol = "CONFIG_[A-D_]{1,3}";
    let line = prop_oneof![
        4 => (symbol, "(y|m|n|\"[a-z \\\\]{0,5}\"|0x1f|.{0,6}| )").prop_map(|(name, value)| format!("{name}={value}")),
        2 => symbol.prop_map(|name| format!("# {name} is not set")),
        1 => symbol.prop_map(|name| format!("# {name} is not set\r")),
        1 => ".{0,20}",
    ];
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

fn assignments(layer: &str, text: &str) -> Vec<Assignment> {
    Fragment::parse(Kind::Kernel, layer, "f".into(), text).assignments
}

/// Symbols and values in the order in which Kconfig will read them.
fn values(merged: &Merged) -> Vec<(String, String)> {
    let pairs = merged.in_order().into_iter();
    pairs.map(|(symbol, entry)| (symbol.to_string(), entry.winner.value.text().to_owned())).collect()
}

fn merged(texts: &[&str]) -> Merged {
    merge(texts.iter().enumerate().flat_map(|(at, text)| assignments(&format!("l/{at}"), text)))
}

proptest! {
    #[test]
    fn every_line_is_an_assignment_a_problem_or_nothing(text in ".{0,400}|(\\PC|\n){0,200}") {
        for kind in Kind::ALL {
            let fragment = Fragment::parse(kind, "l", "f".into(), &text);
            let lines = text.split('\n').count();
            prop_assert!(fragment.assignments.len() + fragment.problems.len() <= lines);
            let places = fragment.assignments.iter().map(|a| &a.origin).chain(fragment.problems.iter().map(|p| &p.origin));
            for origin in places {
                prop_assert!((1..=lines).contains(&usize::try_from(origin.line).unwrap()));
            }
        }
    }

    #[test]
    fn what_is_written_reads_back_the_same(a in text(), b in text()) {
        let merged = merged(&[&a, &b]);
        let again = merge(assignments("again", &merged.render()));
        prop_assert_eq!(values(&again), values(&merged));
    }

    #[test]
    fn merging_is_associative_over_layers(a in text(), b in text(), c in text()) {
        let all = values(&merged(&[&a, &b, &c]));
        let left = merged(&[&merged(&[&a, &b]).render(), &c]);
        prop_assert_eq!(values(&left), all.clone());
        let right = merged(&[&a, &merged(&[&b, &c]).render()]);
        prop_assert_eq!(values(&right), all);
    }

    #[test]
    fn nothing_that_was_said_is_forgotten(a in text(), b in text()) {
        let said = assignments("l/0", &a).len() + assignments("l/1", &b).len();
        let kept: usize = merged(&[&a, &b]).entries().map(|(_, entry)| 1 + entry.shadowed.len()).sum();
        prop_assert_eq!(said, kept);
    }
}
