//! The digest of a tree, counted and cancellable.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use cap_std::fs::Dir;
use cap_std::fs::Metadata;
use cap_std::fs::MetadataExt as _;
use cap_std::fs::PermissionsExt as _;
use rustix::fs::SeekFrom;
use rustix::io::Errno;
use skiff_layers::LayerDir;
use skiff_layers::ReadError;

use crate::PlanError;
use skiff_digest::Digest;
use skiff_digest::DigestBuilder;
use skiff_report::Cancel;

/// Entries that all layers of a chain may have together. A root file system of a distribution has some 100,000.
const MAX_ENTRIES: u64 = 1_000_000;

/// Bytes that are read of all layers of a chain. Holes of files are not read.
const MAX_BYTES: u64 = 64 << 30;

/// Directories in directories; each holds an open file.
const MAX_DEPTH: usize = 128;

/// Larger files are digested in blocks, so that holes need not be read.
const LARGE: u64 = 1 << 20;

/// The size of these blocks.
const BLOCK: u64 = 64 << 10;

/// What is made of symbolic links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// They are digested as links.
    Kept,
    /// The file or the directory that they lead to is digested; as a link what leads to neither.
    Followed,
}

/// What is made of followed links that lead out of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outside {
    /// An error that names the link.
    Refused,
    /// They are digested as links.
    Kept,
}

/// How much more is read.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    entries: u64,
    bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { entries: MAX_ENTRIES, bytes: MAX_BYTES }
    }
}

/// A directory or file, whatever its names are.
type Inode = (u64, u64);

/// The walk through one tree. What it has digested once, it does not read again: links and hard links to it cost nothing.
pub(crate) struct TreeDigest<'w> {
    /// The whole tree: a link leads to another place in it.
    dir: Arc<LayerDir>,
    /// Where the layer lies in it.
    place: PathBuf,
    links: Links,
    budget: &'w mut Budget,
    cancel: &'w Cancel,
    outside: Outside,
    known: BTreeMap<Inode, Digest>,
    /// The directories that the walk is in.
    open: Vec<Inode>,
}

impl<'w> TreeDigest<'w> {
    pub(crate) fn new(dir: &'w LayerDir, links: Links, budget: &'w mut Budget, cancel: &'w Cancel) -> Self {
        let (dir, place) = dir.tree();
        let (place, known, open) = (place.to_owned(), BTreeMap::new(), Vec::new());
        Self { dir: Arc::new(dir), place, links, budget, cancel, outside: Outside::Refused, known, open }
    }

    /// Digests links that lead out of the tree as links.
    pub(crate) fn keeping_links_out(mut self) -> Self {
        self.outside = Outside::Kept;
        self
    }

    /// Returns the digest of what stands at a path: names, kinds, the executable bit, targets of links, contents.
    pub(crate) fn of(mut self, inner: &Path) -> Result<Digest, PlanError> {
        let inner = &self.place.join(inner);
        let dir = Arc::clone(&self.dir);
        let failed = |source| PlanError::Input { path: dir.path(inner), source };
        if let Some(folder) = self.dir.open_folder(inner)? {
            let inode = inode(&folder.dir_metadata().map_err(failed)?);
            return self.folder(&folder, inode, inner);
        }
        let Some(file) = self.dir.open_file(inner)? else {
            return Err(failed(io::ErrorKind::NotFound.into()));
        };
        let metadata = file.metadata().map_err(failed)?;
        let metadata = Metadata::from_just_metadata(metadata);
        self.file(file, &metadata, inner)
    }

