//! `skiff:host/storage`: files in bulk.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::MetadataExt as _;

use cap_std::fs::Dir;
use skiff_tree::Amount;
use skiff_tree::Archive;
use skiff_tree::Bounds;
use skiff_tree::Compression;
use skiff_tree::Format;
use skiff_tree::Stopped;
use skiff_tree::TreeError;
use skiff_tree::TreePath;
use wasmtime::component::Resource;

use super::mount::Unopened;
use crate::bindings::imports::skiff::host::fault::Code;
use crate::bindings::imports::skiff::host::fault::Failure;
use crate::bindings::imports::skiff::host::storage;
use crate::interface::failure;
use crate::interface::short;
use crate::state::State;

/// Bytes that `read-at` gives at most.
const MAX_READ: u32 = 64 << 10;

/// A directory that a guest holds open.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct GuestTree {
    pub(crate) dir: Dir,
    pub(crate) write: bool,
    /// As the guest sees it.
    pub(crate) shown: String,
}

/// A file that a guest holds open.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct GuestBlob {
    file: File,
    size: u64,
    shown: String,
}

type Answer<T> = wasmtime::Result<Result<T, Failure>>;

impl storage::Host for State {
    async fn open(&mut self, path: String) -> Answer<Resource<GuestTree>> {
        match self.mounts.open_folder(&path) {
            Ok((dir, write)) => Ok(Ok(self.table.push(GuestTree { dir, write, shown: path })?)),
            Err(Unopened::Refused(refused)) => Ok(Err(self.refuse(refused, None))),
            Err(Unopened::Missing(missing)) => Ok(Err(failure(Code::Missing, missing, None))),
        }
    }
}

impl storage::HostBlob for State {
    async fn size(&mut self, blob: Resource<GuestBlob>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&blob)?.size)
    }

    async fn digest(&mut self, blob: Resource<GuestBlob>) -> Answer<String> {
        let GuestBlob { file, shown, .. } = self.table.get(&blob)?;
        let digest = skiff_tree::digest_file(file, &self.watch());
        Ok(digest
            .map(|digest| skiff_digest::Digest::from_bytes(digest).to_string())
            .map_err(|error| tree_failure(shown, error)))
    }

    async fn read_at(&mut self, blob: Resource<GuestBlob>, offset: u64, length: u32) -> Answer<Vec<u8>> {
        let GuestBlob { file, shown, .. } = self.table.get(&blob)?;
        self.room().take(length.min(MAX_READ) as usize)?;
        let mut bytes = vec![0; length.min(MAX_READ) as usize];
        Ok(match file.read_at(&mut bytes, offset) {
            Ok(count) => {
                bytes.truncate(count);
                Ok(bytes)
            }
            Err(error) => Err(io_failure(shown, &error)),
        })
    }

    async fn drop(&mut self, blob: Resource<GuestBlob>) -> wasmtime::Result<()> {
        self.table.delete(blob)?;
        Ok(())
    }
}

impl storage::HostTree for State {
    async fn subtree(&mut self, tree: Resource<GuestTree>, path: String) -> Answer<Resource<GuestTree>> {
        let GuestTree { dir, write, shown } = self.table.get(&tree)?;
        let opened = tree_path(shown, &path).and_then(|path| {
            let dir = if path.is_root() { dir.try_clone() } else { dir.open_dir(path.as_str()) };
            dir.map_err(|error| io_failure(&below(shown, path.as_str()), &error))
        });
        let (write, shown) = (*write, below(shown, &path));
        Ok(match opened {
            Ok(dir) => Ok(self.table.push(GuestTree { dir, write, shown })?),
            Err(failure) => Err(failure),
        })
    }

    async fn blob(&mut self, tree: Resource<GuestTree>, path: String) -> Answer<Resource<GuestBlob>> {
        let GuestTree { dir, shown, .. } = self.table.get(&tree)?;
        let shown = below(shown, &path);
        let opened = tree_path(&shown, &path).and_then(|path| open_blob(dir, &path, &shown));
        Ok(match opened {
            Ok(blob) => Ok(self.table.push(blob)?),
            Err(failure) => Err(failure),
        })
    }

