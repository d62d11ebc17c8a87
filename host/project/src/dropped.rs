//! Settings that came to nothing, told by their causes.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use serde_json::json;
use skiff_kconfig::Cause;
use skiff_kconfig::DropReason;
use skiff_kconfig::Dropped;
use skiff_plan::BuildPlan;

/// As many settings are listed one by one.
pub const FEW: usize = 8;

/// Causes that are shown.
const CAUSES: usize = 6;

/// Settings that are named with a cause.
const NAMED: usize = 3;

/// Settings that came to nothing for one reason.
struct Group<'d> {
    /// The reason, in words.
    title: String,
    /// Whether the settings depend on a symbol or a condition that the title names.
    depend: bool,
    /// The setting that is the cause, where a layer makes it.
    head: Option<&'d Dropped>,
    settings: Vec<&'d Dropped>,
}

impl Group<'_> {
    fn size(&self) -> usize {
        self.settings.len() + usize::from(self.head.is_some())
    }
}

/// Says in a few lines what came to nothing: each setting where there are few, else the causes, most settings first.
pub fn summary(plan: &BuildPlan, dropped: &[&Dropped]) -> Vec<String> {
    if dropped.len() <= FEW {
        return dropped.iter().map(|dropped| line(plan, dropped)).collect();
    }
    let groups = groups(dropped);
    let mut lines = Vec::new();
    for group in groups.iter().take(CAUSES) {
        let place = group.head.map(|head| format!(" ({})", plan.place(&head.assignment.origin))).unwrap_or_default();
        lines.push(format!("{}{place}", group.title));
        if group.settings.is_empty() {
            continue;
        }
        let names: Vec<&str> =
            group.settings.iter().take(NAMED).map(|dropped| dropped.assignment.symbol.as_str()).collect();
        let more = match group.settings.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let depend = match (group.depend, group.settings.len()) {
            (false, _) => "",
            (true, 1) => " depends on it",
            (true, _) => " depend on it",
        };
        lines.push(format!("    {}{depend}: {}{more}", counted(group.settings.len()), names.join(", ")));
    }
    let rest: usize = groups.iter().skip(CAUSES).map(Group::size).sum();
    if rest > 0 {
        lines.push(format!("{} for {} other causes", counted(rest), groups.len() - CAUSES));
    }
    lines
}

fn counted(count: usize) -> String {
    match count {
        1 => "1 setting".into(),
        many => format!("{many} settings"),
    }
}

/// The same for programs.
pub fn document(dropped: &[&Dropped]) -> Json {
    let row = |group: &Group<'_>| {
        let names: Vec<&str> = group.settings.iter().map(|dropped| dropped.assignment.symbol.as_str()).collect();
        json!({"cause": group.title, "settings": names})
    };
    groups(dropped).iter().map(row).collect()
}

/// Puts settings together by cause, the cause of most settings first.
fn groups<'d>(dropped: &[&'d Dropped]) -> Vec<Group<'d>> {
    let mut by_cause: BTreeMap<&Cause, Vec<&Dropped>> = BTreeMap::new();
    let mut others = Vec::new();
    for &dropped in dropped {
        match &dropped.cause {
            Some(cause) => by_cause.entry(cause).or_default().push(dropped),
            None => others.push(dropped),
        }
    }
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (cause, settings) in by_cause {
        let head = others.iter().position(|dropped| dropped.assignment.symbol.as_str() == cause.symbol);
        let title = match cause.why.as_str() {
            "" => format!("the condition {} does not hold", cause.symbol),
            why => format!("{}: {why}", cause.symbol),
        };
        let head = head.map(|at| others.remove(at));
        groups.push(Group { title, depend: true, head, settings });
    }
    let mut by_reason: BTreeMap<&'static str, Vec<&Dropped>> = BTreeMap::new();
    for dropped in others {
        by_reason.entry(reason(&dropped.reason)).or_default().push(dropped);
    }
    groups.extend(by_reason.into_iter().map(|(title, settings)| Group {
        title: title.to_owned(),
        depend: false,
        head: None,
        settings,
    }));
    groups.sort_by_key(|group| std::cmp::Reverse(group.size()));
    groups
}

fn reason(reason: &DropReason) -> &'static str {
    match reason {
        DropReason::Unknown { .. } => "no Kconfig file of this Buildroot defines the symbol",
        DropReason::Unmet(_) => "dependencies do not hold",
        DropReason::NoPrompt => "only other symbols can set the symbol (it has no prompt)",
        DropReason::Choice(_) => "another member of the choice was chosen",
        DropReason::Selected(_) => "another symbol selects the symbol",
        DropReason::Type(_) => "the value is not of the symbol's type",
        DropReason::Other => "Kconfig gives the symbol another value",
    }
}

/// Puts a setting that came to nothing into one line: where, what, and why.
pub fn line(plan: &BuildPlan, dropped: &Dropped) -> String {
    let present = match (&dropped.reason, &dropped.present) {
        (DropReason::Unknown { .. } | DropReason::Unmet(_) | DropReason::Choice(_), _) => String::new(),
        (_, None) => " (Kconfig leaves it out)".into(),
        (_, Some(value)) => format!(" (Kconfig has {value})"),
    };
    let place = plan.place(&dropped.assignment.origin);
    format!("{place}: {}: {}{present}", dropped.assignment, dropped.reason)
}

/// Lists all settings for a file, cause by cause.
pub fn listed(plan: &BuildPlan, dropped: &[&Dropped]) -> String {
    let mut text = String::new();
    for group in groups(dropped) {
        text += &format!("# {}\n", group.title);
        for dropped in group.head.into_iter().chain(group.settings) {
            text += &format!("{}\n", line(plan, dropped));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use skiff_kconfig::Assignment;
    use skiff_kconfig::Origin;
    use skiff_kconfig::Symbol;
    use skiff_kconfig::Value;

    use super::*;

    fn dropped(name: &str, reason: DropReason, cause: Option<(&str, &str)>) -> Dropped {
        let origin = Origin { layer: "l".into(), file: Arc::new(PathBuf::from("f")), line: 1 };
        let symbol = Symbol::new(name).unwrap();
        Dropped {
            assignment: Assignment { symbol, value: Value::Text("y".into()), origin },
            present: None,
            reason,
            cause: cause.map(|(symbol, why)| Cause { symbol: symbol.into(), why: why.into() }),
        }
    }

    #[test]
    fn causes_of_most_settings_come_first() {
        let unmet = || DropReason::Unmet(vec!["x".into()]);
        let unknown = || DropReason::Unknown { similar: None };
        let headers = Some(("BR2_HEADERS_7_1", "no Kconfig file defines it"));
        let all: Vec<Dropped> = [
            dropped("BR2_HEADERS_7_1", unknown(), None),
            dropped("BR2_LOST", unknown(), None),
            dropped("BR2_A", unmet(), headers),
            dropped("BR2_B", unmet(), headers),
            dropped("BR2_C", unmet(), Some(("!BR2_X (BR2_X is y)", ""))),
        ]
        .into();
        let all: Vec<&Dropped> = all.iter().collect();
        let shown: Vec<_> =
            groups(&all).iter().map(|g| (g.title.clone(), g.head.is_some(), g.settings.len())).collect();
        assert_eq!(
            shown,
            [
                ("BR2_HEADERS_7_1: no Kconfig file defines it".into(), true, 2),
                ("the condition !BR2_X (BR2_X is y) does not hold".into(), false, 1),
                ("no Kconfig file of this Buildroot defines the symbol".to_owned(), false, 1),
            ]
        );
    }
}
