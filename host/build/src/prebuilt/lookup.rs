//! Finding packages in apt's lists.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use skiff_report::Event;
use skiff_report::Level;
use skiff_report::Task;
use skiff_report::Unit;
use skiff_text::harmless;

use super::PrebuiltError;
use super::apt::Apt;
use super::apt::Hold;
use super::apt::Lists;
use super::package::LockedPackage;

/// A package in the lists.
struct Listed {
    package: LockedPackage,
    /// The parts of a kernel that it depends on.
    parts: Vec<String>,
}

/// The packages that were looked up, by name; `None` for those that the lists lack.
type Known = BTreeMap<String, Option<Listed>>;

impl Apt<'_> {
    /// Returns the packages behind names: a kernel's meta package is followed to the kernel and its modules. With
    /// `update`, only in lists that are fetched now.
    pub(crate) fn look_up(
        &self,
        names: &[String],
        update: bool,
    ) -> Result<BTreeMap<String, Vec<LockedPackage>>, PrebuiltError> {
        let hold = self.hold()?;
        let mut lists = self.refresh(&hold, update)?;
        match &lists {
            Lists::Failed(reason) if update || !self.has_lists() => {
                return Err(PrebuiltError::Lists { reason: reason.clone() });
            }
            Lists::Offline if update => return Err(PrebuiltError::OfflineUpdate),
            _ => {}
        }
        let mut known = self.known(&hold, names)?;
        // A package may be newer than the lists.
        if lists == Lists::Recent && known.values().any(Option::is_none) {
            lists = self.refresh(&hold, true)?;
            known = self.known(&hold, names)?;
        }
        if let Some((name, _)) = known.iter().find(|(_, listed)| listed.is_none()) {
            return Err(self.not_listed(name, lists));
        }
        if let Lists::Failed(reason) = lists {
            let text = format!("not all package lists could be fetched, so older ones were used: {reason}");
            self.reporter.event(Event::Message { level: Level::Warning, plugin: None, text: &harmless(&text) });
        }
        Ok(names.iter().map(|name| (name.clone(), behind(name, &known))).collect())
    }

    /// A network that is down must not be taken for a wrong name.
    fn not_listed(&self, name: &str, lists: Lists) -> PrebuiltError {
        let (package, arch) = (name.to_owned(), self.arch);
        match lists {
            Lists::Offline => PrebuiltError::OfflineLists { package, arch },
            Lists::Failed(reason) if !self.has_lists() => PrebuiltError::Lists { reason },
            Lists::Failed(reason) => PrebuiltError::NotInOldLists { package, arch, reason },
            Lists::New | Lists::Recent => PrebuiltError::NoPackage { package, arch },
        }
    }

    /// Looks names up, and then the parts of kernels that they lead to.
    fn known(&self, hold: &Hold, names: &[String]) -> Result<Known, PrebuiltError> {
        let _task = Task::start(self.reporter, "Looking up packages", Unit::Items, None);
        let mut known = Known::new();
        let mut waiting: BTreeSet<String> = names.iter().cloned().collect();
        while !waiting.is_empty() {
            let mut found = self.show(hold, &waiting)?;
            known.extend(waiting.iter().map(|name| (name.clone(), found.remove(name))));
            let parts = known.values().flatten().flat_map(|listed| &listed.parts);
            waiting = parts.filter(|part| !known.contains_key(*part)).cloned().collect();
        }
        Ok(known)
    }

    fn show(&self, hold: &Hold, names: &BTreeSet<String>) -> Result<BTreeMap<String, Listed>, PrebuiltError> {
        let arguments = ["show", "--no-all-versions", "--"].into_iter().chain(names.iter().map(String::as_str));
        // It fails when one of the names is unknown, and still shows the others.
        let said = self.run(hold, "apt-cache", arguments)?;
        let listed = said.stdout.split("\n\n").filter_map(listed);
        Ok(listed.map(|listed| (listed.package.name.clone(), listed)).collect())
    }
}

/// Reads a paragraph of a package list.
fn listed(paragraph: &str) -> Option<Listed> {
    let field = |name: &str| paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let alternative = |entry: &str| entry.split(['|', '(', ':']).next().map(|name| name.trim().to_owned());
    let is_part = |name: &String| name.starts_with("linux-image-") || name.starts_with("linux-modules-");
    let parts = field("Depends").unwrap_or_default().split(',').filter_map(alternative).filter(is_part).collect();
    let package = LockedPackage {
        name: field("Package")?.to_owned(),
        version: field("Version")?.to_owned(),
        size: field("Size").and_then(|size| size.parse().ok()).unwrap_or_default(),
        sha256: field("SHA256")?.to_owned(),
    };
    package.is_sane().then_some(Listed { package, parts })
}

/// Returns a package and the parts of a kernel that it leads to.
fn behind(name: &str, known: &Known) -> Vec<LockedPackage> {
    let mut found: BTreeSet<LockedPackage> = BTreeSet::new();
    let mut waiting = vec![name];
    while let Some(listed) = waiting.pop().and_then(|name| known.get(name)?.as_ref()) {
        if found.insert(listed.package.clone()) {
            waiting.extend(listed.parts.iter().map(String::as_str));
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_is_read_and_a_kernel_followed() {
        let paragraph = |name: &str, depends: &str| {
            let sha256 = "0".repeat(64);
            listed(&format!("Package: {name}\nVersion: 1:2\nDepends: {depends}\nSize: 7\nSHA256: {sha256}\n"))
        };
        let meta = paragraph("linux-image-x", "linux-image-1-x (= 1:2), kmod | x, linux-modules-1:any");
        assert_eq!(meta.as_ref().unwrap().parts, ["linux-image-1-x", "linux-modules-1"]);
        assert!(listed("Package: x\nVersion: 1\n").is_none());
        let part = |name: &str| (name.to_owned(), paragraph(name, ""));
        let known =
            Known::from([("linux-image-x".into(), meta), part("linux-image-1-x"), part("linux-modules-1"), part("a")]);
        let names: Vec<_> = behind("linux-image-x", &known).into_iter().map(|package| package.name).collect();
        assert_eq!(names, ["linux-image-1-x", "linux-image-x", "linux-modules-1"]);
    }
}
