//! What the real Kconfig made of what was asked for.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::Serialize;

use crate::Assignment;
use crate::Cause;
use crate::Definitions;
use crate::Merged;
use crate::SymbolType;
use crate::Value;
use crate::cause;
use crate::condition::Truth;
use crate::condition::evaluate;
use crate::condition::unmet;
use crate::definition::Definition;
use crate::similar::similar;

/// An assignment that did not come to what it asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// What was asked for.
    pub assignment: Assignment,
    /// The value in the finished configuration; `None` when the symbol is not in it.
    pub present: Option<String>,
    /// Why.
    pub reason: DropReason,
    /// What that comes from in the end, where dependencies do not hold.
    #[serde(default)]
    pub cause: Option<Cause>,
}

/// Why Kconfig did not do what an assignment says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DropReason {
    /// No Kconfig file defines the symbol.
    Unknown {
        /// A symbol with a similar name.
        similar: Option<String>,
    },
    /// Dependencies do not hold.
    Unmet(Vec<String>),
    /// It has no prompt: only other symbols can set it.
    NoPrompt,
    /// Another member of its choice was chosen.
    Choice(String),
    /// Another symbol selects it.
    Selected(String),
    /// The value is none of its type.
    Type(String),
    /// Kconfig has another opinion, such as a range.
    Other,
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { similar: None } => f.write_str("no Kconfig file defines it"),
            Self::Unknown { similar: Some(name) } => write!(f, "no Kconfig file defines it; there is {name}"),
            Self::Unmet(parts) => write!(f, "it depends on {}", parts.join("; and on ")),
            Self::NoPrompt => f.write_str("only other symbols can set it (it has no prompt)"),
            Self::Choice(chosen) => write!(f, "{chosen} of the same choice was chosen"),
            Self::Selected(by) => write!(f, "{by} selects it"),
            Self::Type(wanted) => write!(f, "its value must be {wanted}"),
            Self::Other => f.write_str("Kconfig gives it another value"),
        }
    }
}

/// Returns the assignments whose symbols have other values in the finished configuration: causes first.
///
/// `definitions` is asked only when there are such assignments, since reading it takes a while.
/// Where there are none, the reason is [`DropReason::Other`].
pub fn dropped(wanted: &Merged, finished: &Merged, definitions: impl FnOnce() -> Option<Definitions>) -> Vec<Dropped> {
    let differing: Vec<&Assignment> = wanted
        .entries()
        .filter(|(symbol, entry)| !is_met(&entry.winner.value, finished.value(symbol.as_str())))
        .map(|(_, entry)| &entry.winner)
        .collect();
    if differing.is_empty() {
        return Vec::new();
    }
    let definitions = definitions();
    let why = |assignment: &Assignment| match &definitions {
        Some(definitions) => obstacle(assignment.symbol.as_str(), &assignment.value, finished, definitions),
        None => DropReason::Other,
    };
    let mut dropped: Vec<Dropped> = differing
        .into_iter()
        .map(|assignment| Dropped {
            assignment: assignment.clone(),
            present: finished.value(assignment.symbol.as_str()).map(|value| value.text().to_owned()),
            reason: why(assignment),
            cause: None,
        })
        .collect();
    if let Some(definitions) = &definitions {
        cause::find(&mut dropped, finished, definitions);
    }
    // What is unknown or of the wrong type is a cause; what depends on something may be no more than its effect.
    dropped.sort_by_key(|dropped| matches!(dropped.reason, DropReason::Unmet(_)));
    dropped
}

/// Whether a finished configuration says what an assignment wants. A symbol that is absent is off, or empty.
///
/// The finished value shows the type, and the wanted one is read as Kconfig reads it for that type.
pub fn is_met(wanted: &Value, finished: Option<&Value>) -> bool {
    let Some(finished) = finished else { return wanted.is_off() };
    if wanted.is_off() && finished.is_off() {
        return true;
    }
    let same = |kind| match (wanted.read(kind), finished.read(kind)) {
        (Some(wanted), Some(finished)) => wanted == finished || same_number(&wanted, &finished),
        _ => false,
    };
    // A number without letters is of both types of numbers, which read it alike.
    SymbolType::ALL.into_iter().any(same)
}

fn same_number(a: &str, b: &str) -> bool {
    let digits = |text: &str| text.strip_prefix("0x").or(text.strip_prefix("0X")).map(str::to_owned);
    let number = |text: &str| digits(text).and_then(|hex| u64::from_str_radix(&hex, 16).ok());
    matches!((number(a), number(b)), (Some(a), Some(b)) if a == b)
}

