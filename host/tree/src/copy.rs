//! Copying files and directories from one tree to another.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::ffi::CStr;
use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;

use cap_std::fs::Dir;
use rustix::fs::AtFlags;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::ALL_MODE;
use crate::Amount;
use crate::MAX_DEPTH;
use crate::PLAIN_MODE;
use crate::TreeError;
use crate::TreePath;
use crate::Watch;
use crate::data;
use crate::data::Ended;
use crate::entry::Bound;
use crate::entry::Entry;
use crate::entry::Kind;
use crate::entry::list;
use crate::entry::reopen;

/// How files are opened to be read: never through a link, and never waiting for whoever writes into a pipe.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const CREATE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Copies a file, or a directory with all that is in it, to a path of another tree. Directories on the way are made. What is
/// there already stays where the source has nothing and is replaced where it has; a link in its place is replaced, not
/// followed. The empty destination is the tree itself for a directory, and the source's name in it for anything else.
///
/// # Errors
/// [`TreeError`]; what was copied until then stays.
pub fn copy(source: &Dir, path: &TreePath, into: &Dir, to: &TreePath, watch: Watch<'_>) -> Result<Amount, TreeError> {
    copy_with(Copy::new(PLAIN_MODE, watch), source, path, into, to)
}

/// Copies a whole tree into an empty one, with the set-user-id bits and hard links: for what is the user's own.
///
/// # Errors
/// [`TreeError`]; what was copied until then stays.
pub fn duplicate(source: &Dir, into: &Dir, watch: Watch<'_>) -> Result<Amount, TreeError> {
    let root = reopen(into, "")?;
    let copy = Copy { links: Some(Links { root, names: BTreeMap::new() }), ..Copy::new(ALL_MODE, watch) };
    copy_with(copy, source, &TreePath::default(), into, &TreePath::default())
}

fn copy_with(
    mut copy: Copy<'_>,
    source: &Dir,
    path: &TreePath,
    into: &Dir,
    to: &TreePath,
) -> Result<Amount, TreeError> {
    let Some((folder, name)) = path.split() else {
        let target = open_folder(into, to)?;
        copy.folder(source.as_fd(), target.as_fd(), "", 0)?;
        return Ok(copy.amount);
    };
    let folder = source.open_dir(folder.or_dot()).map_err(TreeError::at(path))?;
    let entry = Entry { kind: kind(&folder, name, path)?, name: c_name(name, path)? };
    match (entry.kind, to.split()) {
        (Kind::Folder, _) => {
            let target = open_folder(into, to)?;
            copy.amount.entries += 1;
            let inner = rustix::fs::openat(&folder, &entry.name, FOLDER, Mode::empty());
            copy.folder(inner.map_err(TreeError::errno(path))?.as_fd(), target.as_fd(), path.as_str(), 0)?;
        }
        (_, None) => copy.entry(folder.as_fd(), &entry, into.as_fd(), &entry.name, path.as_str(), 0)?,
        (_, Some((parent, new))) => {
            let target = open_folder(into, &parent)?;
            copy.entry(folder.as_fd(), &entry, target.as_fd(), &c_name(new, to)?, path.as_str(), 0)?;
        }
    }
    Ok(copy.amount)
}

/// Makes a file of the contents of an open one: completely or not at all.
///
/// # Errors
/// [`TreeError`]; the file is then as it was.
pub fn put(contents: &File, into: &Dir, to: &TreePath, watch: Watch<'_>) -> Result<u64, TreeError> {
    let stat = rustix::fs::fstat(contents).map_err(TreeError::errno(to))?;
    rustix::fs::seek(contents, rustix::fs::SeekFrom::Start(0)).map_err(TreeError::errno(to))?;
    replace(into, to, stat.st_mode & PLAIN_MODE, |_, file| {
        data::copy(contents, &stat, file, watch).map_err(|ended| ended.at(to.as_str()))
    })
}

