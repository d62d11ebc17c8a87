use std::collections::BTreeSet;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;

use skiff_text::Shown as _;

use crate::Accounts;
use crate::acl;
use crate::acl::List;
use crate::acl::Writer;
use crate::mounts::Mounts;
use crate::walk::Step;
use crate::walk::walk;

/// Who can write to a file beside its owner.
const GROUP: u32 = 0o020;
const OTHERS: u32 = 0o002;
/// In such a directory only the owner of an entry can replace it (`S_ISVTX`, inode(7)).
const STICKY: u32 = 0o1000;

/// Whom skiff believes.
#[derive(Debug, Clone)]
pub struct Trust {
    users: BTreeSet<u32>,
    listed: Vec<PathBuf>,
    /// Read when something belongs to somebody else or is writable for its group, which is seldom.
    accounts: OnceLock<Accounts>,
    known: Arc<Mutex<BTreeSet<PathBuf>>>,
    mounts: Mounts,
}

/// A path that somebody else can change.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not trusted: {reason}", path.shown())]
pub struct Untrusted {
    /// The path that was to be believed.
    pub path: PathBuf,
    /// Why it is not.
    pub reason: Reason,
}

/// Why a path is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// It, or something on the way to it, belongs to somebody else.
    #[error("`{}` belongs to {owner}", at.shown())]
    Owner {
        /// What does.
        at: PathBuf,
        /// The user's name, or `user` and the number.
        owner: String,
    },
    /// It, or a directory on the way to it, can be changed by others.
    #[error("`{}` is writable for {whom} (mode {mode:04o})", at.shown())]
    Writable {
        /// What is.
        at: PathBuf,
        /// `its group` or `everybody`.
        whom: &'static str,
        /// The permission bits.
        mode: u32,
    },
    /// Its access control list lets others write to it.
    #[error("`{}` is writable for {whom} (its access control list: getfacl)", at.shown())]
    Listed {
        /// What is.
        at: PathBuf,
        /// A user or a group.
        whom: String,
    },
    /// It is in a file system whose owners and permissions are what a program of somebody else says (FUSE).
    #[error("`{}` is in a file system that a program of {owner} provides", at.shown())]
    Served {
        /// What is.
        at: PathBuf,
        /// The user who has mounted it.
        owner: String,
    },
    /// It does not exist, and others can make it.
    #[error("`{}` does not exist, and others can make it: {reason}", at.shown())]
    Absent {
        /// What does not exist.
        at: PathBuf,
        /// Who can change the directory that lacks it.
        reason: Box<Reason>,
    },
    /// The check failed.
    #[error("cannot examine `{}`: {source}", at.shown())]
    Unknown {
        /// What cannot be examined.
        at: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl From<(PathBuf, io::Error)> for Reason {
    fn from((at, source): (PathBuf, io::Error)) -> Self {
        Self::Unknown { at, source }
    }
}

impl Trust {
    /// Believes root, a user, and whoever else is named: below sudo, the user who called it.
    pub fn of(user: u32, caller: Option<u32>) -> Self {
        Self {
            users: [0, user].into_iter().chain(caller).collect(),
            listed: Vec::new(),
            accounts: OnceLock::new(),
            known: Arc::default(),
            mounts: Mounts::default(),
        }
    }

    /// Believes what lies at or below a path, too, whoever can change it.
    pub fn list(&mut self, path: &Path) {
        self.listed.push(path.canonicalize().unwrap_or_else(|_| path.to_owned()));
    }

    /// Returns the same without what the user has listed.
    #[must_use]
    pub fn without_list(&self) -> Self {
        Self { listed: Vec::new(), known: Arc::default(), ..self.clone() }
    }

    /// Checks that nobody else can change what an absolute path leads to: each directory and link on the way and the end
    /// itself belong to someone who is believed, and nobody else can write to them. Directories on the way may be
    /// writable for others if they are sticky. A path that does not exist is checked as far as it does, and nobody else
    /// may be able to make the rest: otherwise they could take something away for the moment of the check.
    ///
    /// # Errors
    /// [`Untrusted`] names the first thing on the way that somebody else can change.
    pub fn check(&self, path: &Path) -> Result<(), Untrusted> {
        self.check_as_far(path, &|step: &Step| self.check_step(step))
    }

    /// As [`Self::check`], for something that is about to be made, and is checked again then. Others may be able to make it.
    pub(crate) fn check_way(&self, path: &Path) -> Result<(), Untrusted> {
        // The directory that lacks it was checked as a part of the way.
        self.check_as_far(path, &|step: &Step| if step.lacks.is_some() { Ok(()) } else { self.check_step(step) })
    }

    fn check_as_far(&self, path: &Path, check: &dyn Fn(&Step) -> Result<(), Reason>) -> Result<(), Untrusted> {
        if self.lists(path) {
            return Ok(());
        }
        let untrusted = |reason| Untrusted { path: path.to_owned(), reason };
        let known = |directory: &Path| self.known().contains(directory);
        let visit = &mut |step: Step| {
            check(&step).map_err(|reason| match &step.lacks {
                Some(at) => Reason::Absent { at: at.clone(), reason: Box::new(reason) },
                None => reason,
            })?;
            if step.metadata.is_dir() {
                self.known().insert(step.path);
            }
            Ok(())
        };
        walk(path, &known, visit).map_err(untrusted)
    }

    /// Returns whether the user has listed a path, or what it will lie in once it exists.
    pub(crate) fn lists(&self, path: &Path) -> bool {
        let real = || path.ancestors().find_map(|existing| existing.canonicalize().ok());
        !self.listed.is_empty() && real().is_some_and(|real| self.listed.iter().any(|listed| real.starts_with(listed)))
    }

    /// Directories on the way to something that have been checked. What nobody else can change is still so a moment later.
    fn known(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accounts(&self) -> &Accounts {
        self.accounts.get_or_init(Accounts::read)
    }

    pub(crate) fn check_step(&self, step: &Step) -> Result<(), Reason> {
        let Step { path, metadata, is_last, .. } = step;
        let at = || path.clone();
        if let Some(server) =
            self.mounts.server(path, metadata).map_err(|source| Reason::Unknown { at: at(), source })?
            && !self.users.contains(&server)
        {
            return Err(Reason::Served { at: at(), owner: self.name(server) });
        }
        if !self.users.contains(&metadata.uid()) {
            return Err(Reason::Owner { at: at(), owner: self.name(metadata.uid()) });
        }
        // The mode of a link means nothing, and what a sticky directory holds is checked by itself.
        let mode = metadata.mode() & 0o7777;
        if metadata.is_symlink() || (!is_last && mode & STICKY != 0) {
            return Ok(());
        }
        if mode & OTHERS != 0 {
            return Err(Reason::Writable { at: at(), whom: "everybody", mode });
        }
        // What is made there would be writable for others.
        if *is_last && metadata.is_dir() {
            self.check_list(path, metadata, List::Default)?;
        }
        // Without the bit of the group, no entry of a list allows to write.
        if mode & GROUP == 0 {
            return Ok(());
        }
        if !self.accounts().is_private(metadata.gid(), metadata.uid()) {
            return Err(Reason::Writable { at: at(), whom: "its group", mode });
        }
        self.check_list(path, metadata, List::Access)
    }

    fn check_list(&self, path: &Path, metadata: &Metadata, list: List) -> Result<(), Reason> {
        let writers = acl::writers(path, list).map_err(|source| Reason::Unknown { at: path.to_owned(), source })?;
        let stranger = writers.into_iter().find(|writer| match writer {
            Writer::User(user) => !self.users.contains(user),
            Writer::Group(group) => !self.accounts().is_private(*group, metadata.uid()),
            Writer::OwnGroup => !self.accounts().is_private(metadata.gid(), metadata.uid()),
            Writer::Everybody => true,
        });
        let Some(stranger) = stranger else { return Ok(()) };
        let whom = match stranger {
            Writer::User(user) => format!("user {user}"),
            Writer::Group(group) => format!("group {group}"),
            Writer::OwnGroup => "its group".to_owned(),
            Writer::Everybody => "everybody".to_owned(),
        };
        Err(Reason::Listed { at: path.to_owned(), whom })
    }

    /// Returns a user as messages name one.
    fn name(&self, user: u32) -> String {
        self.accounts().name(user).map_or_else(|| format!("user {user}"), str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::fs::symlink;

    use super::*;

    fn trust() -> Trust {
        Trust::of(rustix::process::geteuid().as_raw(), None)
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_others_can_write_to_is_not_believed() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("f"), "").unwrap();
        let check = || trust().check(&folder.join("f"));
        check().unwrap();
        for (path, bits) in [("a", 0o777), ("a/b", 0o757), ("a/b/f", 0o666)] {
            let path = root.path().join(path);
            let before = fs::metadata(&path).unwrap().permissions().mode();
            mode(&path, bits);
            let error = check().unwrap_err();
            assert!(matches!(&error.reason, Reason::Writable { at, .. } if *at == path), "{error}");
            mode(&path, before);
        }
        mode(&root.path().join("a"), 0o1777);
        check().unwrap();
        assert!(trust().check(&root.path().join("a")).is_err(), "others can put things into it");
        assert!(trust().check(&root.path().join("a/b/..")).is_err(), "nor by another way");
        let mut listing = trust();
        listing.list(&root.path().join("a"));
        mode(&folder, 0o777);
        listing.check(&folder).unwrap();
        listing.check(&folder.join("not/yet")).unwrap();
        assert!(listing.check(root.path()).is_ok() && trust().check(&folder.join("not/yet")).is_err());
    }

    #[test]
    fn what_others_can_make_is_not_believed_while_it_is_not_there() {
        let root = tempfile::tempdir().unwrap();
        let shared = root.path().join("shared");
        fs::create_dir(&shared).unwrap();
        trust().check(&shared.join("a/b")).unwrap();
        mode(&shared, 0o1777);
        for absent in ["a", "a/b"] {
            let error = trust().check(&shared.join(absent)).unwrap_err();
            assert!(matches!(&error.reason, Reason::Absent { at, .. } if *at == shared.join("a")), "{error}");
        }
        // Who makes it looks again.
        trust().make_private(&shared.join("a/b")).unwrap();
        trust().check(&shared.join("a/b")).unwrap();
    }

    #[test]
    fn links_are_followed_and_belong_to_the_way() {
        let root = tempfile::tempdir().unwrap();
        let (open, safe) = (root.path().join("open"), root.path().join("safe"));
        fs::create_dir(&open).unwrap();
        fs::create_dir(&safe).unwrap();
        symlink("../safe", open.join("link")).unwrap();
        symlink("../open/link", safe.join("back")).unwrap();
        trust().check(&safe.join("back")).unwrap();
        mode(&open, 0o777);
        assert!(trust().check(&safe.join("back")).is_err(), "the link can be exchanged");
        symlink("loop", safe.join("loop")).unwrap();
        assert!(matches!(trust().check(&safe.join("loop")).unwrap_err().reason, Reason::Unknown { .. }));
    }

    #[test]
    fn strangers_are_not_believed() {
        let root = tempfile::tempdir().unwrap();
        let stranger = Trust::of(rustix::process::geteuid().as_raw() + 1, None);
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(root.path(), Some(4242), None).unwrap();
            let error = trust().check(root.path()).unwrap_err();
            assert!(error.to_string().ends_with("belongs to user 4242"), "{error}");
            Trust::of(0, Some(4242)).check(root.path()).unwrap();
        }
        assert!(stranger.check(root.path()).is_err());
    }
}
