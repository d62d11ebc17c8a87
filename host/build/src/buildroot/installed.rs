//! What packages have installed, as Buildroot lists it, and removing what a package alone has installed, so that none
//! of it stays that its next build does not install.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::path::PathBuf;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::info::LINUX;
use super::info::Packages;
use crate::FileError;
use crate::atomic::read_optional;
use skiff_text::Shown as _;

/// The files that some packages have installed, and those of all others.
struct Installed {
    theirs: BTreeSet<PathBuf>,
    others: BTreeSet<PathBuf>,
}

/// Why the lists do not say everything.
type Gap = String;

impl Installed {
    /// Reads the lists named `list`, for packages that have reached the step of `stamp`.
    fn read(
        folder: &Path,
        names: &BTreeSet<&str>,
        built: &Packages,
        list: &str,
        stamp: &str,
    ) -> Result<Result<Self, Gap>, FileError> {
        let mut installed = Self { theirs: BTreeSet::new(), others: BTreeSet::new() };
        for (name, info) in built.iter().filter(|(_, info)| !info.stamp_dir.is_empty()) {
            let stamps = folder.join(&info.stamp_dir);
            if !stamps.join(stamp).exists() {
                continue;
            }
            let Some(text) = read_optional(&stamps.join(list))? else {
                return Ok(Err(format!("the files of `{name}` are unknown")));
            };
            let files = if names.contains(name.as_str()) { &mut installed.theirs } else { &mut installed.others };
            // A line is `package,./path`.
            for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let path = line.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b",./"));
                match path {
                    Some(path) => drop(files.insert(PathBuf::from(OsStr::from_bytes(path)))),
                    None => return Ok(Err(format!("the list of what `{name}` has installed is not understood"))),
                }
            }
        }
        Ok(Ok(installed))
    }

    /// Returns what only some packages have installed.
    fn own(&self) -> impl Iterator<Item = &PathBuf> {
        self.theirs.difference(&self.others)
    }
}

/// Removes what only these packages have put into the target. If that is not all, says why: then the whole target has to
/// go. The kernel removes its modules itself.
pub(crate) fn remove_from_target(
    folder: &Path,
    names: &BTreeSet<&str>,
    built: &Packages,
) -> Result<Option<String>, FileError> {
    let names: BTreeSet<&str> = names.iter().copied().filter(|name| *name != LINUX).collect();
    let Some(target) = open(&folder.join("target"))?.filter(|_| !names.is_empty()) else { return Ok(None) };
    let installed = match Installed::read(folder, &names, built, ".files-list.txt", ".stamp_target_installed")? {
        Ok(installed) => installed,
        Err(gap) => return Ok(Some(gap)),
    };
    if let Some(shared) = installed.theirs.intersection(&installed.others).next() {
        return Ok(Some(format!("several packages have written /{}", shared.shown())));
    }
    for file in installed.own() {
        if let Err(error) = target.remove_file(file)
            && error.kind() != io::ErrorKind::NotFound
        {
            // A link leads out of the target, for example.
            return Ok(Some(format!("/{} cannot be removed ({error})", file.shown())));
        }
    }
    // Nobody knows whose an empty directory is.
    let emptied = installed
        .own()
        .filter_map(|file| file.parent())
        .find(|parent| target.read_dir(parent).is_ok_and(|mut entries| entries.next().is_none()));
    Ok(emptied.map(|parent| format!("/{} is empty now", parent.shown())))
}

/// Removes what only these packages have installed for others to build with. What several have written stays, and is
/// written again.
pub(crate) fn remove_from_host(folder: &Path, names: &BTreeSet<&str>, built: &Packages) -> Result<(), FileError> {
    let host = folder.join("host");
    let mut areas = vec![(host.clone(), ".files-list-host.txt", ".stamp_host_installed")];
    for entry in fs::read_dir(&host).into_iter().flatten().flatten() {
        areas.push((entry.path().join("sysroot"), ".files-list-staging.txt", ".stamp_staging_installed"));
    }
    for (root, list, stamp) in areas {
        let Some(root) = open(&root)? else { continue };
        // Packages without a list have none for this area.
        let Ok(installed) = Installed::read(folder, names, built, list, stamp)? else { continue };
        for file in installed.own() {
            // What cannot be removed is written again, too.
            let _ = root.remove_file(file);
        }
    }
    Ok(())
}

fn open(folder: &Path) -> Result<Option<Dir>, FileError> {
    match Dir::open_ambient_dir(folder, ambient_authority()) {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(FileError::at("open", folder)(error)),
    }
}
