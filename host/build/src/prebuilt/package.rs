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
use crate::lock_entry::LockEntry;
use crate::lock_entry::read_entry;

/// The packages in the lock file.
pub(crate) const LOCK: LockEntry = LockEntry { key: "packages", old_keys: &["requests"], check };

/// For each architecture and each requested name, the packages that it stands for.
type Requests = BTreeMap<String, BTreeMap<String, Vec<LockedPackage>>>;

fn check(value: &Value) -> Result<(), String> {
    let requests: Requests = read_entry(value)?;
    match requests.values().flat_map(BTreeMap::values).flatten().find(|package| !package.is_sane()) {
        Some(wrong) => Err(format!("{:?} is not a package", wrong.name)),
        None => Ok(()),
    }
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
}

impl LockedPackage {
    /// Names it with its version, as apt does.
    pub(crate) fn shown(&self) -> String {
        format!("{}={}", self.name, self.version)
    }

    /// Names and versions go to apt, which must not take them for anything else.
    pub(crate) fn is_sane(&self) -> bool {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"+-.:~".contains(&b);
        let word = |text: &str| text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(plain);
        word(&self.name) && word(&self.version) && Digest::parse(&self.sha256).is_some()
    }
}

/// The packages of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PackageLock {
    requests: Requests,
    wanted: Vec<(String, String)>,
}

impl PackageLock {
    pub(crate) fn read(workspace: &Workspace) -> Result<Self, LockFileError> {
        Ok(Self { requests: LockFile::read(workspace)?.entry(&LOCK).unwrap_or_default(), wanted: Vec::new() })
    }

    pub(crate) fn write(&self, workspace: &Workspace) -> Result<(), LockFileError> {
        let requests = Some(&self.requests).filter(|requests| !requests.is_empty());
        LockFile::update_entry(workspace, &LOCK, requests)
    }

    /// Returns the names that each package was requested by.
    pub(crate) fn names(self) -> BTreeMap<String, BTreeSet<String>> {
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (request, packages) in self.requests.into_values().flatten() {
            for package in packages {
                names.entry(package.name).or_default().insert(request.clone());
            }
        }
        names
    }

    /// Looks up what is requested and not locked yet.
    pub(crate) fn complete(
        mut self,
        requests: &[String],
        arch: Arch,
        apt: &Apt<'_>,
        update: bool,
    ) -> Result<Self, PrebuiltError> {
        let locked = self.requests.entry(arch.to_string()).or_default();
        let missing: Vec<String> = requests.iter().filter(|name| !locked.contains_key(*name)).cloned().collect();
        if !missing.is_empty() {
            locked.extend(apt.look_up(&missing, update)?);
        }
        Ok(self.of(requests, arch))
    }

    /// Chooses what is asked for among what is locked, whether all of it is there or not.
    pub(crate) fn of(mut self, requests: &[String], arch: Arch) -> Self {
        self.wanted = requests.iter().map(|name| (arch.to_string(), name.clone())).collect();
        self
    }

    /// Returns whether something other is locked.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        self.requests != other.requests
    }

    /// Returns the packages of what was last asked for, in the order of the requests, each once.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &LockedPackage> {
        let mut seen = BTreeSet::new();
        let request = |(arch, name): &(String, String)| self.requests.get(arch).and_then(|names| names.get(name));
        self.wanted.iter().filter_map(request).flatten().filter(move |package| seen.insert(*package))
    }
}
