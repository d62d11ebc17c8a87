use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::Assignment;
use crate::Kind;
use crate::Symbol;
use crate::SymbolType;
use crate::Value;

/// All that was said about one symbol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The last assignment: the one that counts.
    pub winner: Assignment,
    /// The earlier ones, oldest first.
    pub shadowed: Vec<Assignment>,
    /// The place among all assignments of the merge of the last one that Kconfig can take: of two members of a Kconfig
    /// choice that are both `y`, the later one counts.
    pub sequence: usize,
}

impl Entry {
    /// Returns the assignment that Kconfig takes for a symbol of a type, and what it reads there: the last one whose value
    /// is of the type. `None` when there is none.
    pub fn read(&self, kind: SymbolType) -> Option<(&Assignment, String)> {
        self.latest_first().find_map(|assignment| Some((assignment, assignment.value.read(kind)?)))
    }

    /// Returns whether the symbol ends as `y`.
    pub fn is_yes(&self) -> bool {
        let kind = match is_of_buildroot(&self.winner.symbol) {
            true => SymbolType::Bool,
            false => SymbolType::Tristate,
        };
        self.read(kind).is_some_and(|(_, value)| value == "y")
    }

    fn latest_first(&self) -> impl Iterator<Item = &Assignment> {
        std::iter::once(&self.winner).chain(self.shadowed.iter().rev())
    }

    /// Returns what Kconfig has to see so that it reads what all assignments together say, oldest first: the last of
    /// each type, since only Kconfig knows which type the symbol has.
    fn needed(&self) -> Vec<&Assignment> {
        let mut needed = Vec::new();
        let mut missing = match is_of_buildroot(&self.winner.symbol) {
            true => vec![SymbolType::Bool, SymbolType::String, SymbolType::Int, SymbolType::Hex],
            false => Vec::new(),
        };
        for assignment in self.latest_first() {
            let before = missing.len();
            missing.retain(|kind| assignment.value.read(*kind).is_none());
            if missing.len() < before || needed.is_empty() {
                needed.push(assignment);
            }
        }
        needed.reverse();
        needed
    }
}

/// Whether a symbol is Buildroot's, or that of an external tree. Buildroot has no modules, and SkiffOS puts its fragments
/// one behind the other; of the other programs', it keeps the last assignment only.
fn is_of_buildroot(symbol: &Symbol) -> bool {
    !symbol.as_str().starts_with(Kind::Kernel.prefix())
}

/// The result of a merge: for every symbol the winning assignment and those that it shadows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Merged {
    entries: BTreeMap<Symbol, Entry>,
    #[serde(skip)]
    assigned: usize,
}

/// Merges assignments in order: the last one of a symbol wins.
pub fn merge(assignments: impl IntoIterator<Item = Assignment>) -> Merged {
    let mut merged = Merged::default();
    for assignment in assignments {
        merged.assign(assignment);
    }
    merged
}

impl Merged {
    /// Makes an empty configuration.
    pub const fn new() -> Self {
        Self { entries: BTreeMap::new(), assigned: 0 }
    }

    /// Adds one more assignment on top of all others.
    pub fn assign(&mut self, assignment: Assignment) {
        use std::collections::btree_map::Entry as Slot;
        self.assigned += 1;
        // Kconfig ignores a value that is of no type: it is as if the line were not there. Of the other programs' symbols,
        // the earlier lines are not kept.
        let counts = !is_of_buildroot(&assignment.symbol)
            || SymbolType::ALL.into_iter().any(|kind| assignment.value.read(kind).is_some());
        let sequence = self.assigned;
        match self.entries.entry(assignment.symbol.clone()) {
            Slot::Vacant(slot) => {
                slot.insert(Entry { winner: assignment, shadowed: Vec::new(), sequence });
            }
            Slot::Occupied(mut slot) => {
                let entry = slot.get_mut();
                let loser = std::mem::replace(&mut entry.winner, assignment);
                entry.shadowed.push(loser);
                if counts {
                    entry.sequence = sequence;
                }
            }
        }
    }

    /// Returns all that was said about a symbol, or `None` when no fragment mentions it.
    pub fn entry(&self, symbol: &str) -> Option<&Entry> {
        self.entries.get(symbol)
    }

    /// Returns the winning value of a symbol, or `None` when no fragment mentions it.
    pub fn value(&self, symbol: &str) -> Option<&Value> {
        self.entry(symbol).map(|entry| &entry.winner.value)
    }

    /// Returns whether a symbol ended as `y`.
    pub fn is_yes(&self, symbol: &str) -> bool {
        self.entry(symbol).is_some_and(Entry::is_yes)
    }