/// Returns what keeps a symbol from having a value, in a finished configuration in which it has another one.
pub fn obstacle(name: &str, value: &Value, finished: &Merged, definitions: &Definitions) -> DropReason {
    let places = definitions.of(name);
    if places.is_empty() {
        return DropReason::Unknown { similar: similar(name, definitions.names()).map(str::to_owned) };
    }
    let wants_off = value.is_off();
    if wants_off && let Some(by) = selecting(name, finished, definitions) {
        return DropReason::Selected(by.to_owned());
    }
    if let Some(kind) = definitions.kind(name)
        && let Some(expected) = mismatch(kind, value)
    {
        return DropReason::Type(expected.to_owned());
    }
    let visible = |place: &&Definition| holds(&place.depends, finished) && prompted(place, finished);
    if places.iter().all(|place| place.prompt.is_none()) {
        return DropReason::NoPrompt;
    }
    let Some(place) = places.iter().find(visible) else {
        let mut parts = BTreeSet::new();
        for place in places.iter().filter(|place| place.prompt.is_some()) {
            for condition in place.depends.iter().chain(place.prompt.iter().flatten()) {
                unmet(condition, finished, &mut parts);
            }
        }
        return DropReason::Unmet(parts.into_iter().collect());
    };
    let chosen = place.choice.and_then(|choice| {
        let mut members = definitions.members(choice);
        members.find(|other| *other != name && finished.is_yes(other))
    });
    match chosen {
        Some(chosen) if !wants_off => DropReason::Choice(chosen.to_owned()),
        _ => DropReason::Other,
    }
}

fn holds(conditions: &[std::sync::Arc<nom_kconfig::attribute::Expression>], finished: &Merged) -> bool {
    conditions.iter().all(|condition| evaluate(condition, finished) > Truth::No)
}

fn prompted(place: &Definition, finished: &Merged) -> bool {
    place.prompt.as_ref().is_some_and(|conditions| holds(conditions, finished))
}

/// Finds a symbol that is on and selects another.
pub fn selecting<'d>(name: &str, finished: &Merged, definitions: &'d Definitions) -> Option<&'d str> {
    let selects = |place: &Definition| {
        place.selects.iter().any(|(selected, condition)| {
            selected == name && condition.as_ref().is_none_or(|condition| evaluate(condition, finished) > Truth::No)
        })
    };
    let mut on = definitions.iter().filter(|(by, _)| finished.value(by).is_some_and(|v| v.text() != "n"));
    on.find(|(_, places)| places.iter().any(selects)).map(|(by, _)| by)
}