    async fn copy(
        &mut self,
        into: Resource<GuestTree>,
        source: Resource<GuestTree>,
        path: String,
        to: String,
    ) -> Answer<storage::Amount> {
        let (into, source) = (self.table.get(&into)?, self.table.get(&source)?);
        Ok(writable(into)
            .and_then(|()| Ok((tree_path(&source.shown, &path)?, tree_path(&into.shown, &to)?)))
            .and_then(|(path, to)| {
                skiff_tree::copy(&source.dir, &path, &into.dir, &to, &self.watch())
                    .map_err(|error| tree_failure(&into.shown, error))
            })
            .map(amount))
    }

    async fn put(&mut self, into: Resource<GuestTree>, contents: Resource<GuestBlob>, to: String) -> Answer<u64> {
        let (into, contents) = (self.table.get(&into)?, self.table.get(&contents)?);
        Ok(writable(into).and_then(|()| tree_path(&into.shown, &to)).and_then(|to| {
            skiff_tree::put(&contents.file, &into.dir, &to, &self.watch())
                .map_err(|error| tree_failure(&into.shown, error))
        }))
    }

    async fn unpack(
        &mut self,
        into: Resource<GuestTree>,
        archive: Resource<GuestBlob>,
        to: String,
        strip: u32,
    ) -> Answer<storage::Amount> {
        let (into, archive) = (self.table.get(&into)?, self.table.get(&archive)?);
        // A hole is no reason to let more come out of it.
        let filled = archive.file.metadata().map_or(0, |metadata| metadata.blocks().saturating_mul(512));
        let bounds = Bounds::for_size(archive.size.min(filled));
        Ok(writable(into)
            .and_then(|()| tree_path(&into.shown, &to))
            .and_then(|to| {
                skiff_tree::unpack(&archive.file, &into.dir, &to, strip as usize, bounds, &self.watch())
                    .map_err(|error| tree_failure(&archive.shown, error))
            })
            .map(amount))
    }

    async fn pack(
        &mut self,
        into: Resource<GuestTree>,
        source: Resource<GuestTree>,
        path: String,
        archive: storage::Archive,
        compression: storage::Compression,
        to: String,
    ) -> Answer<storage::Amount> {
        let (into, source) = (self.table.get(&into)?, self.table.get(&source)?);
        Ok(writable(into)
            .and_then(|()| Ok((tree_path(&source.shown, &path)?, tree_path(&into.shown, &to)?)))
            .and_then(|(path, to)| {
                // Outside of a build there is no time of it.
                let epoch = self.time.epoch().unwrap_or_default();
                skiff_tree::pack(&source.dir, &path, format(archive, compression), epoch, &into.dir, &to, &self.watch())
                    .map_err(|error| tree_failure(&source.shown, error))
            })
            .map(amount))
    }

    async fn digest(&mut self, tree: Resource<GuestTree>, path: String) -> Answer<String> {
        let GuestTree { dir, shown, .. } = self.table.get(&tree)?;
        Ok(tree_path(shown, &path).and_then(|path| {
            let digest = skiff_tree::digest(dir, &path, &self.watch()).map_err(|error| tree_failure(shown, error))?;
            Ok(skiff_digest::Digest::from_bytes(digest).to_string())
        }))
    }

    async fn link(&mut self, tree: Resource<GuestTree>, path: String, leads_to: String) -> Answer<()> {
        let tree = self.table.get(&tree)?;
        Ok(writable(tree).and_then(|()| tree_path(&tree.shown, &path)).and_then(|path| {
            skiff_tree::link(&tree.dir, &path, &leads_to).map_err(|error| tree_failure(&tree.shown, error))
        }))
    }

    async fn set_mode(&mut self, tree: Resource<GuestTree>, path: String, mode: u32) -> Answer<()> {
        let tree = self.table.get(&tree)?;
        Ok(writable(tree).and_then(|()| tree_path(&tree.shown, &path)).and_then(|path| {
            if mode & !0o777 != 0 {
                let message = format!("the mode {mode:o} has other bits than permissions");
                return Err(failure(Code::Refused, message, None));
            }
            skiff_tree::set_mode(&tree.dir, &path, mode).map_err(|error| tree_failure(&tree.shown, error))
        }))
    }

