//! The root file system being built, on disk, entered only through a handle: whatever links packages and layers
//! bring, nothing is written outside.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use cap_std::fs::DirBuilder;
use cap_std::fs::DirEntry;
use cap_std::fs::Metadata;
use cap_std::fs::MetadataExt as _;
use cap_std::fs::OpenOptions;
use cap_std::fs::OpenOptionsExt as _;
use cap_std::fs::Permissions;
use cap_std::fs::PermissionsExt as _;
use skiff_plan::Overlay;
use skiff_report::Cancel;
use skiff_tree::Stopped;
use skiff_tree::Watched;

use super::owners::Owner;
use super::owners::Owners;
use crate::FileError;
use crate::Origin;
use skiff_text::Shown as _;

/// Directories that every system has, with their mode.
const FOLDERS: [(&str, u32); 19] = [
    ("boot", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("etc/init.d", 0o755),
    ("home", 0o755),
    ("mnt", 0o755),
    ("mnt/persist", 0o755),
    ("mnt/shared", 0o755),
    ("opt", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("usr/bin", 0o755),
    ("usr/lib", 0o755),
    ("usr/sbin", 0o755),
    ("var", 0o755),
];

/// A merged `/usr`, as the distributions and Buildroot's `BR2_ROOTFS_MERGED_USR` have it.
const LINKS: [(&str, &str); 6] = [
    ("bin", "usr/bin"),
    ("sbin", "usr/sbin"),
    ("lib", "usr/lib"),
    ("lib64", "usr/lib"),
    ("var/run", "../run"),
    ("etc/mtab", "../proc/self/mounts"),
];

/// Names that Buildroot leaves out of overlays; besides these, names that end in `~`.
const IGNORED: [&str; 6] = [".git", ".svn", ".hg", ".bzr", "CVS", ".empty"];

/// A tree on disk.
pub(crate) struct Tree {
    dir: Dir,
    path: PathBuf,
    /// Where files come from.
    origins: RefCell<Origins>,
    /// Whose files are not root's.
    owners: RefCell<Owners>,
    /// Bytes that overlays may still add.
    room: Cell<u64>,
}

/// Bytes that a text of the system may have that is read as a whole: tables of users.
const MAX_TEXT: u64 = 16 << 20;

/// Bytes that the files of all overlays may have together, holes included: an image of squashfs is packed from all of them.
const MAX_OVERLAYS: u64 = if cfg!(test) { 1 << 20 } else { 64 << 30 };

/// Where the files of a tree come from.
#[derive(Debug, Default)]
struct Origins {
    present: Origin,
    files: BTreeMap<PathBuf, Origin>,
}

impl Tree {
    /// Opens an empty directory.
    pub(crate) fn new(path: &Path) -> Result<Self, FileError> {
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(FileError::at("open", path))?;
        Ok(Self {
            dir,
            path: path.to_owned(),
            origins: RefCell::default(),
            owners: RefCell::default(),
            room: Cell::new(MAX_OVERLAYS),
        })
    }

    /// Returns the handle.
    pub(crate) fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Returns where it is on the host, for walking it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes where the files come from that are added from now on.
    pub(crate) fn begin(&self, origin: Origin) {
        self.origins.borrow_mut().present = origin;
    }

    /// Returns where a file comes from.
    pub(crate) fn origin_of(&self, path: &Path) -> Origin {
        self.origins.borrow().files.get(path).cloned().unwrap_or_default()
    }

    /// Notes that a file is there now, which is root's until [`Self::give`] is called.
    fn note_origin(&self, path: &Path) -> io::Result<()> {
        let real = self.real(path)?;
        self.owners.borrow_mut().forget(&real);
        let mut origins = self.origins.borrow_mut();
        let present = origins.present.clone();
        origins.files.insert(real, present);
        Ok(())
    }

    /// Returns where a path really is: its parents may be links, as `/lib` is.
    fn real(&self, path: &Path) -> io::Result<PathBuf> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.map_or_else(|| Ok(PathBuf::new()), |parent| self.dir.canonicalize(parent))?;
        Ok(parent.join(path.file_name().unwrap_or_default()))
    }

    /// Gives a file, directory or link that is there to an owner.
    pub(crate) fn give(&self, path: &Path, owner: Owner) -> io::Result<()> {
        self.owners.borrow_mut().set(self.real(path)?, owner);
        Ok(())
    }

    /// Gives a directory and all below it to an owner.
    pub(crate) fn give_below(&self, folder: &Path, owner: Owner) -> io::Result<()> {
        self.owners.borrow_mut().set_below(self.real(folder)?, owner);
        Ok(())
    }

    /// Returns whose files are not root's.
    pub(crate) fn owners(&self) -> Owners {
        self.owners.borrow().clone()
    }

    /// Makes the directories and links that every system has.
    pub(crate) fn skeleton(&self) -> Result<(), FileError> {
        let make = || {
            // Its `tmp` is open to everybody, but on the target only.
            self.dir.set_permissions(".", Permissions::from_mode(0o700))?;
            FOLDERS.iter().try_for_each(|(path, mode)| self.add_folder(Path::new(path), *mode))?;
            LINKS.iter().try_for_each(|(path, target)| self.add_link(Path::new(path), Path::new(target)))
        };
        make().map_err(FileError::at("fill", &self.path))
    }

    /// Makes a directory, or gives one that is there this mode.
    pub(crate) fn add_folder(&self, path: &Path, mode: u32) -> io::Result<()> {
        match self.dir.metadata(path) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => self.replace(path)?,
            Err(_) => self.dir.create_dir_with_parents(path)?,
        }
        // A directory that is a link, as /bin is, keeps being one.
        if self.dir.symlink_metadata(path)?.is_dir() {
            self.set_permissions(path, mode)?;
        }
        Ok(())
    }

    /// Sets the permissions of something that is no link. The top stays closed, by whatever name a layer or a package calls it:
    /// below it are set-user-id programs and directories that are open to everybody, on the target only.
    fn set_permissions(&self, path: &Path, mode: u32) -> io::Result<()> {
        let identity = |metadata: &Metadata| (metadata.dev(), metadata.ino());
        match identity(&self.dir.metadata(path)?) == identity(&self.dir.dir_metadata()?) {
            true => Ok(()),
            false => self.dir.set_permissions(path, Permissions::from_mode(mode & 0o7777)),
        }
    }

    fn replace(&self, path: &Path) -> io::Result<()> {
        self.dir.remove_file(path)?;
        self.dir.create_dir(path)
    }

    /// Writes a file, in the place of whatever was there.
    pub(crate) fn add_file(&self, path: &Path, mode: u32, content: &mut dyn Read) -> io::Result<()> {
        self.make_room(path)?;
        let mut file = self.dir.open_with(path, OpenOptions::new().write(true).create_new(true))?;
        io::copy(content, &mut file)?;
        self.note_origin(path)?;
        file.set_permissions(Permissions::from_mode(mode & 0o7777))
    }

    /// Makes a symbolic link with exactly this target: it is read on the running system, never here.
    pub(crate) fn add_link(&self, path: &Path, target: &Path) -> io::Result<()> {
        self.make_room(path)?;
        self.owners.borrow_mut().forget(&self.real(path)?);
        self.dir.symlink_contents(target, path)
    }

    /// Makes a second name for a file.
    pub(crate) fn add_hard_link(&self, original: &Path, path: &Path) -> io::Result<()> {
        self.make_room(path)?;
        self.dir.hard_link(original, &self.dir, path)?;
        self.note_origin(path)
    }

    /// Makes the parents of a path and removes a file or link that is there.
    fn make_room(&self, path: &Path) -> io::Result<()> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty())
            && !self.dir.is_dir(parent)
        {
            self.dir.create_dir_with_parents(parent)?;
        }
        match self.dir.symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                Err(io::Error::new(io::ErrorKind::IsADirectory, format!("`{}` is a directory already", path.shown())))
            }
            Ok(_) => self.dir.remove_file(path),
            Err(_) => Ok(()),
        }
    }

    /// Lists the names in a directory, in byte order; none if it is not there.
    pub(crate) fn list(&self, path: &str) -> Result<Vec<String>, FileError> {
        let read = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in self.dir.read_dir(path)? {
                names.push(entry?.file_name().to_string_lossy().into_owned());
            }
            names.sort();
            Ok(names)
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other.map_err(FileError::at("list", self.path.join(path))),
        }
    }

    /// Returns whether a path is there, whatever it is.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.dir.symlink_metadata(path).is_ok()
    }

    /// Sets the permissions of a file or directory.
    pub(crate) fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        match self.dir.symlink_metadata(path)?.is_symlink() {
            true => Ok(()),
            false => self.set_permissions(path, mode),
        }
    }

    /// Writes a small text file.
    pub(crate) fn write(&self, path: &str, mode: u32, text: &str) -> Result<(), FileError> {
        self.add_file(Path::new(path), mode, &mut text.as_bytes()).map_err(FileError::at("write", self.path.join(path)))
    }

    /// Reads a small text file of the tree, or returns nothing when it is not there.
    pub(crate) fn read(&self, path: &str) -> Result<String, FileError> {
        let bytes = self.read_bytes(Path::new(path), MAX_TEXT)?.unwrap_or_default();
        String::from_utf8(bytes).map_err(|error| FileError::at("read", self.path.join(path))(io::Error::other(error)))
    }

    /// Reads a file of at most `most` bytes; `None` if it is not there. Layers can put files of any size anywhere.
    pub(crate) fn read_bytes(&self, path: &Path, most: u64) -> Result<Option<Vec<u8>>, FileError> {
        let read = || -> io::Result<Vec<u8>> {
            let bytes = skiff_file::read_up_to(&self.dir.open(path)?.into_std(), most)?;
            bytes.ok_or_else(|| io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {most} bytes")))
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            bytes => bytes.map(Some).map_err(FileError::at("read", self.path.join(path))),
        }
    }

    /// Copies a layer's overlay over the tree.
    ///
    /// Modes become what Buildroot makes of them: all may read, programs and directories all may enter; so a
    /// checkout's umask does not show in the image.
    pub(crate) fn copy_overlay(&self, overlay: &Overlay, cancel: &Cancel) -> Result<(), FileError> {
        let unread = |error| FileError::at("copy", &overlay.path)(io::Error::other(error));
        self.copy_folder(&overlay.open().map_err(unread)?, Path::new(""), &overlay.path, cancel)
    }

    /// Copies the entries of an open directory, and enters those that are directories through it.
    fn copy_folder(&self, folder: &Dir, inner: &Path, shown: &Path, cancel: &Cancel) -> Result<(), FileError> {
        let list = || -> io::Result<Vec<DirEntry>> {
            let mut entries = folder.entries()?.collect::<io::Result<Vec<_>>>()?;
            entries.sort_by_key(DirEntry::file_name);
            Ok(entries)
        };
        for entry in list().map_err(FileError::at("copy", shown.join(inner)))? {
            let name = entry.file_name();
            let inner = inner.join(&name);
            let failed = || FileError::at("copy", shown.join(&inner));
            let name = name.to_string_lossy();
            if IGNORED.contains(&name.as_ref()) || name.ends_with('~') {
                continue;
            }
            if entry.file_type().map_err(failed())?.is_dir() {
                if !self.dir.is_dir(&inner) {
                    self.add_folder(&inner, 0o755).map_err(failed())?;
                }
                self.copy_folder(&entry.open_dir().map_err(failed())?, &inner, shown, cancel)?;
            } else {
                self.copy_entry(folder, &entry, &inner, cancel).map_err(failed())?;
            }
        }
        Ok(())
    }

    fn copy_entry(&self, folder: &Dir, entry: &DirEntry, inner: &Path, cancel: &Cancel) -> io::Result<()> {
        if entry.file_type()?.is_symlink() {
            return self.add_link(inner, &folder.read_link_contents(entry.file_name())?);
        }
        let mut options = OpenOptions::new();
        // Opening a pipe would wait for a writer.
        options.read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
        let file = entry.open_with(&options)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "neither a file nor a directory nor a symbolic link",
            ));
        }
        let room = self.room.get().checked_sub(metadata.len());
        self.room.set(room.ok_or_else(|| {
            let message = format!("with it, all overlays hold more than {} GiB", MAX_OVERLAYS >> 30);
            io::Error::new(io::ErrorKind::FileTooLarge, message)
        })?);
        let program = metadata.permissions().mode() & 0o111 != 0;
        let watch = || cancel.check().map_err(|_| Stopped::Cancelled);
        self.add_file(inner, if program { 0o755 } else { 0o644 }, &mut Watched::new(file, &watch))
    }
}

