//! Packages with everything that they depend on, as apt resolves it.

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

/// What apt makes of a request.
enum Resolved {
    /// Packages with their versions, as `name=version`.
    Packages(Vec<String>),
    /// The lists lack a package.
    Unknown(String),
    /// The packages exclude each other, in apt's words.
    Unmet(String),
}

impl Apt<'_> {
    /// Returns the packages of some names with all that they depend on, by name. Of the packages in `keep`, those versions are
    /// used that the lists still have. With `update`, only lists count that are fetched now.
    pub(crate) fn closure(
        &self,
        names: &[String],
        keep: &[LockedPackage],
        update: bool,
    ) -> Result<Vec<LockedPackage>, PrebuiltError> {
        let hold = self.hold()?;
        self.write_status(&hold, names)?;
        let mut lists = self.refresh(&hold, update)?;
        match &lists {
            Lists::Failed(reason) if update || !self.has_lists() => {
                return Err(PrebuiltError::Lists { reason: reason.clone() });
            }
            Lists::Offline if update => return Err(PrebuiltError::OfflineUpdate),
            _ => {}
        }
        let mut resolved = self.resolve(&hold, names)?;
        // A package may be newer than the lists.
        if lists == Lists::Recent && !matches!(resolved, Resolved::Packages(_)) {
            lists = self.refresh(&hold, true)?;
            resolved = self.resolve(&hold, names)?;
        }
        let newest = match resolved {
            Resolved::Packages(packages) => packages,
            Resolved::Unknown(name) => return Err(self.not_listed(&name, lists)),
            Resolved::Unmet(reason) => return Err(PrebuiltError::Unmet { reason }),
        };
        if let Lists::Failed(reason) = lists {
            let text = format!("not all package lists could be fetched, so older ones were used: {reason}");
            self.reporter.event(Event::Message { level: Level::Warning, plugin: None, text: &harmless(&text) });
        }
        let chosen = self.kept(&hold, names, newest, keep)?;
        self.described(&hold, &chosen)
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

    /// Has apt resolve names, or names with versions.
    fn resolve(&self, hold: &Hold, names: &[String]) -> Result<Resolved, PrebuiltError> {
        let _task = Task::start(self.reporter, "Resolving packages", Unit::Items, None);
        let arguments = |options: [&'static str; 2]| {
            ["install"].into_iter().chain(options).chain(["--"]).chain(names.iter().map(String::as_str))
        };
        let said = self.run(hold, "apt-get", arguments(["--print-uris", "-qq"]))?;
        if said.success {
            return Ok(Resolved::Packages(said.stdout.lines().filter_map(printed).collect()));
        }
        let complaint = said.complaint.unwrap_or_default();
        if let Some(name) = unknown(&complaint) {
            return Ok(Resolved::Unknown(name.to_owned()));
        }
        // Only when it is not quiet does apt say which packages these are.
        let simulated = self.run(hold, "apt-get", arguments(["--simulate", "-q"]))?;
        Ok(Resolved::Unmet(unmet(&simulated.stdout).unwrap_or(complaint)))
    }

    /// Chooses the versions of `keep` for the packages that were resolved, where the lists still have them and they go together.
    fn kept(
        &self,
        hold: &Hold,
        names: &[String],
        newest: Vec<String>,
        keep: &[LockedPackage],
    ) -> Result<Vec<String>, PrebuiltError> {
        let resolved: BTreeSet<&str> = newest.iter().map(|package| name_of(package)).collect();
        let wanted: Vec<String> = keep
            .iter()
            .filter(|package| resolved.contains(package.name.as_str()))
            .map(LockedPackage::shown)
            .filter(|package| !newest.contains(package))
            .collect();
        if wanted.is_empty() {
            return Ok(newest);
        }
        let listed: BTreeSet<String> = self.show(hold, &wanted)?.iter().map(|listed| listed.package.shown()).collect();
        let wanted: Vec<String> = wanted.into_iter().filter(|package| listed.contains(package)).collect();
        if wanted.is_empty() {
            return Ok(newest);
        }
        let versions: BTreeMap<&str, &String> = wanted.iter().map(|package| (name_of(package), package)).collect();
        let others = names.iter().filter(|name| !versions.contains_key(name.as_str()));
        let pinned: Vec<String> = others.chain(versions.values().copied()).cloned().collect();
        match self.resolve(hold, &pinned)? {
            Resolved::Packages(packages) => Ok(packages),
            Resolved::Unknown(_) | Resolved::Unmet(_) => Ok(newest),
        }
    }

    /// Reads what the lists say of packages, and which of them need which.
    fn described(&self, hold: &Hold, packages: &[String]) -> Result<Vec<LockedPackage>, PrebuiltError> {
        let mut listed = self.show(hold, packages)?;
        let present: BTreeSet<String> = listed.iter().map(|listed| listed.package.shown()).collect();
        if let Some(package) = packages.iter().find(|package| !present.contains(*package)) {
            return Err(PrebuiltError::NoPackage { package: package.clone(), arch: self.arch });
        }
        listed.sort_by(|one, other| one.package.cmp(&other.package));
        listed.dedup_by(|one, other| one.package == other.package);
        let mut providers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for listed in &listed {
            let own = listed.package.name.as_str();
            for name in listed.provides.iter().map(String::as_str).chain([own]) {
                providers.entry(name).or_default().insert(own);
            }
        }
        let needs = |listed: &Listed| -> Vec<String> {
            let found = listed.depends.iter().filter_map(|name| providers.get(name.as_str())).flatten();
            let found: BTreeSet<&str> = found.copied().filter(|name| *name != listed.package.name).collect();
            found.into_iter().map(str::to_owned).collect()
        };
        Ok(listed.iter().map(|listed| LockedPackage { needs: needs(listed), ..listed.package.clone() }).collect())
    }

    /// Shows packages with versions.
    fn show(&self, hold: &Hold, packages: &[String]) -> Result<Vec<Listed>, PrebuiltError> {
        let arguments = ["show", "--"].into_iter().chain(packages.iter().map(String::as_str));
        // It fails when one of them is not there, and still shows the others.
        let said = self.run(hold, "apt-cache", arguments)?;
        Ok(said.stdout.split("\n\n").filter_map(Listed::read).collect())
    }
}

