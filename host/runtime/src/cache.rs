//! Compiled components, kept between runs.
//!
//! What is loaded from here is run as machine code, so nothing is believed that this user's skiff has not written: the
//! directory must be the user's own and closed to all others, and every entry bears a keyed digest of its name and its bytes,
//! with a key that only the user can read. Whatever does not fit is compiled again, in silence. Entries are read into
//! memory before they are checked, so that nobody can change them in between.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::AtFlags;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;
use skiff_digest::Digest;
use skiff_text::Shown as _;
use tracing::debug;

/// The key's file.
const KEY: &str = "key";

/// Bytes of a keyed digest.
const MAC: usize = 32;

/// Bytes that all entries may have before the oldest are removed.
const MAX_TOTAL: u64 = 1 << 30;

/// A directory with compiled components.
pub(crate) struct Cache {
    folder: File,
    key: [u8; 32],
    /// What code must fit besides the component: version and settings of the compiler, and the processor.
    compatibility: u64,
}

impl Cache {
    /// Opens a directory, making it if it is not there. One that others could have written to is not used.
    pub(crate) fn open(path: &Path, compatibility: u64) -> Option<Self> {
        match open(path) {
            Ok((folder, key)) => Some(Self { folder, key, compatibility }),
            Err(error) => {
                debug!("compiled plugins are not kept: {}: {error}", path.shown());
                None
            }
        }
    }

    fn name(&self, component: Digest) -> String {
        format!("{component}-{:016x}", self.compatibility)
    }

    fn mac(&self, name: &str, bytes: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes()).update(bytes);
        hasher.finalize()
    }

    /// Returns what a component was compiled to, if this user's skiff has kept it and nobody has changed it.
    pub(crate) fn load(&self, component: Digest) -> Option<Vec<u8>> {
        let name = self.name(component);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file: File = rustix::fs::openat(&self.folder, &name, flags, Mode::empty()).ok()?.into();
        let length = usize::try_from(file.metadata().ok().filter(fs::Metadata::is_file)?.len()).ok()?;
        let mut mac = [0; MAC];
        file.read_exact(&mut mac).ok()?;
        let mut code = Vec::with_capacity(length.saturating_sub(MAC));
        file.read_to_end(&mut code).ok()?;
        // Comparing with a `Hash` takes the same time whatever differs.
        if self.mac(&name, &code) != mac {
            debug!("the compiled component {name} is not as it was written; it is compiled again");
            return None;
        }
        Some(code)
    }

    /// Keeps what a component was compiled to: completely or not at all. What cannot be kept is compiled again next time.
    pub(crate) fn store(&self, component: Digest, code: &[u8]) {
        if let Err(error) = self.try_store(component, code).and_then(|()| self.shrink()) {
            debug!("a compiled component is not kept: {error}");
        }
    }

    fn try_store(&self, component: Digest, code: &[u8]) -> io::Result<()> {
        let name = self.name(component);
        let new = format!(".new-{}-{name}", std::process::id());
        let mut file = create(&self.folder, &new)?;
        file.write_all(self.mac(&name, code).as_bytes())?;
        file.write_all(code)?;
        rustix::fs::renameat(&self.folder, &new, &self.folder, &name)?;
        Ok(())
    }

    /// Removes the oldest entries when there are too many.
    fn shrink(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::read_from(self.folder.as_fd())? {
            let name = entry?.file_name().to_owned();
            if matches!(name.to_bytes(), b"." | b"..") || name.to_bytes() == KEY.as_bytes() {
                continue;
            }
            let stat = rustix::fs::statat(&self.folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
            entries.push((stat.st_mtime, u64::try_from(stat.st_size).unwrap_or_default(), name));
        }
        let mut total: u64 = entries.iter().map(|(_, size, _)| size).sum();
        entries.sort();
        for (_, size, name) in entries {
            if total <= MAX_TOTAL {
                break;
            }
            rustix::fs::unlinkat(&self.folder, &name, AtFlags::empty())?;
            total -= size;
        }
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<(File, [u8; 32])> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder: File = rustix::fs::open(path, flags, Mode::empty())?.into();
    own(&folder, "the directory")?;
    let key = match read_key(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_key(&folder)?,
        key => key?,
    };
    Ok((folder, key))
}

/// Fails unless a file or directory is this user's and nobody else's.
fn own(file: &File, what: &str) -> io::Result<()> {
    let stat = rustix::fs::fstat(file)?;
    if stat.st_uid != rustix::process::geteuid().as_raw() || stat.st_mode & 0o077 != 0 {
        return Err(io::Error::other(format!("{what} is not this user's alone")));
    }
    Ok(())
}

fn read_key(folder: &File) -> io::Result<[u8; 32]> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file: File = rustix::fs::openat(folder, KEY, flags, Mode::empty())?.into();
    own(&file, "the key")?;
    let mut key = [0; 32];
    file.read_exact(&mut key)?;
    Ok(key)
}

/// Makes the key; of several processes that do so at once, all take the first one's.
fn make_key(folder: &File) -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    rustix::rand::getrandom(&mut key, rustix::rand::GetRandomFlags::empty())?;
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let new = format!(".key-{}-{}", std::process::id(), since.as_nanos());
    let mut file = create(folder, &new)?;
    file.write_all(&key)?;
    file.sync_all()?;
    let linked = rustix::fs::linkat(folder, &new, folder, KEY, AtFlags::empty());
    rustix::fs::unlinkat(folder, &new, AtFlags::empty())?;
    match linked {
        Ok(()) => Ok(key),
        Err(Errno::EXIST) => read_key(folder),
        Err(error) => Err(error.into()),
    }
}

fn create(folder: &File, name: &str) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_what_was_written_is_loaded() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("cache");
        let cache = Cache::open(&path, 1).unwrap();
        let (component, other) = (Digest::of(b"component"), Digest::of(b"other"));
        assert_eq!(cache.load(component), None);
        cache.store(component, b"machine code");
        cache.store(other, b"other code");
        assert_eq!(Cache::open(&path, 1).unwrap().load(component).unwrap(), b"machine code");
        assert_eq!(Cache::open(&path, 2).unwrap().load(component), None, "made for something else");
        // An entry cannot be put in the place of another, nor changed, nor cut.
        let entry = path.join(cache.name(component));
        fs::copy(path.join(cache.name(other)), &entry).unwrap();
        assert_eq!(cache.load(component), None);
        cache.store(component, b"machine code");
        let mut bytes = fs::read(&entry).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&entry, &bytes).unwrap();
        assert_eq!(cache.load(component), None);
        fs::write(&entry, &bytes[..20]).unwrap();
        assert_eq!(cache.load(component), None);
        cache.store(component, b"machine code");
        assert!(cache.load(component).is_some(), "it is compiled and kept again");
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_not_used() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("cache");
        drop(Cache::open(&path, 1).unwrap());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o770)).unwrap();
        assert!(Cache::open(&path, 1).is_none());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        fs::set_permissions(path.join(KEY), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Cache::open(&path, 1).is_none());
        let link = root.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(Cache::open(&link, 1).is_none());
    }
}