    /// Returns the member of a Kconfig choice that counts: of those that are `y`, the one assigned last.
    pub fn choice<'s>(&self, members: &[&'s str]) -> Option<&'s str> {
        let chosen = |symbol: &&'s str| {
            let entry = self.entries.get(*symbol)?;
            entry.is_yes().then_some((entry.sequence, *symbol))
        };
        members.iter().filter_map(chosen).max().map(|(_, symbol)| symbol)
    }

    /// Returns the contents of a string symbol, or `None` when it is unset or not a string.
    pub fn string(&self, symbol: &str) -> Option<String> {
        self.entry(symbol)?.read(SymbolType::String).map(|(_, text)| text)
    }

    /// Returns all symbols in name order.
    pub fn entries(&self) -> impl Iterator<Item = (&Symbol, &Entry)> {
        self.entries.iter()
    }

    /// Rewrites every value, winners and shadowed alike.
    pub fn map_text(&mut self, rewrite: impl Fn(&str) -> Option<String>) {
        let apply = |assignment: &mut Assignment| {
            if let Value::Text(text) = &mut assignment.value
                && let Some(new) = rewrite(text)
            {
                *text = new;
            }
        };
        for entry in self.entries.values_mut() {
            apply(&mut entry.winner);
            entry.shadowed.iter_mut().for_each(apply);
        }
    }

    /// Returns all symbols in the order of their winning assignments. Kconfig reads a file from top to bottom, and
    /// of two members of a choice the later one counts.
    pub fn in_order(&self) -> Vec<(&Symbol, &Entry)> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|(_, entry)| entry.sequence);
        entries
    }

    /// Writes the merged configuration: each symbol on a line of its own in the order of the winning
    /// assignments, above it a comment with the layer, file and line that set it and those that it overrides. Where values
    /// of several types were assigned to a symbol of Buildroot, the last of each type is written: Kconfig, which knows the
    /// type, ignores the others.
    ///
    /// Byte-stable: equal input gives equal text.
    pub fn render(&self) -> String {
        let mut out = String::new();
        for (_, entry) in self.in_order() {
            let Entry { winner, shadowed, .. } = entry;
            // Writing into a String cannot fail.
            for assignment in entry.needed().into_iter().filter(|needed| !std::ptr::eq(*needed, winner)) {
                let _ = writeln!(
                    out,
                    "# {}, unless the next line is of the symbol's type\n{assignment}",
                    assignment.origin
                );
            }
            let _ = write!(out, "# {}", winner.origin);
            for loser in shadowed.iter().rev() {
                let _ = write!(out, ", over {:?} from {}", loser.value.text(), loser.origin);
            }
            let _ = writeln!(out, "\n{winner}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fragment;
    use crate::Kind;

    fn merged(fragments: &[(&str, &str)]) -> Merged {
        merge(
            fragments
                .iter()
                .flat_map(|(layer, text)| Fragment::parse(Kind::Kernel, layer, "kernel/f".into(), text).assignments),
        )
    }

    #[test]
    fn later_layer_wins_and_the_earlier_stays_known() {
        let merged = merged(&[("a/a", "CONFIG_X=y\nCONFIG_X=m\n"), ("b/b", "# CONFIG_X is not set")]);
        assert_eq!(merged.value("CONFIG_X"), Some(&Value::NotSet));
        let (_, entry) = merged.entries().next().unwrap();
        let shadowed: Vec<_> = entry.shadowed.iter().map(|a| a.value.text()).collect();
        assert_eq!(shadowed, ["y", "m"]);
    }

    #[test]
    fn names_that_contain_one_another_do_not_touch() {
        let merged =
            merged(&[("a/a", "CONFIG_FOO_BAR=y\nCONFIG_XFOO=y\nCONFIG_S=\"CONFIG_FOO\""), ("b/b", "CONFIG_FOO=n")]);
        assert!(merged.is_yes("CONFIG_FOO_BAR") && merged.is_yes("CONFIG_XFOO"));
        assert_eq!(merged.string("CONFIG_S").as_deref(), Some("CONFIG_FOO"));
        assert_eq!(merged.value("CONFIG_FOO").map(Value::text), Some("n"));
    }

    #[test]
    fn of_a_choice_the_last_yes_counts() {
        let merged = merged(&[("a/a", "CONFIG_A=y\nCONFIG_B=y"), ("b/b", "CONFIG_A=y\n# CONFIG_C is not set")]);
        assert_eq!(merged.choice(&["CONFIG_A", "CONFIG_B", "CONFIG_C"]), Some("CONFIG_A"));
        assert_eq!(merged.choice(&["CONFIG_C", "CONFIG_D"]), None);
    }

    #[test]
    fn text_names_layer_file_and_line_in_the_order_of_the_winners() {
        let merged = merged(&[("a/a", "CONFIG_B=y\nCONFIG_A=1"), ("b/b", "CONFIG_A=2")]);
        assert_eq!(
            merged.render(),
            "# a/a: kernel/f:1\nCONFIG_B=y\n# b/b: kernel/f:1, over \"1\" from a/a: kernel/f:2\nCONFIG_A=2\n"
        );
    }

    #[test]
    fn kconfig_sees_the_last_value_of_each_type() {
        let parse = |text: &str| merge(Fragment::parse(Kind::Buildroot, "l", "f".into(), text).assignments);
        let text = |text: &str| -> Vec<String> {
            parse(text).render().lines().filter(|line| !line.starts_with("# l: ")).map(str::to_owned).collect()
        };
        assert_eq!(text("BR2_A=y\nBR2_A=maybe"), ["BR2_A=y", "BR2_A=maybe"]);
        assert_eq!(
            text("BR2_A=1\nBR2_A=\"s\"\nBR2_A=2\nBR2_A=y\nBR2_A=n # why"),
            ["BR2_A=\"s\"", "BR2_A=2", "BR2_A=n # why"]
        );
        assert_eq!(text("BR2_A=y\n# BR2_A is not set"), ["# BR2_A is not set"]);
        assert!(parse("BR2_A=y # faster\nBR2_A=Y").is_yes("BR2_A"));
        assert_eq!(parse("BR2_A=\"s\"\nBR2_A=t").string("BR2_A").as_deref(), Some("s"));
        // A line that Kconfig ignores chooses nothing.
        assert_eq!(parse("BR2_A=y\nBR2_B=y\nBR2_A=Y").choice(&["BR2_A", "BR2_B"]), Some("BR2_B"));
    }
}