/// Sets the permissions of a file or directory; a link is not followed and cannot have any.
///
/// # Errors
/// [`TreeError`] when it is not there or is neither file nor directory.
pub fn set_mode(tree: &Dir, path: &TreePath, mode: u32) -> Result<(), TreeError> {
    let mode = Mode::from_raw_mode(mode & PLAIN_MODE);
    let Some((folder, name)) = path.split() else {
        let root = reopen(tree, path.as_str())?;
        return rustix::fs::fchmod(root, mode).map_err(TreeError::errno(path));
    };
    let folder = tree.open_dir(folder.or_dot()).map_err(TreeError::at(path))?;
    match kind(&folder, name, path)? {
        Kind::File => {
            let (file, _) = open_file(&folder, &c_name(name, path)?, path.as_str())?;
            rustix::fs::fchmod(file, mode).map_err(TreeError::errno(path))
        }
        Kind::Folder => {
            let inner = open_inner(&folder, &c_name(name, path)?, path.as_str())?;
            rustix::fs::fchmod(inner, mode).map_err(TreeError::errno(path))
        }
        Kind::Link => Err(TreeError::Special { path: path.to_string(), kind: "a symbolic link" }),
        Kind::Special(kind) => Err(TreeError::Special { path: path.to_string(), kind }),
    }
}

/// Fills a new file and gives it the name when it is complete. What fills it is told the directory that it is in.
pub(crate) fn replace<T>(
    into: &Dir,
    to: &TreePath,
    mode: u32,
    fill: impl FnOnce(BorrowedFd<'_>, &File) -> Result<T, TreeError>,
) -> Result<T, TreeError> {
    let Some((parent, name)) = to.split() else { return Err(TreeError::Folder { path: to.to_string() }) };
    let folder = open_folder(into, &parent)?;
    if kind(&folder, name, to).is_ok_and(|kind| kind == Kind::Folder) {
        return Err(TreeError::Folder { path: to.to_string() });
    }
    // Nobody else may write here during a call, so a name that is taken is a remnant.
    let new = c_name(".skiff-new", to)?;
    let file = create(folder.as_fd(), &new, mode).map_err(TreeError::errno(to))?;
    let filled = fill(folder.as_fd(), &file).and_then(|value| {
        rustix::fs::renameat(&folder, &new, &folder, c_name(name, to)?).map_err(TreeError::errno(to))?;
        Ok(value)
    });
    if filled.is_err() {
        // The reason why it was not filled is the one to tell.
        let _ = rustix::fs::unlinkat(&folder, &new, AtFlags::empty());
    }
    filled
}

/// Opens a directory below a tree, making it and those on the way to it.
pub(crate) fn open_folder(into: &Dir, path: &TreePath) -> Result<Dir, TreeError> {
    if !path.is_root() {
        into.create_dir_all(path.as_str()).map_err(TreeError::at(path))?;
    }
    into.open_dir(path.or_dot()).map_err(TreeError::at(path))
}

/// Returns what stands behind a name of a directory.
pub(crate) fn kind(folder: impl AsFd, name: &str, shown: &TreePath) -> Result<Kind, TreeError> {
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(TreeError::errno(shown))?;
    Ok(Kind::of_stat(&stat))
}

pub(crate) fn c_name(name: &str, shown: &TreePath) -> Result<CString, TreeError> {
    CString::new(name).map_err(|error| TreeError::at(shown)(error.into()))
}

/// Opens a file or directory by its name in a directory. The name has one part, so that no link can be on the way.
pub(crate) fn open_file(folder: impl AsFd, name: &CStr, shown: &str) -> Result<(File, rustix::fs::Stat), TreeError> {
    let file: File = rustix::fs::openat(folder, name, READ, Mode::empty()).map_err(TreeError::errno(shown))?.into();
    let stat = rustix::fs::fstat(&file).map_err(TreeError::errno(shown))?;
    match Kind::of_stat(&stat) {
        Kind::File => Ok((file, stat)),
        Kind::Special(kind) => Err(TreeError::Special { path: shown.to_owned(), kind }),
        Kind::Folder | Kind::Link => Err(TreeError::Special { path: shown.to_owned(), kind: "no file any more" }),
    }
}

pub(crate) fn open_inner(folder: impl AsFd, name: &CStr, shown: &str) -> Result<OwnedFd, TreeError> {
    rustix::fs::openat(folder, name, FOLDER, Mode::empty()).map_err(TreeError::errno(shown))
}

/// Makes a file; what has its name is removed first, unless it is a directory.
pub(crate) fn create(folder: BorrowedFd<'_>, name: &CStr, mode: u32) -> Result<File, Errno> {
    let mode = Mode::from_raw_mode(mode & ALL_MODE);
    let file = match rustix::fs::openat(folder, name, CREATE, mode) {
        Err(Errno::EXIST) => {
            rustix::fs::unlinkat(folder, name, AtFlags::empty())?;
            rustix::fs::openat(folder, name, CREATE, mode)?
        }
        file => file?,
    };
    // The process's own mask may have taken some of it away.
    if !UNMASKED.contains(mode) {
        rustix::fs::fchmod(&file, mode)?;
    }
    Ok(file.into())
}

/// What hardly any mask takes away.
const UNMASKED: Mode = Mode::RUSR.union(Mode::WUSR).union(Mode::XUSR);

struct Copy<'w> {
    /// The bits of modes that are kept.
    modes: u32,
    amount: Amount,
    /// Device and inode of the directory that is filled, so as not to copy it into itself.
    destination: (u64, u64),
    /// The files that have several names, where these are kept.
    links: Option<Links>,
    bound: Bound<'w>,
    watch: Watch<'w>,
}