    fn folder(&mut self, folder: &Dir, inode: Inode, inner: &Path) -> Result<Digest, PlanError> {
        if let Some(known) = self.known.get(&inode) {
            return Ok(*known);
        }
        if self.open.len() > MAX_DEPTH {
            let most = format!("{MAX_DEPTH} directories in directories");
            return Err(PlanError::TooMuch { path: self.dir.path(inner), most });
        }
        self.open.push(inode);
        let dir = Arc::clone(&self.dir);
        let failed = |source| PlanError::Input { path: dir.path(inner), source };
        let mut entries = Vec::new();
        for entry in folder.entries().map_err(failed)? {
            self.count(inner)?;
            let entry = entry.map_err(failed)?;
            entries.push((entry.file_name(), entry));
        }
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        let mut builder = DigestBuilder::default();
        builder.field("directory");
        for (name, entry) in entries {
            let inner = inner.join(&name);
            builder.field(name.as_encoded_bytes());
            self.entry(&mut builder, folder, &name, &entry, &inner)?;
        }
        self.open.pop();
        let digest = builder.finish();
        self.known.insert(inode, digest);
        Ok(digest)
    }

    fn entry(
        &mut self,
        builder: &mut DigestBuilder,
        folder: &Dir,
        name: &OsStr,
        entry: &cap_std::fs::DirEntry,
        inner: &Path,
    ) -> Result<(), PlanError> {
        let dir = Arc::clone(&self.dir);
        let failed = |source| PlanError::Input { path: dir.path(inner), source };
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            let opened = entry.open_dir().map_err(failed)?;
            let metadata = opened.dir_metadata().map_err(failed)?;
            let digest = self.folder(&opened, inode(&metadata), inner)?;
            builder.field("dir").field(digest.bytes());
            add_special(builder, &metadata);
        } else if kind.is_file() {
            let file = entry.open().map_err(failed)?;
            let metadata = file.metadata().map_err(failed)?;
            self.add_file(builder, file.into_std(), &metadata, inner)?;
        } else if kind.is_symlink() {
            let target = folder.read_link_contents(name).map_err(failed)?;
            if self.links == Links::Kept || !self.add_followed(builder, inner)? {
                builder.field("link").field(target.as_os_str().as_encoded_bytes());
            }
        } else {
            let what = "neither a file nor a directory nor a symbolic link";
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, what)));
        }
        Ok(())
    }

    /// Digests what a link leads to. Returns false when that is nothing, or a directory that the walk is in.
    fn add_followed(&mut self, builder: &mut DigestBuilder, inner: &Path) -> Result<bool, PlanError> {
        let dir = Arc::clone(&self.dir);
        let failed = |source| PlanError::Input { path: dir.path(inner), source };
        // Not by way of the link, and of those before it: the kernel follows 40 of them.
        let real = match self.dir.real(inner) {
            // Below the root of all nothing leads out, but an absolute link is taken for that.
            Err(ReadError::LeadsOut { .. }) if self.dir.path("") == Path::new("/") => {
                let real = Path::new("/").join(inner).canonicalize().ok();
                real.and_then(|real| real.strip_prefix("/").map(Path::to_owned).ok())
            }
            Err(ReadError::LeadsOut { .. }) if self.outside == Outside::Kept => return Ok(false),
            real => real?,
        };
        let Some(inner) = real.as_deref() else { return Ok(false) };
        let Some(metadata) = self.dir.metadata(inner)? else { return Ok(false) };
        if metadata.is_dir() {
            let Some(folder) = self.dir.open_folder(inner)? else { return Ok(false) };
            let inode = inode(&folder.dir_metadata().map_err(failed)?);
            if self.open.contains(&inode) {
                return Ok(false);
            }
            let digest = self.folder(&folder, inode, inner)?;
            builder.field("dir").field(digest.bytes());
            return Ok(true);
        }
        let Some(file) = self.dir.open_file(inner)? else { return Ok(false) };
        let metadata = Metadata::from_just_metadata(file.metadata().map_err(failed)?);
        self.add_file(builder, file, &metadata, inner)?;
        Ok(true)
    }

    fn add_file(
        &mut self,
        builder: &mut DigestBuilder,
        file: File,
        metadata: &Metadata,
        inner: &Path,
    ) -> Result<(), PlanError> {
        let runs = metadata.permissions().mode() & 0o111 != 0;
        let digest = self.file(file, metadata, inner)?;
        builder.field(if runs { "program" } else { "file" }).field(digest.bytes());
        add_special(builder, metadata);
        Ok(())
    }

    /// Digests the contents of a file.
    fn file(&mut self, file: File, metadata: &Metadata, inner: &Path) -> Result<Digest, PlanError> {
        let inode = inode(metadata);
        if let Some(known) = self.known.get(&inode) {
            return Ok(*known);
        }
        let dir = Arc::clone(&self.dir);
        let failed = |source| PlanError::Input { path: dir.path(inner), source };
        let size = metadata.len();
        let digest = if size < LARGE {
            self.spend(size, inner)?;
            // Marked as what it is: a small file can hold exactly what is digested of a large one, or of a directory.
            let mut builder = DigestBuilder::default();
            builder.field("contents").field(Digest::of_file(file).map_err(failed)?.bytes());
            builder.finish()
        } else {
            self.blocks(&file, size, inner)?
        };
        if metadata.nlink() > 1 || self.links == Links::Followed {
            self.known.insert(inode, digest);
        }
        Ok(digest)
    }

    /// Digests a large file: its size, and every block that is not all zeros with its position. So it has one digest,
    /// whether zeros lie on the disk or not, and holes are not read.
    fn blocks(&mut self, file: &File, size: u64, inner: &Path) -> Result<Digest, PlanError> {
        let path: PathBuf = self.dir.path(inner);
        let failed = |source| PlanError::Input { path: path.clone(), source };
        let mut builder = DigestBuilder::default();
        builder.field("blocks").field(size.to_le_bytes());
        let mut buffer = vec![0; BLOCK as usize];
        let mut at = 0;
        while at < size {
            match rustix::fs::seek(file, SeekFrom::Data(at)) {
                // Within this block there is data, or behind it.
                Ok(data) => at = at.max(data / BLOCK * BLOCK),
                Err(Errno::NXIO) => break,
                // A file system without holes.
                Err(Errno::INVAL | Errno::OPNOTSUPP) => {}
                Err(error) => return Err(failed(error.into())),
            }
            let end = rustix::fs::seek(file, SeekFrom::Hole(at)).map_or(size, |hole| hole.clamp(at + 1, size));
            while at < end {
                self.cancel.check()?;
                let length = BLOCK.min(size - at);
                self.spend(length, inner)?;
                let block = buffer.get_mut(..length as usize).unwrap_or_default();
                file.read_exact_at(block, at).map_err(failed)?;
                if block.iter().any(|byte| *byte != 0) {
                    builder.field(at.to_le_bytes()).field(&*block);
                }
                at += length;
            }
        }
        Ok(builder.finish())
    }

    fn count(&mut self, inner: &Path) -> Result<(), PlanError> {
        self.cancel.check()?;
        self.budget.entries = self.budget.entries.checked_sub(1).ok_or_else(|| PlanError::TooMuch {
            path: self.dir.path(inner),
            most: format!("{MAX_ENTRIES} files and directories"),
        })?;
        Ok(())
    }

    fn spend(&mut self, bytes: u64, inner: &Path) -> Result<(), PlanError> {
        self.budget.bytes = self.budget.bytes.checked_sub(bytes).ok_or_else(|| PlanError::TooMuch {
            path: self.dir.path(inner),
            most: format!("{} GiB", MAX_BYTES >> 30),
        })?;
        Ok(())
    }
}

