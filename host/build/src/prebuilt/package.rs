//! The package lock of a workspace: which versions were used, so that the next build uses the same.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;
use skiff_plan::Arch;
use skiff_plan::Digest;

use super::PrebuiltError;
use super::apt::Apt;
use crate::FileError;
use crate::atomic::write_file;

const VERSION: u32 = 1;

/// One binary package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Bytes.
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

/// The packages of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackageLock {
    version: u32,
    /// For each architecture and each requested name, the packages that it stands for.
    requests: BTreeMap<String, BTreeMap<String, Vec<Package>>>,
    #[serde(skip)]
    wanted: Vec<(String, String)>,
}

impl PackageLock {
    pub(crate) fn read(path: &Path) -> Result<Self, PrebuiltError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(FileError::at("read", path)(source).into()),
        };
        let wrong = |message| PrebuiltError::Lock { path: path.to_owned(), message };
        let lock: Self = serde_yaml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        // Names and versions go to apt, which must not take them for anything else.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"+-.:~".contains(&b);
        let word = |text: &str| text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(plain);
        let sane = |package: &Package| {
            word(&package.name) && word(&package.version) && Digest::parse(&package.sha256).is_some()
        };
        let packages = || lock.requests.values().flat_map(BTreeMap::values).flatten();
        if lock.version != VERSION || !packages().all(sane) {
            return Err(wrong("this is no package lock that this skiff can read".into()));
        }
        Ok(lock)
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), FileError> {
        let header = "# Versions of the packages in this workspace's system. `skiff compile --update` renews them.\n";
        let text = serde_yaml::to_string(self).map_err(io::Error::other).map_err(FileError::at("write", path))?;
        let text = format!("{header}{text}");
        match fs::read_to_string(path) {
            Ok(present) if present == text => Ok(()),
            _ => write_file(path, text.as_bytes()),
        }
    }

    /// Looks up what is requested and not locked yet.
    pub(crate) fn complete(
        mut self,
        requests: &[String],
        arch: Arch,
        apt: &Apt<'_>,
        update: bool,
    ) -> Result<Self, PrebuiltError> {
        self.version = VERSION;
        let locked = self.requests.entry(arch.to_string()).or_default();
        let missing: Vec<&String> = requests.iter().filter(|name| !locked.contains_key(*name)).collect();
        if !missing.is_empty() {
            apt.refresh(update)?;
        }
        for name in missing {
            locked.insert(name.clone(), apt.look_up(name)?);
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
    pub(crate) fn packages(&self) -> impl Iterator<Item = &Package> {
        let mut seen = BTreeSet::new();
        let request = |(arch, name): &(String, String)| self.requests.get(arch).and_then(|names| names.get(name));
        self.wanted.iter().filter_map(request).flatten().filter(move |package| seen.insert(*package))
    }
}
