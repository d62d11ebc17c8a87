//! Which few symbols many settings have come to nothing for.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde::Serialize;

use crate::Definitions;
use crate::DropReason;
use crate::Dropped;
use crate::Merged;
use crate::Value;
use crate::condition::Unmet;
use crate::condition::unmet_parts;
use crate::verdict::obstacle;

/// What keeps settings whose dependencies do not hold from having an effect, in the end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cause {
    /// The symbol, or the condition where no single symbol is at fault.
    pub symbol: String,
    /// Why it is off; empty for a condition.
    pub why: String,
}

/// Dependencies that are followed from a setting to its cause.
const MAX_DEPTH: usize = 32;

/// Finds the cause of each setting whose dependencies do not hold: where there are several, the one of most settings.
pub(crate) fn find(dropped: &mut [Dropped], finished: &Merged, definitions: &Definitions) {
    let unknown: Vec<String> = dropped
        .iter()
        .filter(|dropped| matches!(dropped.reason, DropReason::Unknown { .. }))
        .map(|dropped| dropped.assignment.symbol.to_string())
        .collect();
    let mut finder = Finder { finished, definitions, unknown, known: BTreeMap::new() };
    let found: Vec<BTreeSet<Cause>> = dropped
        .iter()
        .map(|dropped| match dropped.reason {
            DropReason::Unmet(_) => finder.causes(dropped.assignment.symbol.as_str(), 0),
            _ => BTreeSet::new(),
        })
        .collect();
    let mut counts: BTreeMap<&Cause, usize> = BTreeMap::new();
    for cause in found.iter().flatten() {
        *counts.entry(cause).or_default() += 1;
    }
    for (dropped, causes) in dropped.iter_mut().zip(&found) {
        let count = |cause: &&Cause| counts.get(*cause).copied().unwrap_or_default();
        dropped.cause = causes.iter().rev().max_by_key(count).cloned();
    }
}

struct Finder<'f> {
    finished: &'f Merged,
    definitions: &'f Definitions,
    /// Symbols that layers set and no Kconfig file defines.
    unknown: Vec<String>,
    /// The causes of symbols that were looked at; empty while they are.
    known: BTreeMap<String, BTreeSet<Cause>>,
}

impl Finder<'_> {
    /// Returns the causes for which the dependencies of a symbol do not hold.
    fn causes(&mut self, name: &str, depth: usize) -> BTreeSet<Cause> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        self.known.insert(name.to_owned(), BTreeSet::new());
        let mut parts = BTreeSet::new();
        for place in self.definitions.of(name).iter().filter(|place| place.prompt.is_some()) {
            for condition in place.depends.iter().chain(place.prompt.iter().flatten()) {
                unmet_parts(condition, self.finished, &mut parts);
            }
        }
        let mut causes = BTreeSet::new();
        for part in parts {
            match part {
                Unmet::Condition(symbol) => drop(causes.insert(Cause { symbol, why: String::new() })),
                Unmet::Symbol(symbol) => causes.extend(self.roots(symbol, depth + 1)),
            }
        }
        self.known.insert(name.to_owned(), causes.clone());
        causes
    }

    /// Returns why a symbol that others depend on is off.
    fn roots(&mut self, symbol: String, depth: usize) -> BTreeSet<Cause> {
        let one = |symbol: String, why: &str| BTreeSet::from([Cause { symbol, why: why.to_owned() }]);
        match obstacle(&symbol, &Value::Text("y".into()), self.finished, self.definitions) {
            DropReason::Unmet(_) if depth < MAX_DEPTH => {
                let causes = self.causes(&symbol, depth);
                // Symbols that depend on one another have no end to find.
                if causes.is_empty() { one(symbol, "it is off") } else { causes }
            }
            DropReason::Unknown { .. } => one(symbol, NOT_DEFINED),
            DropReason::NoPrompt => match self.unknown_selecting(&symbol) {
                Some(unknown) => one(unknown, NOT_DEFINED),
                None => one(symbol, "no symbol that is on selects it"),
            },
            DropReason::Other => one(symbol, "it is not set"),
            reason => one(symbol, &reason.to_string()),
        }
    }

    /// Finds a symbol that no Kconfig file defines and whose likes select another one, directly or through others: what
    /// a newer release has, such as the headers of a newer kernel.
    fn unknown_selecting(&self, symbol: &str) -> Option<String> {
        let mut selecting = BTreeSet::from([symbol.to_owned()]);
        loop {
            let selects = |(_, places): &(&str, &[crate::definition::Definition])| {
                places.iter().any(|place| place.selects.iter().any(|(selected, _)| selecting.contains(selected)))
            };
            let more: Vec<String> = self
                .definitions
                .iter()
                .filter(|(name, _)| !selecting.contains(*name))
                .filter(selects)
                .map(|(name, _)| name.to_owned())
                .collect();
            if more.is_empty() {
                break;
            }
            selecting.extend(more);
        }
        let alike = |unknown: &&String| {
            let stem = unknown.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
            stem.len() < unknown.len()
                && selecting.iter().any(|name| {
                    name.strip_prefix(stem)
                        .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit() || c == '_'))
                })
        };
        self.unknown.iter().find(alike).cloned()
    }
}

/// What is said of a symbol that only other releases have.
const NOT_DEFINED: &str = "no Kconfig file defines it";
