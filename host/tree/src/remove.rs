//! Removing trees of any depth, size and mode.

use std::ffi::CStr;
use std::ffi::CString;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::AtFlags;
use rustix::fs::Dir;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::TreeError;
use crate::Watch;
use crate::copy::identity;
use crate::entry::reopen;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Names of directories that are kept in memory at a time. Directories beyond that are listed once more.
const MAX_PENDING: usize = if cfg!(test) { 30 } else { 100_000 };

/// Removes a file, a link or a directory with all that is in it. Nothing at the path counts as removed.
///
/// `path` is looked up below `at`, which is [`rustix::fs::CWD`] for a path of the process. At most three directories
/// are open at a time, whatever the depth: the way back leads through `..`, and only to the directory that the walk
/// came from. Links are removed and never followed. Directories that their owner may not change are made changeable
/// first.
///
/// # Errors
/// [`TreeError`]; what was removed until then stays removed.
pub fn remove(at: impl AsFd, path: &Path, watch: Watch<'_>) -> Result<(), TreeError> {
    let name = CString::new(path.as_os_str().as_bytes()).map_err(|error| TreeError::at("")(error.into()))?;
    match rustix::fs::unlinkat(&at, &name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(error) if is_folder(error) => {}
        Err(error) => return Err(TreeError::errno("")(error)),
    }
    let here = match open(&at, &name) {
        Ok(here) => here,
        // Another process removes it at the same time.
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(TreeError::errno("")(error)),
    };
    Walk { at, here, levels: Vec::new(), pending: 0, watch }.run(name)
}

/// A directory between the root and the place where the walk is.
struct Level {
    /// Its name in the directory above.
    name: CString,
    /// Device and inode.
    identity: (u64, u64),
    /// Directories in it that are still to be removed.
    pending: Vec<CString>,
}

struct Walk<'w, At> {
    /// Holds the root.
    at: At,
    /// The directory of the last level.
    here: OwnedFd,
    levels: Vec<Level>,
    /// Names in all levels.
    pending: usize,
    watch: Watch<'w>,
}

impl<At: AsFd> Walk<'_, At> {
    fn run(mut self, root: CString) -> Result<(), TreeError> {
        self.enter(root)?;
        while let Some(level) = self.levels.last_mut() {
            (self.watch)()?;
            match level.pending.pop() {
                Some(name) => {
                    self.pending -= 1;
                    self.descend(name)?;
                }
                None => self.leave()?,
            }
        }
        Ok(())
    }

    /// Goes into a directory of the current one.
    fn descend(&mut self, name: CString) -> Result<(), TreeError> {
        match open(&self.here, &name) {
            Ok(inner) => {
                self.here = inner;
                self.enter(name)
            }
            Err(Errno::NOENT) => Ok(()),
            // It was a directory when it was listed.
            Err(Errno::NOTDIR | Errno::LOOP) => match rustix::fs::unlinkat(&self.here, &name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => Ok(()),
                Err(error) => Err(self.failed(&name, error)),
            },
            Err(error) => Err(self.failed(&name, error)),
        }
    }

    /// Notes where the walk is and removes all from there that is not a directory.
    fn enter(&mut self, name: CString) -> Result<(), TreeError> {
        let identity = identity(self.here.as_fd(), "")?;
        self.levels.push(Level { name, identity, pending: Vec::new() });
        self.sweep().map(drop)
    }

    /// Removes all from the current directory that is not a directory, and notes the directories. Returns how many
    /// names there were.
    fn sweep(&mut self) -> Result<usize, TreeError> {
        let failed = |walk: &Self, error| walk.failed(c"", error);
        let mut seen = 0;
        let mut folders = Vec::new();
        for entry in Dir::new(reopen(&self.here, "")?).map_err(|error| failed(self, error))? {
            let entry = entry.map_err(|error| failed(self, error))?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            (self.watch)()?;
            seen += 1;
            if entry.file_type() != FileType::Directory {
                match rustix::fs::unlinkat(&self.here, name, AtFlags::empty()) {
                    Ok(()) | Err(Errno::NOENT) => continue,
                    Err(error) if is_folder(error) => {}
                    Err(error) => return Err(self.failed(name, error)),
                }
            }
            folders.push(name.to_owned());
            if folders.len() >= MAX_PENDING {
                break;
            }
        }
        if self.pending + folders.len() > MAX_PENDING {
            // A level without names is listed once more when it turns out not to be empty.
            self.levels.iter_mut().for_each(|level| level.pending = Vec::new());
            self.pending = 0;
        }
        self.pending += folders.len();
        if let Some(level) = self.levels.last_mut() {
            level.pending = folders;
        }
        Ok(seen)
    }

    /// Removes the current directory and goes back to the one above.
    fn leave(&mut self) -> Result<(), TreeError> {
        let Some(level) = self.levels.pop() else { return Ok(()) };
        let removed = match self.levels.last() {
            None => rustix::fs::unlinkat(&self.at, &level.name, AtFlags::REMOVEDIR),
            Some(above) => {
                let flags = FOLDER.difference(OFlags::NOFOLLOW);
                let up = rustix::fs::openat(&self.here, c"..", flags, Mode::empty());
                let up = up.map_err(|error| self.failed(&level.name, error))?;
                // Somebody moved it: what is above now is not ours to touch.
                if identity(up.as_fd(), "")? != above.identity {
                    return Err(TreeError::Moved { path: self.shown(&level.name) });
                }
                let removed = rustix::fs::unlinkat(&up, &level.name, AtFlags::REMOVEDIR);
                if !matches!(removed, Err(Errno::NOTEMPTY | Errno::EXIST)) {
                    self.here = up;
                }
                removed
            }
        };
        match removed {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error @ (Errno::NOTEMPTY | Errno::EXIST)) => {
                self.levels.push(level);
                match self.sweep()? {
                    0 => Err(self.failed(c"", error)),
                    _ => Ok(()),
                }
            }
            Err(error) => Err(self.failed(&level.name, error)),
        }
    }

    fn failed(&self, name: &CStr, error: Errno) -> TreeError {
        TreeError::errno(self.shown(name))(error)
    }

    /// Returns the path of a name in the current directory, below the root.
    fn shown(&self, name: &CStr) -> String {
        let parts = self.levels.iter().skip(1).map(|level| level.name.to_string_lossy());
        let parts = parts.chain([name.to_string_lossy()]).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("/")
    }
}