/// Files that have several names.
struct Links {
    /// The tree that is filled.
    root: OwnedFd,
    /// By device and inode: the first of its names, below the tree that is filled.
    names: BTreeMap<(u64, u64), CString>,
}

impl<'w> Copy<'w> {
    fn new(modes: u32, watch: Watch<'w>) -> Self {
        Self { modes, amount: Amount::default(), destination: (0, 0), links: None, bound: Bound::new(watch), watch }
    }

    /// Gives a file that was copied already another name. Returns whether it was.
    fn linked(
        &mut self,
        stat: &rustix::fs::Stat,
        into: BorrowedFd<'_>,
        to: &CStr,
        shown: &str,
    ) -> Result<bool, TreeError> {
        let Some(links) = self.links.as_mut().filter(|_| stat.st_nlink > 1) else { return Ok(false) };
        match links.names.entry((stat.st_dev, stat.st_ino)) {
            btree_map::Entry::Occupied(first) => {
                // Where the file system makes no more names of it, it is copied like any other.
                Ok(rustix::fs::linkat(&links.root, first.get(), into, to, AtFlags::empty()).is_ok())
            }
            btree_map::Entry::Vacant(entry) => {
                entry.insert(CString::new(shown).map_err(|error| TreeError::at(shown)(error.into()))?);
                Ok(false)
            }
        }
    }