/// Like `create_dir_all`, with modes that do not depend on the umask.
trait CreateWithParents {
    fn create_dir_with_parents(&self, path: &Path) -> io::Result<()>;
}

impl CreateWithParents for Dir {
    fn create_dir_with_parents(&self, path: &Path) -> io::Result<()> {
        let mut so_far = PathBuf::new();
        for part in path.components() {
            so_far.push(part);
            if !self.is_dir(&so_far) {
                self.create_dir_with(&so_far, &DirBuilder::new())?;
                self.set_permissions(&so_far, Permissions::from_mode(0o755))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use skiff_layers::LayerDir;

    use super::*;

    #[test]
    fn an_overlay_cannot_leave_the_tree() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for folder in ["tree", "outside", "one", "two/etc"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        std::os::unix::fs::symlink(at("outside"), at("one/etc")).unwrap();
        fs::write(at("two/etc/passwd"), "x").unwrap();
        let tree = Tree::new(&at("tree")).unwrap();
        let overlay =
            |name: &str| Overlay { layer: name.into(), path: at(name), dir: LayerDir::open(&at(name)).unwrap() };
        tree.copy_overlay(&overlay("one"), &Cancel::default()).unwrap();
        assert!(tree.copy_overlay(&overlay("two"), &Cancel::default()).is_err());
        assert_eq!(fs::read_dir(at("outside")).unwrap().count(), 0);
    }

    #[test]
    fn the_top_of_the_tree_stays_closed_by_whatever_name() {
        let root = tempfile::tempdir().unwrap();
        let tree = Tree::new(root.path()).unwrap();
        tree.skeleton().unwrap();
        std::os::unix::fs::symlink(".", root.path().join("top")).unwrap();
        for name in [".", "etc/..", "top/.", "top/etc/.."] {
            tree.add_folder(Path::new(name), 0o777).unwrap();
            tree.set_mode(Path::new(name), 0o777).unwrap();
            assert_eq!(fs::metadata(root.path()).unwrap().permissions().mode() & 0o777, 0o700, "{name}");
        }
        tree.add_folder(Path::new("top/etc/."), 0o711).unwrap();
        assert_eq!(fs::metadata(root.path().join("etc")).unwrap().permissions().mode() & 0o777, 0o711);
    }

    #[test]
    fn overlays_have_a_bound_and_can_be_stopped() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("tree")).unwrap();
        fs::create_dir_all(at("over")).unwrap();
        fs::File::create(at("over/hole")).unwrap().set_len(MAX_OVERLAYS + 1).unwrap();
        let overlay = || Overlay { layer: "l".into(), path: at("over"), dir: LayerDir::open(&at("over")).unwrap() };
        let copy = |cancel: &Cancel| Tree::new(&at("tree")).unwrap().copy_overlay(&overlay(), cancel);
        let error = std::error::Error::source(&copy(&Cancel::default()).unwrap_err()).unwrap().to_string();
        assert!(error.contains("all overlays hold more than"), "{error}");
        fs::write(at("over/hole"), "x").unwrap();
        let cancel = Cancel::default();
        copy(&cancel).unwrap();
        cancel.cancel();
        assert!(copy(&cancel).is_err());
    }

    #[test]
    fn modes_do_not_depend_on_the_checkout() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("tree")).unwrap();
        fs::create_dir_all(at("over/a")).unwrap();
        for (name, mode) in [("over/a/f", 0o600), ("over/a/p", 0o770), ("over/a/f~", 0o644)] {
            fs::write(at(name), "x").unwrap();
            fs::set_permissions(at(name), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        }
        let tree = Tree::new(&at("tree")).unwrap();
        let dir = LayerDir::open(&at("over")).unwrap();
        tree.copy_overlay(&Overlay { layer: "l".into(), path: at("over"), dir }, &Cancel::default()).unwrap();
        let mode = |path: &str| {
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(at(path)).unwrap().permissions()) & 0o7777
        };
        assert_eq!((mode("tree/a/f"), mode("tree/a/p"), mode("tree/a")), (0o644, 0o755, 0o755));
        assert!(!at("tree/a/f~").exists());
    }
}
