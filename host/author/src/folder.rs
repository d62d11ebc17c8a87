//! The directories of a case. Their source is untrusted, so links in them must not lead elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use skiff_digest::Digest;
use walkdir::WalkDir;

use crate::error::Error;
use crate::error::Result;
use skiff_text::Shown as _;

pub(crate) fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::Unusable { path: path.to_owned(), error }
}

/// Refuses a case in which skiff itself would be led elsewhere: by a link in the place of one of its own directories. In the
/// directories of a zone there may be links, which are copied as such. Pipes and devices are nowhere.
pub(crate) fn check(case: &Path) -> Result<()> {
    let wrong = |path: &Path, what: &'static str| Error::CaseHolds { path: path.to_owned(), what };
    for entry in WalkDir::new(case).follow_root_links(false) {
        let entry = entry.map_err(|error| unreadable(case, error.into()))?;
        let kind = entry.file_type();
        // `before/target` is a directory of skiff, `before/layers/00` as well, and what is below is the zone's.
        let in_layers = entry.path().strip_prefix(case).is_ok_and(|inner| inner.starts_with("before/layers"));
        let is_own = entry.depth() <= if in_layers { 3 } else { 2 };
        if kind.is_symlink() && is_own {
            return Err(wrong(entry.path(), "a link"));
        }
        if !(kind.is_symlink() || kind.is_file() || kind.is_dir()) {
            return Err(wrong(entry.path(), "neither file nor directory nor link"));
        }
    }
    Ok(())
}

/// Refuses links on the way from a layer to its cases: what is recorded would be written elsewhere.
pub(crate) fn check_way(layer: &Path, cases: &Path) -> Result<()> {
    let mut below = cases.ancestors().take_while(|path| *path != layer);
    match below.find(|path| path.is_symlink()) {
        None => Ok(()),
        Some(link) => Err(Error::CaseLink(link.to_owned())),
    }
}

/// What a file of a tree is, as far as a checkout keeps it.
#[derive(PartialEq, Eq)]
enum Content {
    File(bool, Digest),
    Link(PathBuf),
}

/// Returns in which files a zone differs from what was recorded.
pub(crate) fn changes(zone: &str, expected: &Path, present: &Path) -> Result<Vec<String>> {
    let (expected, present) = (contents(expected)?, contents(present)?);
    let shown = |path: &Path| format!("{zone}/{}", path.shown());
    let mut wrong = Vec::new();
    for (path, content) in &present {
        match expected.get(path) {
            None => wrong.push(format!("{}: it was not there when the case was recorded", shown(path))),
            Some(other) if other != content => wrong.push(format!("{}: it is another than was recorded", shown(path))),
            Some(_) => {}
        }
    }
    let lost = expected.keys().filter(|path| !present.contains_key(*path));
    wrong.extend(lost.map(|path| format!("{}: it is not there", shown(path))));
    Ok(wrong)
}

fn contents(folder: &Path) -> Result<BTreeMap<PathBuf, Content>> {
    let mut found = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in WalkDir::new(folder) {
        let entry = entry.map_err(|error| unreadable(folder, error.into()))?;
        let inner = entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_owned();
        let failed = |error: io::Error| unreadable(entry.path(), error);
        if entry.path_is_symlink() {
            found.insert(inner, Content::Link(fs::read_link(entry.path()).map_err(failed)?));
        } else if entry.file_type().is_file() {
            let mode = entry.metadata().map_err(|error| unreadable(folder, error.into()))?.permissions().mode();
            found.insert(
                inner,
                Content::File(
                    mode & 0o111 != 0,
                    fs::File::open(entry.path()).and_then(Digest::of_file).map_err(failed)?,
                ),
            );
        }
    }
    Ok(found)
}

/// Copies a tree of files, directories and links.
pub(crate) fn copy(from: &Path, into: &Path) -> io::Result<()> {
    for entry in WalkDir::new(from) {
        let entry = entry?;
        let place = into.join(entry.path().strip_prefix(from).unwrap_or(entry.path()));
        if entry.path_is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, place)?;
        } else if entry.file_type().is_dir() {
            fs::create_dir_all(place)?;
        } else {
            fs::copy(entry.path(), place)?;
        }
    }
    Ok(())
}
