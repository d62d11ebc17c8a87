use crate::Result;
use crate::host;

pub use crate::bindings::imports::skiff::host::storage::Amount;
pub use crate::bindings::imports::skiff::host::storage::Archive;
pub use crate::bindings::imports::skiff::host::storage::Compression;

/// A granted folder, or one in it. What is done with it is done by the host: no byte passes through the plugin.
///
/// Paths in a tree are relative (`boot/bzImage`), without `.`, `..` and empty parts; `""` is the tree itself.
#[derive(Debug)]
pub struct Tree(host::Tree);

/// A file, held open by the host.
#[derive(Debug)]
pub struct Blob(host::Blob);

impl Tree {
    /// Opens a folder as the plugin sees it: `/target/boot`.
    ///
    /// # Errors
    /// When it is not granted or not there.
    pub fn open(path: &str) -> Result<Self> {
        host::Tree::open(path).map(Self)
    }

    /// Opens a folder in it.
    ///
    /// # Errors
    /// When it is not there.
    pub fn subtree(&self, path: &str) -> Result<Self> {
        self.0.subtree(path).map(Self)
    }

    /// Opens a file in it.
    ///
    /// # Errors
    /// When it is not there or is no file.
    pub fn blob(&self, path: &str) -> Result<Blob> {
        self.0.blob(path).map(Blob)
    }

    /// Copies a file, or a folder with all that is in it, from another tree to a path of this one. Links are copied as
    /// they are.
    ///
    /// # Errors
    /// When something cannot be read or written; what was copied until then stays.
    pub fn copy(&self, source: &Self, path: &str, to: &str) -> Result<Amount> {
        self.0.copy(&source.0, path, to)
    }

    /// Makes a file of the contents of another, completely or not at all, and returns its size in bytes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, contents: &Blob, to: &str) -> Result<u64> {
        self.0.put(&contents.0, to)
    }

    /// Unpacks a tar archive, plain or compressed, below a path, leaving out the first `strip` parts of each name.
    ///
    /// # Errors
    /// When it is none, names something outside of it, or cannot be written.
    pub fn unpack(&self, archive: &Blob, to: &str, strip: u32) -> Result<Amount> {
        self.0.unpack(&archive.0, to, strip)
    }

    /// Packs what is at a path of another tree into a file of this one, completely or not at all. Equal trees give equal
    /// bytes.
    ///
    /// # Errors
    /// When something cannot be read or written.
    pub fn pack(
        &self,
        source: &Self,
        path: &str,
        archive: Archive,
        compression: Compression,
        to: &str,
    ) -> Result<Amount> {
        self.0.pack(&source.0, path, archive, compression, to)
    }

    /// Returns the SHA-256 of names, modes and contents of all that is at a path, in hexadecimal digits.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn digest(&self, path: &str) -> Result<String> {
        self.0.digest(path)
    }

    /// Makes a symbolic link, also to an absolute path of the target (`/dev/null`); what has its name is replaced.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn link(&self, path: &str, leads_to: &str) -> Result<()> {
        self.0.link(path, leads_to)
    }

    /// Sets the permissions of a file or folder, such as `0o755`.
    ///
    /// # Errors
    /// When it is not there, or more than permissions are to be set.
    pub fn set_mode(&self, path: &str, mode: u32) -> Result<()> {
        self.0.set_mode(path, mode)
    }

    /// Makes a file of what is at an address, if its SHA-256 is the given one, and returns its size in bytes. The address
    /// must be covered by a `fetch` of the manifest.
    ///
    /// # Errors
    /// When it is not granted, cannot be had, or has another digest.
    pub fn fetch(&self, url: &str, sha256: &str, to: &str) -> Result<u64> {
        self.0.fetch(url, sha256, to)
    }
}

impl Blob {
    /// Returns its size in bytes.
    pub fn size(&self) -> u64 {
        self.0.size()
    }

    /// Returns its SHA-256 in hexadecimal digits.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn digest(&self) -> Result<String> {
        self.0.digest()
    }

    /// Returns a few of its bytes, at most 64 KiB, fewer at its end.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_at(&self, offset: u64, length: u32) -> Result<Vec<u8>> {
        self.0.read_at(offset, length)
    }
}
