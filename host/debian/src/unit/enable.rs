use std::collections::BTreeSet;

use super::install::Scope;
use super::install::UnitFile;
use super::install::find;
use super::name::UnitName;
use super::request::Asked;
use super::request::Request;
use crate::Error;
use crate::change::Changes;
use crate::gap::Gap;
use crate::tree::Tree;
use crate::wishes::UnitAction;
use crate::wishes::UnitRule;

/// Units that a system may enable, those in `Also=` included.
const MAX_UNITS: usize = 10_000;

/// Rules that the layers of a chain may have: each is compared with each unit.
const MAX_RULES: usize = 10_000;

/// Makes the links of all units that packages or rules enable, and masks units.
///
/// `rules` are in the order of their precedence: the last one for a unit wins over earlier ones, and over packages. Rules
/// are for units of the system only.
pub(crate) fn enable(
    tree: Tree<'_>,
    requests: &[Request],
    rules: &[UnitRule],
    changes: &mut Changes,
) -> Result<Vec<Gap>, Error> {
    if rules.len() > MAX_RULES {
        return Err(Error::TooMany { what: "rules for units", limit: MAX_RULES });
    }
    let rules: Vec<Rule<'_>> = rules.iter().map(Rule::of).collect();
    let mut links = Links { tree, rules: &rules, changes, gaps: Vec::new(), done: BTreeSet::new() };
    let mut open = Vec::new();
    for request in requests {
        open.retain(|(scope, unit)| (*scope, unit) != (request.scope, &request.unit));
        match request.asked {
            Asked::Enable => open.push((request.scope, request.unit.clone())),
            Asked::Disable => {}
            Asked::Mask => links.mask(request.scope, &request.unit)?,
        }
    }
    // What a rule enables by its name need not be there: that is a gap.
    let named = rules.iter().filter(|rule| rule.action == UnitAction::Enable).filter_map(|rule| rule.exact.clone());
    let units: BTreeSet<UnitName> = Scope::System.units(tree)?.into_iter().chain(named).collect();
    for unit in units {
        match links.action(Scope::System, &unit) {
            Some(UnitAction::Mask) => links.mask(Scope::System, &unit)?,
            Some(UnitAction::Enable) => open.push((Scope::System, unit)),
            Some(UnitAction::Disable) | None => {}
        }
    }
    while let Some((scope, unit)) = open.pop() {
        open.extend(links.enable(scope, &unit)?.into_iter().map(|unit| (scope, unit)));
        if links.done.len() > MAX_UNITS {
            return Err(Error::TooMany { what: "enabled units", limit: MAX_UNITS });
        }
    }
    links.gaps.sort();
    Ok(links.gaps)
}

/// A rule, read once.
struct Rule<'r> {
    action: UnitAction,
    /// The unit, unless the rule has a pattern.
    exact: Option<UnitName>,
    rule: &'r UnitRule,
}

impl<'r> Rule<'r> {
    fn of(rule: &'r UnitRule) -> Self {
        Self { action: rule.action, exact: UnitName::parse(&rule.pattern).filter(|_| rule.is_exact()), rule }
    }

    fn matches(&self, unit: &UnitName) -> bool {
        match &self.exact {
            Some(exact) => exact == unit,
            None => self.rule.matches(unit.as_str()),
        }
    }
}

struct Links<'r, 'c> {
    tree: Tree<'r>,
    rules: &'c [Rule<'c>],
    changes: &'c mut Changes,
    gaps: Vec<Gap>,
    done: BTreeSet<(Scope, UnitName)>,
}

impl Links<'_, '_> {
    /// Returns what the rules say about a unit.
    fn action(&self, scope: Scope, unit: &UnitName) -> Option<UnitAction> {
        let mut rules = self.rules.iter().filter(|_| scope == Scope::System);
        rules.rfind(|rule| rule.matches(unit)).map(|rule| rule.action)
    }

    fn mask(&mut self, scope: Scope, unit: &UnitName) -> Result<(), Error> {
        self.changes.link(self.tree, &scope.folder().join(unit.as_str()), "/dev/null")
    }

    fn gap(&mut self, unit: &UnitName, reason: &str) {
        self.gaps.push(Gap::Unit { unit: unit.as_str().to_owned(), reason: reason.to_owned() });
    }

    /// Makes the links of a unit, and returns the units that are enabled with it.
    fn enable(&mut self, scope: Scope, unit: &UnitName) -> Result<Vec<UnitName>, Error> {
        let is_off = matches!(self.action(scope, unit), Some(UnitAction::Disable | UnitAction::Mask));
        if is_off || !self.done.insert((scope, unit.clone())) {
            return Ok(Vec::new());
        }
        let Some(file) = find(self.tree, scope, unit)? else {
            self.gap(unit, "it is enabled, and no package contains it");
            return Ok(Vec::new());
        };
        let mut name = file.name.clone();
        if name.is_template() {
            let instance = file.install.default_instance.as_deref().and_then(|instance| name.expand(instance));
            match instance.and_then(|instance| name.instance(&instance)) {
                Some(instance) => name = instance,
                None => {
                    self.gap(unit, "it is a template without DefaultInstance=; enable an instance");
                    return Ok(Vec::new());
                }
            }
        }
        self.link(scope, &name, &file)?;
        let mut also = Vec::new();
        for text in &file.install.also {
            match name.expand(text).and_then(|text| UnitName::parse(&text)) {
                Some(unit) => also.push(unit),
                None => self.gap(&name, &format!("its Also={text} is not a unit")),
            }
        }
        Ok(also)
    }

