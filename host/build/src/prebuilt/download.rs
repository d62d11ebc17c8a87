//! Downloading packages into the cache.

use std::fs;
use std::fs::File;
use std::panic::resume_unwind;
use std::path::Path;
use std::path::PathBuf;
use std::thread;

use skiff_digest::Digest;
use skiff_report::Task;
use skiff_report::Unit;

use super::PrebuiltError;
use super::apt::Apt;
use super::apt::Hold;
use super::apt::Lists;
use super::apt::Said;
use super::package::LockedPackage;
use crate::FileError;

/// How many downloads run at a time. A mirror seldom gives one connection all of the line.
const AT_A_TIME: usize = 4;

/// Bytes that are digested in about a second.
const WORTH_TELLING: u64 = 512 << 20;

impl Apt<'_> {
    /// Returns the files of all packages, downloading those that the cache lacks.
    pub(crate) fn obtain(&self, packages: &[LockedPackage]) -> Result<Vec<PathBuf>, PrebuiltError> {
        let packages: Vec<&LockedPackage> = packages.iter().collect();
        // A file of somebody else could be exchanged once it has been digested.
        packages
            .iter()
            .try_for_each(|package| self.trust.check(&self.file_of(package)))
            .map_err(skiff_trust::PrivateError::from)?;
        let missing = self.missing(&packages)?;
        if let Some(first) = missing.first() {
            if self.offline {
                return Err(PrebuiltError::Offline { package: first.shown() });
            }
            let hold = self.hold()?;
            self.trust.make_private(&self.packages)?;
            // Another skiff may have downloaded them in the meantime.
            let missing = self.missing(&missing)?;
            self.download_all(&hold, &missing)?;
        }
        Ok(packages.into_iter().map(|package| self.file_of(package)).collect())
    }

    fn file_of(&self, package: &LockedPackage) -> PathBuf {
        self.packages.join(format!("{}.deb", package.sha256))
    }

    /// Returns the packages that the cache lacks, or holds only in part.
    fn missing<'p>(&self, packages: &[&'p LockedPackage]) -> Result<Vec<&'p LockedPackage>, PrebuiltError> {
        let total = packages.iter().map(|package| package.size).sum();
        let title = "Checking downloaded packages";
        let task = (total > WORTH_TELLING).then(|| Task::start(self.reporter, title, Unit::Bytes, Some(total)));
        let mut missing = Vec::new();
        for package in packages {
            self.cancel.check()?;
            if digest(&self.file_of(package)).is_none_or(|present| present.to_string() != package.sha256) {
                missing.push(*package);
            }
            task.iter().for_each(|task| task.advance(package.size));
        }
        Ok(missing)
    }

    fn download_all(&self, hold: &Hold, packages: &[&LockedPackage]) -> Result<(), PrebuiltError> {
        if !self.has_lists()
            && let Lists::Failed(reason) = self.refresh(hold, true)?
        {
            return Err(PrebuiltError::Lists { reason });
        }
        let first = self.download(hold, packages);
        if !matches!(first, Err(PrebuiltError::Download { .. })) {
            return first;
        }
        // Lists that are out of date name files that are gone.
        match self.refresh(hold, true)? {
            Lists::New => self.download(hold, &self.missing(packages)?),
            _ => first,
        }
    }

    /// Downloads packages, several at a time. What has arrived is kept, whatever happens to the others.
    fn download(&self, hold: &Hold, packages: &[&LockedPackage]) -> Result<(), PrebuiltError> {
        let total = packages.iter().map(|package| package.size).sum();
        let title = match packages {
            [] => return Ok(()),
            [one] => format!("Downloading {}", one.name),
            many => format!("Downloading {} packages", many.len()),
        };
        let task = Task::start(self.reporter, &title, Unit::Bytes, Some(total));
        let shares = shares(packages, AT_A_TIME);
        let mut outcomes = Vec::new();
        thread::scope(|scope| {
            let task = &task;
            let start = |share| scope.spawn(move || self.download_share(hold, share, task));
            let running: Vec<_> = shares.iter().map(start).collect();
            let end =
                |thread: thread::ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            outcomes.extend(running.into_iter().map(end));
        });
        self.cancel.check()?;
        outcomes.into_iter().collect()
    }

    fn download_share(&self, hold: &Hold, share: &Vec<&LockedPackage>, task: &Task) -> Result<(), PrebuiltError> {
        let folder = self.run_folder(hold)?;
        let names: Vec<String> = share.iter().map(|package| package.shown()).collect();
        let arguments: Vec<&str> = ["download", "--"].into_iter().chain(names.iter().map(String::as_str)).collect();
        let size: u64 = share.iter().map(|package| package.size).sum();
        let mut done = 0;
        let mut advance = |now: u64| {
            task.advance(now.saturating_sub(done));
            done = done.max(now);
        };
        let said = self.watch(folder.path(), &arguments, |part| advance((size as f64 * part) as u64))?;
        for entry in fs::read_dir(folder.path()).map_err(FileError::at("list", folder.path()))? {
            let entry = entry.map_err(FileError::at("list", folder.path()))?;
            // Only whole files have the digest that is locked.
            let present = digest(&entry.path()).map(|digest| digest.to_string());
            if let Some(package) = share.iter().find(|package| present.as_ref() == Some(&package.sha256)) {
                let path = self.file_of(package);
                fs::rename(entry.path(), &path).map_err(FileError::at("write", path))?;
            }
        }
        let absent: Vec<&LockedPackage> =
            share.iter().filter(|package| !self.file_of(package).is_file()).copied().collect();
        match absent.is_empty() {
            true => advance(size),
            false => return Err(failure(&absent, folder.path(), said)),
        }
        Ok(())
    }
}