    async fn drop(&mut self, tree: Resource<GuestTree>) -> wasmtime::Result<()> {
        self.table.delete(tree)?;
        Ok(())
    }
}

impl State {
    /// Long work of the host for a guest ends when the guest's time is up or the user wants to stop.
    pub(crate) fn watch(&self) -> impl Fn() -> Result<(), Stopped> {
        || match (self.cancel.is_cancelled(), self.is_late()) {
            (true, _) => Err(Stopped::Cancelled),
            (false, true) => Err(Stopped::Late),
            (false, false) => Ok(()),
        }
    }
}

fn open_blob(dir: &Dir, path: &TreePath, shown: &str) -> Result<GuestBlob, Failure> {
    // Opening a pipe would wait for somebody to write into it.
    let mut options = cap_std::fs::OpenOptions::new();
    cap_std::fs::OpenOptionsExt::custom_flags(options.read(true), rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let failed = |error| io_failure(shown, &error);
    let file = dir.open_with(path.as_str(), &options).map_err(failed)?.into_std();
    let metadata = file.metadata().map_err(failed)?;
    match metadata.is_file() {
        true => Ok(GuestBlob { file, size: metadata.len(), shown: shown.to_owned() }),
        false => Err(failure(Code::Invalid, "this is no file".into(), None).about(shown)),
    }
}

/// Returns the path of something in a tree as the guest sees it, for messages. It is kept with each open handle.
fn below(tree: &str, path: &str) -> String {
    short(if path.is_empty() { tree.to_owned() } else { format!("{tree}/{path}") })
}

fn tree_path(tree: &str, path: &str) -> Result<TreePath, Failure> {
    TreePath::new(path).map_err(|error| failure(Code::Invalid, error.to_string(), None).about(tree))
}

pub(crate) fn writable(tree: &GuestTree) -> Result<(), Failure> {
    if tree.write {
        return Ok(());
    }
    let message = "the plugin may read it, but not change it".to_owned();
    let hint = "declare and grant `write` for it instead of `read`".to_owned();
    Err(failure(Code::Refused, message, Some(hint)).about(&tree.shown))
}

fn amount(amount: Amount) -> storage::Amount {
    storage::Amount { entries: amount.entries, bytes: amount.bytes }
}

fn format(archive: storage::Archive, compression: storage::Compression) -> Format {
    let archive = match archive {
        storage::Archive::Tar => Archive::Tar,
        storage::Archive::Cpio => Archive::Cpio,
    };
    let compression = match compression {
        storage::Compression::None => Compression::None,
        storage::Compression::Gzip => Compression::Gzip,
        storage::Compression::Xz => Compression::Xz,
        storage::Compression::Zstd => Compression::Zstd,
    };
    Format { archive, compression }
}

fn io_failure(shown: &str, error: &std::io::Error) -> Failure {
    let code = match error.kind() {
        std::io::ErrorKind::NotFound => Code::Missing,
        std::io::ErrorKind::PermissionDenied => Code::Refused,
        _ => Code::Io,
    };
    failure(code, error.to_string(), None).about(shown)
}

pub(crate) fn tree_failure(shown: &str, error: TreeError) -> Failure {
    match error {
        TreeError::Stopped(stopped) => {
            let code = match stopped {
                Stopped::Late => Code::Limit,
                Stopped::Cancelled => Code::Cancelled,
            };
            failure(code, stopped.to_string(), None).about(shown)
        }
        TreeError::Io { path, source } => io_failure(&below(shown, &path), &source),
        other => {
            let code = match &other {
                TreeError::Special { .. } | TreeError::Outside { .. } => Code::Refused,
                TreeError::TooDeep { .. } | TreeError::TooMany { .. } | TreeError::TooLarge(_) => Code::Limit,
                TreeError::IntoItself { .. } | TreeError::Folder { .. } | TreeError::Moved { .. } => Code::Conflict,
                TreeError::Archive(_) | TreeError::Unfit { .. } => Code::Invalid,
                TreeError::Stopped(_) | TreeError::Io { .. } => Code::Io,
            };
            failure(code, other.to_string(), None).about(shown)
        }
    }
}