    fn folder(
        &mut self,
        source: BorrowedFd<'_>,
        into: BorrowedFd<'_>,
        shown: &str,
        depth: usize,
    ) -> Result<(), TreeError> {
        (self.watch)()?;
        if depth > MAX_DEPTH {
            return Err(TreeError::TooDeep { path: crate::error::tail(shown) });
        }
        if depth == 0 {
            self.destination = identity(into, shown)?;
        }
        if identity(source, shown)? == self.destination {
            return Err(TreeError::IntoItself { path: shown.to_owned() });
        }
        for entry in list(source, shown, &mut self.bound)? {
            let path = if shown.is_empty() { entry.shown() } else { format!("{shown}/{}", entry.shown()) };
            self.entry(source, &entry, into, &entry.name, &path, depth)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        source: BorrowedFd<'_>,
        entry: &Entry,
        into: BorrowedFd<'_>,
        to: &CStr,
        shown: &str,
        depth: usize,
    ) -> Result<(), TreeError> {
        self.amount.entries += 1;
        match entry.kind {
            Kind::File => {
                let (from, stat) = open_file(source, &entry.name, shown)?;
                if self.linked(&stat, into, to, shown)? {
                    return Ok(());
                }
                let file = create(into, to, stat.st_mode & self.modes).map_err(TreeError::errno(shown))?;
                self.amount.bytes +=
                    data::copy(&from, &stat, &file, self.watch).map_err(|ended: Ended| ended.at(shown))?;
                // Writing takes the set-user-id bits away.
                match stat.st_mode & self.modes & !PLAIN_MODE {
                    0 => Ok(()),
                    _ => rustix::fs::fchmod(&file, Mode::from_raw_mode(stat.st_mode & self.modes))
                        .map_err(TreeError::errno(shown)),
                }
            }
            Kind::Folder => {
                let inner = open_inner(source, &entry.name, shown)?;
                let stat = rustix::fs::fstat(&inner).map_err(TreeError::errno(shown))?;
                // Whoever copies it must be able to fill it.
                let mode = stat.st_mode & self.modes | 0o700;
                let new = make_folder(into, to, mode).map_err(TreeError::errno(shown))?;
                self.folder(inner.as_fd(), new.as_fd(), shown, depth + 1)
            }
            Kind::Link => {
                let target = rustix::fs::readlinkat(source, &entry.name, Vec::new());
                let target = target.map_err(TreeError::errno(shown))?;
                make_link(into, to, &target).map_err(TreeError::errno(shown))
            }
            Kind::Special(kind) => Err(TreeError::Special { path: shown.to_owned(), kind }),
        }
    }
}

/// Makes a directory or takes the one that is there; a file or link of its name is replaced.
fn make_folder(into: BorrowedFd<'_>, name: &CStr, mode: u32) -> Result<OwnedFd, Errno> {
    let mode = Mode::from_raw_mode(mode);
    match rustix::fs::mkdirat(into, name, mode) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error),
    }
    let folder = match rustix::fs::openat(into, name, FOLDER, Mode::empty()) {
        Err(Errno::NOTDIR | Errno::LOOP) => {
            rustix::fs::unlinkat(into, name, AtFlags::empty())?;
            rustix::fs::mkdirat(into, name, mode)?;
            rustix::fs::openat(into, name, FOLDER, Mode::empty())?
        }
        folder => folder?,
    };
    rustix::fs::fchmod(&folder, mode)?;
    Ok(folder)
}

/// Makes a symbolic link at a path, making directories on the way. What has its name is replaced, unless it is a directory.
///
/// # Errors
/// [`TreeError`] when it cannot be made.
pub fn link(into: &Dir, path: &TreePath, leads_to: &str) -> Result<(), TreeError> {
    let Some((parent, name)) = path.split() else { return Err(TreeError::Folder { path: path.to_string() }) };
    let folder = open_folder(into, &parent)?;
    make_link(folder.as_fd(), &c_name(name, path)?, &c_name(leads_to, path)?).map_err(TreeError::errno(path))
}

/// Makes a symbolic link; what has its name is replaced, unless it is a directory.
pub(crate) fn make_link(into: BorrowedFd<'_>, name: &CStr, target: &CStr) -> Result<(), Errno> {
    match rustix::fs::symlinkat(target, into, name) {
        Err(Errno::EXIST) => {
            rustix::fs::unlinkat(into, name, AtFlags::empty())?;
            rustix::fs::symlinkat(target, into, name)
        }
        made => made,
    }
}

/// Returns device and inode of a directory.
pub(crate) fn identity(folder: BorrowedFd<'_>, shown: &str) -> Result<(u64, u64), TreeError> {
    let stat = rustix::fs::fstat(folder).map_err(TreeError::errno(shown))?;
    Ok((stat.st_dev, stat.st_ino))
}

impl Ended {
    pub(crate) fn at(self, path: &str) -> TreeError {
        match self {
            Self::Io(source) => TreeError::Io { path: path.to_owned(), source },
            Self::Stopped(stopped) => stopped.into(),
        }
    }
}

#[cfg(test)]
mod tests;