/// Adds the bits for set-user-id, set-group-id and sticky, if there are any: Buildroot copies them.
fn add_special(builder: &mut DigestBuilder, metadata: &Metadata) {
    match metadata.permissions().mode() & 0o7000 {
        0 => {}
        bits => {
            builder.field(format!("mode {bits:o}"));
        }
    }
}

fn inode(metadata: &Metadata) -> Inode {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn digest(root: &Path, links: Links) -> Result<Digest, PlanError> {
        let dir = LayerDir::open(root).unwrap();
        TreeDigest::new(&dir, links, &mut Budget::default(), &Cancel::default()).of(Path::new(""))
    }

    #[test]
    fn links_that_double_are_walked_once() {
        let root = tempfile::tempdir().unwrap();
        for number in 0..=60 {
            let folder = root.path().join(format!("a{number}"));
            fs::create_dir(&folder).unwrap();
            for name in ["x", "y"] {
                symlink(format!("../a{}", number + 1), folder.join(name)).unwrap();
            }
        }
        fs::create_dir(root.path().join("a61")).unwrap();
        let first = digest(root.path(), Links::Followed).unwrap();
        fs::write(root.path().join("a61/f"), "x").unwrap();
        assert_ne!(digest(root.path(), Links::Followed).unwrap(), first);
    }

    #[test]
    fn what_is_digested_of_one_file_is_not_the_content_of_another() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        let of = || {
            let dir = LayerDir::open(root.path()).unwrap();
            TreeDigest::new(&dir, Links::Kept, &mut Budget::default(), &Cancel::default()).of(Path::new("f")).unwrap()
        };
        let field = |stream: &mut Vec<u8>, bytes: &[u8]| {
            stream.extend((bytes.len() as u64).to_le_bytes());
            stream.extend(bytes);
        };
        // A file of 2 MiB with one block of data, and a small file that holds what is digested of it.
        let mut block = vec![0; BLOCK as usize];
        block[7] = 1;
        fs::write(&path, [&block[..], &vec![0; (2 << 20) - block.len()]].concat()).unwrap();
        let large = of();
        let mut stream = Vec::new();
        field(&mut stream, b"blocks");
        field(&mut stream, &(2_u64 << 20).to_le_bytes());
        field(&mut stream, &0_u64.to_le_bytes());
        field(&mut stream, &block);
        fs::write(&path, &stream).unwrap();
        assert_eq!(Digest::of(&stream), large, "the stream is that of the large file");
        assert_ne!(of(), large);
        // The same for a directory.
        fs::write(&path, "x").unwrap();
        let directory = digest(root.path(), Links::Kept).unwrap();
        let mut stream = Vec::new();
        for part in [&b"directory"[..], b"f", b"file", of().bytes()] {
            field(&mut stream, part);
        }
        fs::write(&path, &stream).unwrap();
        assert_eq!(Digest::of(&stream), directory, "the stream is that of the directory");
        assert_ne!(of(), directory);
    }

    #[test]
    fn holes_are_not_read_and_do_not_count() {
        let root = tempfile::tempdir().unwrap();
        let file = File::create(root.path().join("f")).unwrap();
        file.set_len(8 << 40).unwrap();
        file.write_all_at(b"x", 5 << 40).unwrap();
        let first = digest(root.path(), Links::Kept).unwrap();
        file.write_all_at(&[0; 200_000], 1 << 40).unwrap();
        assert_eq!(digest(root.path(), Links::Kept).unwrap(), first, "zeros are zeros");
        file.write_all_at(b"y", 8 << 40).unwrap();
        assert_ne!(digest(root.path(), Links::Kept).unwrap(), first);
    }

    #[test]
    fn hard_links_are_read_once_and_sums_are_bounded() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("f"), vec![1; 3 << 20]).unwrap();
        for number in 0..9 {
            fs::hard_link(root.path().join("f"), root.path().join(format!("f{number}"))).unwrap();
        }
        let dir = LayerDir::open(root.path()).unwrap();
        let with = |entries, bytes| {
            let mut budget = Budget { entries, bytes };
            TreeDigest::new(&dir, Links::Kept, &mut budget, &Cancel::default()).of(Path::new(""))
        };
        with(10, 3 << 20).unwrap();
        assert!(matches!(with(9, 3 << 20), Err(PlanError::TooMuch { .. })));
        assert!(matches!(with(10, (3 << 20) - 1), Err(PlanError::TooMuch { .. })));
        let cancel = Cancel::default();
        cancel.cancel();
        let stopped = TreeDigest::new(&dir, Links::Kept, &mut Budget::default(), &cancel).of(Path::new(""));
        assert!(matches!(stopped, Err(PlanError::Cancelled(_))));
    }

    #[test]
    fn deep_trees_are_refused() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("d/".repeat(200))).unwrap();
        assert!(matches!(digest(root.path(), Links::Kept), Err(PlanError::TooMuch { .. })));
    }
}
