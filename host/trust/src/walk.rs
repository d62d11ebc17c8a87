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
    /// The name that is not in it, and that the path needs.
    pub(crate) lacks: Option<PathBuf>,
}

impl Step {
    /// What stands at a path, and lacks nothing that is needed.
    pub(crate) fn at(path: PathBuf, metadata: Metadata, is_last: bool) -> Self {
        Self { path, metadata, is_last, lacks: None }
    }
}

/// Calls `visit` with everything on the way from `/` to an absolute path: directories, symbolic links and what stands at
/// the end. Ends at the first name that does not exist, with the directory that lacks it.
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
        visit(Step::at(here.clone(), metadata, ahead.is_empty()))?;
    }
    // Whether what stands at the end was visited as that.
    let mut is_visited = ahead.is_empty();
    while let Some(name) = ahead.pop() {
        if name == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&name);
        if !ahead.is_empty() && known(&next) {
            here = next;
            continue;
        }
        let metadata = match fs::symlink_metadata(&next) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let metadata = fs::symlink_metadata(&here).map_err(|error| (here.clone(), error))?;
                return visit(Step { path: here, metadata, is_last: true, lacks: Some(next) });
            }
            metadata => metadata.map_err(|error| (next.clone(), error))?,
        };
        let is_link = metadata.is_symlink();
        is_visited = ahead.is_empty() && !is_link;
        visit(Step::at(next.clone(), metadata, is_visited))?;
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
    // `..` and links to `.` or `/` end at a directory that was visited on the way, where less is checked.
    if !is_visited {
        let metadata = fs::symlink_metadata(&here).map_err(|error| (here.clone(), error))?;
        visit(Step::at(here, metadata, true))?;
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_a_path_leads_to_is_visited_as_that_however_it_is_named() {
        let root = tempfile::tempdir().unwrap();
        let real = root.path().canonicalize().unwrap();
        fs::create_dir(real.join("sub")).unwrap();
        for (name, target) in [("dot", "."), ("up", "sub/.."), ("again", "dot"), ("back", "../")] {
            symlink(target, real.join(name)).unwrap();
        }
        let end = |path: &Path| {
            let mut last = Vec::new();
            let mut visit = |step: Step| {
                last.extend(step.is_last.then_some(step.path));
                Ok::<_, (PathBuf, io::Error)>(())
            };
            walk(path, &|_| false, &mut visit).unwrap();
            last
        };
        for name in ["", "dot", "up", "again", "sub/.."] {
            assert_eq!(end(&real.join(name)), std::slice::from_ref(&real), "{name}");
        }
        assert_eq!(end(&real.join("back")), [real.parent().unwrap().to_owned()]);
        assert_eq!(end(&real.join("sub")), [real.join("sub")]);
    }
}
