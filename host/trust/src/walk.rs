//! The path to a file, one name after the other, as the kernel goes along it.

use std::ffi::OsString;
use std::fs;
use std::fs::Metadata;
use std::io;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

/// Links that are followed on the way to a file, as many as Linux follows (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// A directory, file or link that the kernel comes by.
pub(crate) struct Step {
    pub(crate) path: PathBuf,
    pub(crate) metadata: Metadata,
    /// Whether it is what the path leads to.
    pub(crate) is_last: bool,
}

/// Calls `visit` with everything on the way from `/` to an absolute path: directories, symbolic links and what stands at
/// the end. Ends at the first name that does not exist.
///
/// Directories that are `known` are gone through without a look.
pub(crate) fn walk<E>(
    path: &Path,
    known: &dyn Fn(&Path) -> bool,
    visit: &mut dyn FnMut(Step) -> Result<(), E>,
) -> Result<(), E>
where
    E: From<(PathBuf, io::Error)>,
{
    let mut ahead: Vec<OsString> = names(path);
    let mut here = PathBuf::from("/");
    let mut links = 0;
    if ahead.is_empty() || !known(&here) {
        let metadata = fs::symlink_metadata(&here).map_err(|error| (here.clone(), error))?;
        visit(Step { path: here.clone(), metadata, is_last: ahead.is_empty() })?;
    }
    while let Some(name) = ahead.pop() {
        if name == ".." {
            here.pop();
            if ahead.is_empty() {
                let metadata = fs::symlink_metadata(&here).map_err(|error| (here.clone(), error))?;
                visit(Step { path: here.clone(), metadata, is_last: true })?;
            }
            continue;
        }
        let next = here.join(&name);
        if !ahead.is_empty() && known(&next) {
            here = next;
            continue;
        }
        let metadata = match fs::symlink_metadata(&next) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            metadata => metadata.map_err(|error| (next.clone(), error))?,
        };
        let is_link = metadata.is_symlink();
        visit(Step { path: next.clone(), metadata, is_last: ahead.is_empty() && !is_link })?;
        if !is_link {
            here = next;
            continue;
        }
        links += 1;
        if links > MAX_LINKS {
            return Err((next, io::Error::from(rustix::io::Errno::LOOP)).into());
        }
        let target = fs::read_link(&next).map_err(|error| (next, error))?;
        if target.is_absolute() {
            here = PathBuf::from("/");
        }
        ahead.extend(names(&target));
    }
    Ok(())
}

/// The names of a path, the first one last.
fn names(path: &Path) -> Vec<OsString> {
    let mut names: Vec<OsString> = path
        .components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect();
    names.reverse();
    names
}