    fn link(&mut self, scope: Scope, name: &UnitName, file: &UnitFile) -> Result<(), Error> {
        let install = &file.install;
        let (folder, target) = (scope.folder(), file.path.absolute());
        let kinds =
            [("wants", &install.wanted_by), ("requires", &install.required_by), ("upholds", &install.upheld_by)];
        for (kind, texts) in kinds {
            for text in texts {
                match name.expand(text).and_then(|text| UnitName::parse(&text)) {
                    Some(other) => {
                        let path = folder.join(&format!("{}.{kind}", other.as_str())).join(name.as_str());
                        self.changes.link(self.tree, &path, target.as_str())?;
                    }
                    None => self.gap(name, &format!("`{text}` in its [Install] section is not a unit")),
                }
            }
        }
        for text in &install.alias {
            match name.expand(text).and_then(|text| UnitName::parse(&text)) {
                // Some packages name the unit itself.
                Some(alias) if alias == *name => {}
                Some(alias) if self.action(scope, &alias) == Some(UnitAction::Mask) => {}
                Some(alias) => self.changes.link(self.tree, &folder.join(alias.as_str()), target.as_str())?,
                None => self.gap(name, &format!("its Alias={text} is not a unit")),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::request;
    use super::*;
    use crate::Change;
    use crate::script::Script;
    use crate::testing::Memory;

    fn links(root: &Memory, script: &str, rules: &[&str]) -> (Vec<String>, Vec<String>) {
        let requests = request::read(&mut [Script::read("a", Some(script)).0]);
        let rules: Vec<UnitRule> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        let mut changes = Changes::default();
        let gaps = enable(Tree::new(root), &requests, &rules, &mut changes).unwrap();
        let shown = |change: Change| match change {
            Change::Link { path, target } => format!("{} {target}", path.as_str().replace("etc/systemd/", "")),
            other => panic!("{other:?}"),
        };
        (changes.finish().into_iter().map(shown).collect(), gaps.iter().map(ToString::to_string).collect())
    }

    fn tree() -> Memory {
        let install = |text: &str| format!("[Install]\n{text}");
        Memory::default()
            .link("lib", "usr/lib")
            .file("lib/x", "")
            .file(
                "usr/lib/systemd/system/a.service",
                &install("WantedBy=m.target\nAlias=dbus-a.service a.service\nAlso=b.socket"),
            )
            .file("usr/lib/systemd/system/b.socket", &install("RequiredBy=%p.target\nAlso=a.service"))
            .file("usr/lib/systemd/system/getty@.service", &install("WantedBy=getty.target\nDefaultInstance=tty1"))
            .file("usr/lib/systemd/system/t@.service", &install("WantedBy=getty.target"))
            .file("usr/lib/systemd/user/u.socket", &install("WantedBy=sockets.target"))
    }

    #[test]
    fn rules_have_a_bound() {
        let rules = vec!["enable *".parse().unwrap(); MAX_RULES + 1];
        let mut changes = Changes::default();
        let root = tree();
        let mut with = |count: usize| enable(Tree::new(&root), &[], rules.get(..count).unwrap(), &mut changes);
        assert!(with(MAX_RULES).is_ok());
        assert!(matches!(with(MAX_RULES + 1), Err(Error::TooMany { .. })));
    }

    #[test]
    fn links_are_those_of_the_install_section() {
        let script = "deb-systemd-helper enable a.service\nsystemctl enable getty@.service t@.service\n\
                      deb-systemd-helper --user enable u.socket\nsystemctl enable none";
        let (links, gaps) = links(&tree(), script, &[]);
        assert_eq!(
            links,
            [
                "system/b.target.requires/b.socket /usr/lib/systemd/system/b.socket",
                "system/dbus-a.service /usr/lib/systemd/system/a.service",
                "system/getty.target.wants/getty@tty1.service /usr/lib/systemd/system/getty@.service",
                "system/m.target.wants/a.service /usr/lib/systemd/system/a.service",
                "user/sockets.target.wants/u.socket /usr/lib/systemd/user/u.socket",
            ]
        );
        assert_eq!(
            gaps,
            [
                "unit none.service: it is enabled, and no package contains it",
                "unit t@.service: it is a template without DefaultInstance=; enable an instance"
            ]
        );
    }

    #[test]
    fn the_last_rule_wins_also_over_also() {
        let script = "systemctl enable a";
        let off = links(&tree(), script, &["mask b*", "disable b.socket"]).0;
        assert_eq!(off.len(), 2, "{off:?}");
        let masked = links(&tree(), script, &["enable b.socket", "mask b.*"]).0;
        assert!(masked.contains(&"system/b.socket /dev/null".to_owned()), "{masked:?}");
        let enabled = links(&tree(), "", &["mask getty*", "enable getty@tty3", "disable getty@.service"]).0;
        assert_eq!(enabled, ["system/getty.target.wants/getty@tty3.service /usr/lib/systemd/system/getty@.service"]);
    }

    #[test]
    fn a_unit_that_is_not_there_is_not_masked() {
        assert!(links(&tree(), "", &["mask other.timer", "mask other*"]).0.is_empty());
    }
}