/// Whether `unlink` failed because there is a directory: Linux says the first, POSIX the second.
fn is_folder(error: Errno) -> bool {
    matches!(error, Errno::ISDIR | Errno::PERM)
}

/// Opens a directory so that it can be emptied.
fn open(at: impl AsFd, name: &CStr) -> Result<OwnedFd, Errno> {
    let folder = match rustix::fs::openat(&at, name, FOLDER, Mode::empty()) {
        Err(Errno::ACCESS) => {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let closed = rustix::fs::openat(&at, name, flags, Mode::empty())?;
            // By its handle: the name may lead elsewhere by now.
            rustix::fs::chmod(format!("/proc/self/fd/{}", closed.as_raw_fd()), Mode::RWXU)?;
            rustix::fs::openat(&at, name, FOLDER, Mode::empty())?
        }
        opened => opened?,
    };
    let mode = Mode::from_raw_mode(rustix::fs::fstat(&folder)?.st_mode);
    if !mode.contains(Mode::RWXU) {
        // Where that is refused, the names in it say what could not be removed.
        let _ = rustix::fs::fchmod(&folder, mode | Mode::RWXU);
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use rustix::fs::CWD;
    use rustix::process::Resource;
    use rustix::process::Rlimit;

    use super::*;
    use crate::Stopped;

    /// Makes directories in directories, each called `d`, with a file in every hundredth.
    fn deep(root: &Path, levels: usize) {
        fs::create_dir(root).unwrap();
        let mut here = rustix::fs::openat(CWD, root, FOLDER, Mode::empty()).unwrap();
        for level in 0..levels {
            if level % 100 == 0 {
                rustix::fs::openat(&here, "f", OFlags::CREATE | OFlags::WRONLY, Mode::RWXU).unwrap();
            }
            rustix::fs::mkdirat(&here, "d", Mode::RWXU).unwrap();
            here = rustix::fs::openat(&here, "d", FOLDER, Mode::empty()).unwrap();
        }
    }

    #[test]
    fn a_tree_of_any_depth_takes_few_open_files() {
        let root = tempfile::tempdir().unwrap();
        let tree = root.path().join("tree");
        deep(&tree, 1200);
        // Other tests of this process open a few dozen.
        let limit = rustix::process::getrlimit(Resource::Nofile);
        rustix::process::setrlimit(Resource::Nofile, Rlimit { current: Some(300), ..limit }).unwrap();
        remove(CWD, &tree, &|| Ok(())).unwrap();
        assert!(!tree.exists());
    }

    #[test]
    fn links_are_removed_and_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("tree/a/b")).unwrap();
        fs::create_dir_all(at("victim/inner")).unwrap();
        fs::write(at("victim/inner/file"), "precious").unwrap();
        fs::write(at("tree/a/file"), "").unwrap();
        fs::hard_link(at("victim/inner/file"), at("tree/a/b/hard")).unwrap();
        for (target, name) in [("../../victim", "tree/a/up"), ("/", "tree/a/b/root"), (".", "tree/a/b/dot")] {
            std::os::unix::fs::symlink(target, at(name)).unwrap();
        }
        std::os::unix::fs::symlink(at("victim"), at("link")).unwrap();
        rustix::fs::mknodat(CWD, at("tree/pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        remove(CWD, &at("tree"), &|| Ok(())).unwrap();
        remove(CWD, &at("link"), &|| Ok(())).unwrap();
        remove(CWD, &at("not there"), &|| Ok(())).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(at("victim/inner/file")).unwrap(), "precious");
    }

    /// A plugin may set any permissions of what it has made.
    #[test]
    fn directories_that_are_closed_to_their_owner_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("tree/closed/inner")).unwrap();
        fs::create_dir_all(at("tree/fixed/inner")).unwrap();
        fs::write(at("tree/fixed/file"), "").unwrap();
        for (name, mode) in [("tree/closed/inner", 0), ("tree/closed", 0), ("tree/fixed", 0o500), ("tree", 0o100)] {
            fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        remove(CWD, &at("tree"), &|| Ok(())).unwrap();
        assert!(!at("tree").exists());
    }

    #[test]
    fn removal_stops_when_it_is_asked_to_and_goes_on_later() {
        let root = tempfile::tempdir().unwrap();
        let tree = root.path().join("tree");
        deep(&tree, 300);
        let left = Cell::new(100);
        let watch = || match left.replace(left.get() - 1) {
            0 => Err(Stopped::Cancelled),
            _ => Ok(()),
        };
        let stopped = remove(CWD, &tree, &watch);
        assert!(matches!(stopped, Err(TreeError::Stopped(Stopped::Cancelled))), "{stopped:?}");
        assert!(tree.exists());
        remove(CWD, &tree, &|| Ok(())).unwrap();
        assert!(!tree.exists());
    }

    /// Directories without names in memory are listed again.
    #[test]
    fn wide_trees_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let tree = root.path().join("tree");
        for outer in 0..20 {
            for inner in 0..20 {
                fs::create_dir_all(tree.join(format!("{outer}/{inner}/x"))).unwrap();
            }
        }
        remove(CWD, &tree, &|| Ok(())).unwrap();
        assert!(!tree.exists());
    }

    /// The directory in which the walk is moves to a place that holds a directory of the same name.
    #[test]
    fn what_is_moved_away_leads_nowhere_else() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("tree/a/b/c")).unwrap();
        fs::create_dir_all(at("outside/victim")).unwrap();
        let asked = Cell::new(0);
        let watch = || {
            asked.set(asked.get() + 1);
            // By then the walk has gone down to `c`.
            if !at("outside/b").exists() && asked.get() == 6 {
                fs::rename(at("tree/a/b"), at("outside/b")).unwrap();
            }
            Ok(())
        };
        let moved = remove(CWD, &at("tree"), &watch);
        assert!(matches!(&moved, Err(TreeError::Moved { .. })), "{moved:?} after {}", asked.get());
        assert!(at("outside/victim").is_dir());
    }

    /// While a directory is swapped for a link and back, only what is inside is removed.
    #[test]
    fn links_that_are_swapped_in_during_a_removal_lead_nowhere() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("outside/folder")).unwrap();
        fs::write(at("outside/folder/file"), "precious").unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    // It fails while one of them is not there.
                    let _ = rustix::fs::renameat_with(CWD, at("link"), CWD, at("tree/x"), flags);
                }
            });
            for round in 0..200 {
                let new = at(&format!("new-{round}"));
                fs::create_dir_all(new.join("folder")).unwrap();
                fs::write(new.join("folder/file"), "inside").unwrap();
                // What is swapped may be there already.
                let _ = fs::create_dir(at("tree"));
                let _ = fs::rename(&new, at("tree/x"));
                let _ = std::os::unix::fs::symlink(at("outside"), at("link"));
                // Whether it succeeds depends on the moment.
                let _ = remove(CWD, &at("tree"), &|| Ok(()));
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        assert_eq!(fs::read_to_string(at("outside/folder/file")).unwrap(), "precious");
    }
}
