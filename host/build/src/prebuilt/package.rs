//! The packages in the lock of a workspace: which versions were used, so that the next build uses the same.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde::Serialize;
use serde_yaml::Value;
use skiff_digest::Digest;
use skiff_plan::Arch;
use skiff_plan::Workspace;

use super::PrebuiltError;
use super::apt::Apt;
use crate::LockFile;
use crate::LockFileError;
use crate::LockPolicy;
use crate::lock_entry::LockEntry;
use crate::lock_entry::read_entry;

/// The packages in the lock file.
pub(crate) const LOCK: LockEntry = LockEntry { key: "closures", old_keys: &["packages", "requests"], upgrade, check };

/// What is locked for each architecture.
type Closures = BTreeMap<String, Closure>;

fn check(value: &Value) -> Result<(), String> {
    let closures: Closures = read_entry(value)?;
    match closures.values().flat_map(|closure| &closure.packages).find(|package| !package.is_sane()) {
        Some(wrong) => Err(format!("{:?} is not a package", wrong.name)),
        None => Ok(()),
    }
}

/// Reads a lock that names, for each architecture and each request, the packages that it stands for. The versions stay.
/// Every build has requests, and here there are none: so the next one looks up which package depends on which.
fn upgrade(value: &Value) -> Result<Value, String> {
    let requests: BTreeMap<String, BTreeMap<String, BTreeSet<LockedPackage>>> = read_entry(value)?;
    let closure = |requests: BTreeMap<String, BTreeSet<LockedPackage>>| {
        let packages: BTreeSet<LockedPackage> = requests.into_values().flatten().collect();
        Closure { packages: packages.into_iter().collect(), ..Closure::default() }
    };
    let closures: Closures = requests.into_iter().map(|(arch, requests)| (arch, closure(requests))).collect();
    serde_yaml::to_value(closures).map_err(|error| error.to_string())
}

/// Packages that were asked for, with all that they depend on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Closure {
    /// The names that layers give.
    requests: BTreeSet<String>,
    /// The packages, by name.
    packages: Vec<LockedPackage>,
    /// The numbers of users and groups that packages let the machine choose: files on media belong to numbers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    ids: BTreeMap<String, u32>,
}

/// One binary package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LockedPackage {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Bytes.
    pub(crate) size: u64,
    pub(crate) sha256: String,
    /// The packages of the closure that it depends on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) needs: Vec<String>,
}

/// Bytes that the file of a package may have: an archive of `ar` states sizes in ten digits (deb(5)).
const MAX_SIZE: u64 = 9_999_999_999;

impl LockedPackage {
    /// Names it with its version, as apt does.
    pub(crate) fn shown(&self) -> String {
        format!("{}={}", self.name, self.version)
    }

    /// Names and versions go to apt, which must not take them for anything else.
    pub(crate) fn is_sane(&self) -> bool {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"+-.:~".contains(&b);
        let word = |text: &str| text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(plain);
        let is_possible = self.size <= MAX_SIZE && Digest::parse(&self.sha256).is_some();
        word(&self.name) && word(&self.version) && is_possible
    }
}

/// The packages of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PackageLock(Closures);

impl PackageLock {
    /// Reads what a workspace locks.
    pub(crate) fn read(workspace: &Workspace) -> Result<Self, LockFileError> {
        Ok(Self(LockFile::read(workspace)?.entry(&LOCK).unwrap_or_default()))
    }

    /// Writes what is locked.
    pub(crate) fn write(&self, workspace: &Workspace) -> Result<(), LockFileError> {
        LockFile::update_entry(workspace, &LOCK, Some(&self.0).filter(|closures| !closures.is_empty()))
    }

    /// Returns the names in layers that each package is there for, over all that depend on it.
    pub(crate) fn names(self) -> BTreeMap<String, BTreeSet<String>> {
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for closure in self.0.values() {
            let needs: BTreeMap<&str, &[String]> =
                closure.packages.iter().map(|package| (package.name.as_str(), package.needs.as_slice())).collect();
            for request in &closure.requests {
                let mut waiting = vec![request.as_str()];
                while let Some(package) = waiting.pop() {
                    if names.entry(package.to_owned()).or_default().insert(request.clone()) {
                        waiting.extend(needs.get(package).into_iter().copied().flatten().map(String::as_str));
                    }
                }
            }
        }
        names
    }

    /// Looks up what is requested, unless exactly that is locked and no newer packages are wanted.
    pub(crate) fn complete(
        mut self,
        requests: &[String],
        arch: Arch,
        apt: &Apt<'_>,
        update: bool,
    ) -> Result<Self, PrebuiltError> {
        let locked = self.0.entry(arch.to_string()).or_default();
        let wanted: BTreeSet<String> = requests.iter().cloned().collect();
        if update || locked.requests != wanted {
            let kept = if update { Vec::new() } else { std::mem::take(&mut locked.packages) };
            locked.packages = apt.closure(requests, &kept, update)?;
            locked.requests = wanted;
        }
        Ok(self)
    }

    /// Returns the numbers of users and groups that earlier builds chose for an architecture.
    pub(crate) fn ids(&self, arch: Arch) -> &BTreeMap<String, u32> {
        static NONE: BTreeMap<String, u32> = BTreeMap::new();
        self.0.get(&arch.to_string()).map_or(&NONE, |closure| &closure.ids)
    }

    /// Returns it with the numbers that a build chose. They follow from the packages: where a policy forbids to write,
    /// nothing is lost without them.
    pub(crate) fn with_ids(mut self, arch: Arch, ids: BTreeMap<String, u32>, policy: LockPolicy) -> Self {
        if let (false, Some(closure)) = (policy.locked || policy.frozen, self.0.get_mut(&arch.to_string())) {
            closure.ids.extend(ids);
        }
        self
    }

    /// Returns the packages of an architecture, by name.
    pub(crate) fn packages(&self, arch: Arch) -> &[LockedPackage] {
        self.0.get(&arch.to_string()).map(|closure| closure.packages.as_slice()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_there_for_all_names_that_lead_to_it() {
        let package = |name: &str, needs: &[&str]| LockedPackage {
            name: name.to_owned(),
            version: "1".to_owned(),
            size: 0,
            sha256: "0".repeat(64),
            needs: needs.iter().map(|name| (*name).to_owned()).collect(),
        };
        let packages = vec![package("a", &["c"]), package("b", &["c"]), package("c", &["d"]), package("d", &["c"])];
        let requests = ["a", "b"].map(str::to_owned).into();
        let lock = PackageLock([("amd64".to_owned(), Closure { requests, packages, ids: BTreeMap::new() })].into());
        let names = lock.names();
        assert_eq!(names["a"], ["a".to_owned()].into());
        assert_eq!(names["d"], ["a", "b"].map(str::to_owned).into());
    }
}