/// A package in the lists.
struct Listed {
    package: LockedPackage,
    /// The names that it depends on, all alternatives.
    depends: Vec<String>,
    /// The virtual packages that it provides.
    provides: Vec<String>,
}

impl Listed {
    /// Reads a paragraph of a package list.
    fn read(paragraph: &str) -> Option<Self> {
        let field = |name: &str| paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let names = |name: &str| -> Vec<String> {
            let entries = field(name).unwrap_or_default().split([',', '|']);
            let names = entries.filter_map(|entry| entry.split(['(', ':']).next()).map(str::trim);
            names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
        };
        let package = LockedPackage {
            name: field("Package")?.to_owned(),
            version: field("Version")?.to_owned(),
            size: field("Size").and_then(|size| size.parse().ok()).unwrap_or_default(),
            sha256: field("SHA256")?.to_owned(),
            needs: Vec::new(),
        };
        let depends = [names("Depends"), names("Pre-Depends")].concat();
        package.is_sane().then_some(Self { package, depends, provides: names("Provides") })
    }
}

/// Reads a line of `apt-get --print-uris`: `'<address>' <name>_<version>_<architecture>.deb <size> <digest>`. Returns
/// `<name>=<version>`.
fn printed(line: &str) -> Option<String> {
    let file = line.split(' ').nth(1)?.strip_suffix(".deb")?;
    let (rest, _) = file.rsplit_once('_')?;
    let (name, version) = rest.split_once('_')?;
    // In names of files apt writes the colon behind the epoch like this, and nothing else.
    Some(format!("{name}={}", version.replace("%3a", ":")))
}

/// Returns the package that apt does not know, if it complains of one.
fn unknown(complaint: &str) -> Option<&str> {
    let quoted = || complaint.split('\'').nth(1);
    let name = match complaint.strip_prefix("Unable to locate package ") {
        Some(name) => Some(name),
        None if complaint.ends_with("has no installation candidate") => quoted(),
        // Version '1' for 'x' was not found
        None if complaint.ends_with("was not found") => complaint.split('\'').nth(3),
        None => None,
    };
    name.map(str::trim).filter(|name| !name.is_empty())
}

/// Finds why packages exclude each other in what apt says: the indented lines below a heading.
fn unmet(text: &str) -> Option<String> {
    let lines = text.lines().skip_while(|line| !line.contains("unmet dependencies")).skip(1);
    let lines: Vec<&str> = lines.take_while(|line| line.starts_with(' ')).map(str::trim).take(5).collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// The name of a package in `<name>=<version>`.
fn name_of(package: &str) -> &str {
    package.split('=').next().unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_apt_prints_is_read() {
        let line = "'http://x/pool/login_4.13%2bdfsg1_amd64.deb' login_1%3a4.13+dfsg1_amd64.deb 7 SHA256:0";
        assert_eq!(printed(line).as_deref(), Some("login=1:4.13+dfsg1"));
        assert_eq!(printed("Reading package lists..."), None);
        assert_eq!(unknown("Unable to locate package nosuch"), Some("nosuch"));
        assert_eq!(unknown("Package 'x' has no installation candidate"), Some("x"));
        assert_eq!(unknown("Version '1' for 'x' was not found"), Some("x"));
        assert_eq!(unknown("Unable to correct problems, you have held broken packages."), None);
        let said = "Some\nThe following packages have unmet dependencies:\n a : Conflicts: b\n     Depends: c\nE: x\n";
        assert_eq!(unmet(said).as_deref(), Some("a : Conflicts: b; Depends: c"));
    }

    #[test]
    fn a_paragraph_says_what_a_package_needs_and_provides() {
        let paragraph = format!(
            "Package: x\nVersion: 1:2\nPre-Depends: libc6 (>= 2)\nDepends: a (= 1:2), b | c, perl:any\n\
             Provides: mail (= 1), v\nSize: 7\nSHA256: {}\n",
            "0".repeat(64)
        );
        let listed = Listed::read(&paragraph).unwrap();
        assert_eq!(listed.depends, ["a", "b", "c", "perl", "libc6"]);
        assert_eq!(listed.provides, ["mail", "v"]);
        assert_eq!(listed.package.shown(), "x=1:2");
        assert!(Listed::read("Package: x\nVersion: 1\n").is_none());
    }
}