/// What a value should be, if it is not that.
fn mismatch(kind: SymbolType, value: &Value) -> Option<&'static str> {
    if value.read(kind).is_some() || *value == Value::NotSet {
        return None;
    }
    Some(match kind {
        SymbolType::Bool => "y or n",
        SymbolType::Tristate => "y, m or n",
        SymbolType::String => "a text in quotes",
        SymbolType::Int => "a whole number",
        SymbolType::Hex => "a hexadecimal number",
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;
    use crate::Fragment;
    use crate::Kind;
    use crate::merge;

    const KCONFIG: &str = r#"
mainmenu "Test"
config BR2_A
	bool "a"
	help
	  source of much joy
source "$DIR/inner.in"
source "$NOWHERE/x.in"
choice
	prompt "which"
config BR2_ONE
	bool "one"
config BR2_TWO
	bool "two"
endchoice
config BR2_HIDDEN
	bool
config BR2_PULLS
	bool "pulls"
	select BR2_PULLED
config BR2_PULLED
	bool "pulled"
config BR2_N
	int "n"
"#;

    const INNER: &str = r#"
if BR2_A
config BR2_B
	bool "b"
	depends on !BR2_STATIC || BR2_A
	depends on BR2_THREADS && (BR2_C || BR2_D)
endif
"#;

    fn config(text: &str) -> Merged {
        merge(Fragment::parse(Kind::Buildroot, "l", "f".into(), text).assignments)
    }

    fn reasons(wanted: &str, finished: &str) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("Config.in"), KCONFIG).unwrap();
        fs::create_dir(root.path().join("sub")).unwrap();
        fs::write(root.path().join("sub/inner.in"), INNER).unwrap();
        let variables = BTreeMap::from([("DIR".to_owned(), root.path().join("sub").to_string_lossy().into_owned())]);
        let definitions = Definitions::read(Kind::Buildroot, root.path(), &variables).unwrap();
        let dropped = dropped(&config(wanted), &config(finished), || Some(definitions));
        dropped.iter().map(|d| format!("{}: {}", d.assignment, d.reason)).collect()
    }

    #[test]
    fn each_reason_is_found() {
        assert_eq!(
            reasons("BR2_WHOLLY_OTHER=y\nBR2_PULED=y", "BR2_A=y"),
            [
                "BR2_PULED=y: no Kconfig file defines it; there is BR2_PULLED",
                "BR2_WHOLLY_OTHER=y: no Kconfig file defines it"
            ]
        );
        assert_eq!(reasons("BR2_B=y", "BR2_A=y\nBR2_C=y"), ["BR2_B=y: it depends on BR2_THREADS, which is n"]);
        assert_eq!(
            reasons("BR2_B=y", "BR2_THREADS=y\n# BR2_A is not set"),
            ["BR2_B=y: it depends on BR2_A, which is n; and on BR2_C || BR2_D, which are all n"]
        );
        assert_eq!(reasons("BR2_ONE=y", "BR2_TWO=y"), ["BR2_ONE=y: BR2_TWO of the same choice was chosen"]);
        assert_eq!(reasons("BR2_HIDDEN=y", ""), ["BR2_HIDDEN=y: only other symbols can set it (it has no prompt)"]);
        assert_eq!(
            reasons("# BR2_PULLED is not set", "BR2_PULLS=y\nBR2_PULLED=y"),
            ["# BR2_PULLED is not set: BR2_PULLS selects it"]
        );
        assert_eq!(reasons("BR2_N=many", "BR2_N=1"), ["BR2_N=many: its value must be a whole number"]);
    }

    #[test]
    fn what_is_off_may_be_absent() {
        assert_eq!(reasons("# BR2_A is not set\nBR2_B=n\nBR2_S=\"\"\nBR2_X=0x0A", "BR2_X=0xa"), [""; 0]);
    }

    #[test]
    fn a_cause_is_followed_to_its_end() {
        const KCONFIG: &str = "config BR2_AT_LEAST_5\n\tbool\nconfig BR2_AT_LEAST_6\n\tbool\n\tselect BR2_AT_LEAST_5\n\
            choice\n\tprompt \"headers\"\nconfig BR2_HEADERS_4_9\n\tbool \"4\"\n\
            config BR2_HEADERS_6_1\n\tbool \"6\"\n\tselect BR2_AT_LEAST_6\nendchoice\n\
            config BR2_LIB\n\tbool \"lib\"\n\tdepends on BR2_AT_LEAST_5\n\
            config BR2_TOOL\n\tbool \"tool\"\n\tdepends on BR2_LIB\n\tdepends on BR2_OFF\n\
            config BR2_OFF\n\tbool \"off\"\nconfig BR2_ALONE\n\tbool \"alone\"\n\tdepends on BR2_OFF\n\
            config BR2_STATIC\n\tbool \"s\"\n\tdepends on !BR2_HEADERS_4_9\n";
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("Config.in"), KCONFIG).unwrap();
        let definitions = Definitions::read(Kind::Buildroot, root.path(), &BTreeMap::new()).unwrap();
        let causes = |wanted: &str| -> Vec<String> {
            let definitions = definitions.clone();
            let dropped = dropped(&config(wanted), &config("BR2_HEADERS_4_9=y"), || Some(definitions));
            let line = |d: &Dropped| {
                let cause = d.cause.as_ref().map_or("its own".into(), |c| format!("{} {}", c.symbol, c.why));
                format!("{}: {cause}", d.assignment.symbol)
            };
            dropped.iter().map(line).collect()
        };
        // The headers of a newer kernel would have selected what the library needs.
        assert_eq!(
            causes("BR2_HEADERS_7_1=y\nBR2_LIB=y\nBR2_TOOL=y"),
            [
                "BR2_HEADERS_7_1: its own",
                "BR2_LIB: BR2_HEADERS_7_1 no Kconfig file defines it",
                "BR2_TOOL: BR2_HEADERS_7_1 no Kconfig file defines it"
            ]
        );
        assert_eq!(causes("BR2_LIB=y"), ["BR2_LIB: BR2_AT_LEAST_5 no symbol that is on selects it"]);
        // The cause of most settings.
        assert_eq!(
            causes("BR2_TOOL=y\nBR2_ALONE=y"),
            ["BR2_ALONE: BR2_OFF it is not set", "BR2_TOOL: BR2_OFF it is not set"]
        );
        assert_eq!(causes("BR2_STATIC=y"), ["BR2_STATIC: !BR2_HEADERS_4_9 (BR2_HEADERS_4_9 is y) "]);
    }
}