/// Says why packages are not there: the one that apt names, or else the first.
fn failure(absent: &[&LockedPackage], folder: &Path, said: Said) -> PrebuiltError {
    let complaint = said.complaint.as_deref().unwrap_or_default();
    let named =
        |name: &str| complaint.split(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).any(|w| w == name);
    let culprit = absent.iter().find(|package| named(&package.name)).or(absent.first());
    let Some(culprit) = culprit else {
        return PrebuiltError::Download { package: String::new(), reason: said.complaint };
    };
    let begin = format!("{}_", culprit.name);
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut other = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&begin));
    match other.next().filter(|_| said.success).and_then(|entry| digest(&entry.path())) {
        Some(present) => PrebuiltError::Digest {
            package: culprit.shown(),
            present: present.to_string(),
            wanted: culprit.sha256.clone(),
        },
        None => PrebuiltError::Download { package: culprit.shown(), reason: said.complaint },
    }
}

/// Distributes packages over at most `count` shares of about the same size.
fn shares<'p>(packages: &[&'p LockedPackage], count: usize) -> Vec<Vec<&'p LockedPackage>> {
    let mut sorted = packages.to_vec();
    sorted.sort_by_key(|package| std::cmp::Reverse(package.size));
    let mut shares: Vec<(u64, Vec<&LockedPackage>)> = vec![(0, Vec::new()); count.min(packages.len())];
    for package in sorted {
        if let Some((size, share)) = shares.iter_mut().min_by_key(|(size, share)| (*size, share.len())) {
            *size = size.saturating_add(package.size);
            share.push(package);
        }
    }
    shares.into_iter().map(|(_, share)| share).collect()
}

fn digest(path: &Path) -> Option<Digest> {
    Digest::of_reader(File::open(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, size: u64) -> LockedPackage {
        LockedPackage { name: name.into(), version: "1".into(), size, sha256: "0".repeat(64), needs: Vec::new() }
    }

    #[test]
    fn the_largest_package_has_a_share_of_its_own() {
        let packages = [package("a", 1), package("b", 100), package("c", 2), package("d", 3), package("e", 0)];
        let packages: Vec<_> = packages.iter().collect();
        let names = |count| {
            let names = |share: Vec<&LockedPackage>| share.iter().map(|package| package.name.clone()).collect();
            shares(&packages, count).into_iter().map(names).collect::<Vec<Vec<String>>>()
        };
        assert_eq!(names(2), [vec!["b"], vec!["d", "c", "a", "e"]]);
        assert_eq!(names(9).len(), 5);
        assert!(shares(&[], 4).is_empty());
    }

    #[test]
    fn the_package_that_apt_complains_of_is_named() {
        let (a, b) = (package("lib", 1), package("lib-x", 1));
        let said = Said {
            success: false,
            stdout: String::new(),
            complaint: Some("Version '1' for 'lib-x' was not found".into()),
        };
        let folder = tempfile::tempdir().unwrap();
        assert!(failure(&[&a, &b], folder.path(), said).to_string().contains("`lib-x=1`"));
    }
}
