//! The packages in the lock of a workspace: which versions were used, so that the next build uses the same.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use skiff_plan::Arch;
use skiff_plan::Workspace;

use super::PrebuiltError;
use super::apt::Apt;
use crate::LockFile;
use crate::LockFileError;
use crate::lock_file::LockedPackage;

/// The packages of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PackageLock {
    /// For each architecture and each requested name, the packages that it stands for.
    requests: BTreeMap<String, BTreeMap<String, Vec<LockedPackage>>>,
    wanted: Vec<(String, String)>,
}

impl PackageLock {
    pub(crate) fn read(workspace: &Workspace) -> Result<Self, LockFileError> {
        Ok(Self { requests: LockFile::read(workspace)?.packages, wanted: Vec::new() })
    }

    pub(crate) fn write(&self, workspace: &Workspace) -> Result<(), LockFileError> {
        LockFile::update(workspace, |lock| lock.packages.clone_from(&self.requests))
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
