//! Writing the images: the initramfs, the root file system and its tar.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io;
use std::io::BufWriter;
use std::io::Read;
use std::io::Write;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::rc::Rc;

use backhand::BackhandError;
use backhand::FilesystemCompressor;
use backhand::FilesystemWriter;
use backhand::NodeHeader;
use backhand::compression::Compressor;
use cpio::newc::Builder;
use cpio::newc::ModeFileType;
use skiff_kconfig::Kind;
use skiff_layers::Prebuilt;
use skiff_report::Cancel;
use skiff_report::Task;
use skiff_report::Unit;
use walkdir::WalkDir;

use super::PrebuiltError;
use super::kernel::KernelModules;
use super::owners::Owners;
use super::system::FIND_DEVICE;
use super::tree::Tree;
use crate::BuildContext;
use crate::FileError;
use crate::images::Images;
use skiff_text::Shown as _;

/// The first program of the initramfs.
pub(crate) const INIT: &str = include_str!("files/init");

/// zstd's level: higher ones take many times as long for a few percent.
const LEVEL: i32 = 3;

/// Bytes that the files of a target may have: more is a runaway hook.
const MAX_TARGET: u64 = 64 << 30;

const INITRAMFS: &str = "rootfs.cpio.zst";
const SQUASHFS: &str = "rootfs.squashfs";
const TAR: &str = "rootfs.tar";

/// Bytes that a program, a module or a boot loader of the target may have that goes into an image as a whole.
const MAX_PROGRAM: u64 = 64 << 20;

/// Writes the initramfs: Busybox, the modules that the root file system needs, and the script that mounts it.
pub(crate) fn initramfs(
    tree: &Tree,
    modules: &KernelModules,
    wanted: &Prebuilt,
    epoch: u32,
    images: &Images,
    context: &BuildContext,
) -> Result<(), PrebuiltError> {
    let modules = modules.with_needs(&wanted.initramfs_modules)?;
    let task = Task::start(&context.reporter, "Writing rootfs.cpio.zst", Unit::Items, Some(modules.len() as u64));
    let program = |path: &Path| -> io::Result<Vec<u8>> {
        context.cancel.check().map_err(io::Error::other)?;
        let bytes = tree.read_bytes(path, MAX_PROGRAM).map_err(io::Error::other)?;
        bytes.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("there is no `{}`", path.shown())))
    };
    let write = || -> io::Result<()> {
        let file = images.create(INITRAMFS)?;
        let mut archive = Cpio::new(zstd::Encoder::new(BufWriter::new(file), LEVEL)?, epoch);
        for folder in ["bin", "dev", "lib", "medium", "modules", "new", "proc", "ro", "run", "rw", "scripts", "sys"] {
            archive.folder(folder)?;
        }
        archive.console()?;
        archive.file("init", 0o755, INIT.as_bytes())?;
        archive.file("bin/find-device", 0o755, FIND_DEVICE.as_bytes())?;
        archive.file("bin/busybox", 0o755, &program(Path::new("usr/bin/busybox"))?)?;
        for (number, script) in wanted.initramfs_scripts.iter().enumerate() {
            let name = Path::new(&script.path).file_name().unwrap_or_default().to_string_lossy();
            archive.file(&format!("scripts/{number:03}-{name}"), 0o644, script.text.as_bytes())?;
        }
        archive.link("bin/sh", "busybox")?;
        for (number, module) in modules.iter().enumerate() {
            // The number makes the shell's alphabetical order the order of loading.
            let name = module.file_name().unwrap_or_default().to_string_lossy();
            archive.file(&format!("modules/{number:03}-{name}"), 0o644, &program(module)?)?;
            task.advance(1);
        }
        archive.finish()?.finish()?.flush()
    };
    let written = write();
    context.cancel.check()?;
    written.map_err(|source| PrebuiltError::Image { name: INITRAMFS, source })
}

/// Copies files of the target that are images, too: boot loaders that packages bring.
pub(crate) fn taken(tree: &Tree, wanted: &BTreeMap<String, String>, images: &Path) -> Result<(), PrebuiltError> {
    for (image, file) in wanted {
        let read = tree.read_bytes(Path::new(file), MAX_PROGRAM)?;
        let read = read.ok_or_else(|| PrebuiltError::NoFile { file: file.clone() })?;
        // The directory was made just now, and no hook has been there yet.
        let path = images.join(image);
        let folder = path.parent().unwrap_or(images);
        fs::create_dir_all(folder).map_err(FileError::at("make", folder))?;
        fs::write(&path, read).map_err(FileError::at("write", &path))?;
    }
    Ok(())
}

/// A cpio archive in the `newc` format with fixed owners and times.
struct Cpio<W: Write> {
    writer: W,
    inode: u32,
    epoch: u32,
}

impl<W: Write> Cpio<W> {
    fn new(writer: W, epoch: u32) -> Self {
        Self { writer, inode: 0, epoch }
    }

    fn add(&mut self, name: &str, kind: ModeFileType, mode: u32, device: (u32, u32), data: &[u8]) -> io::Result<()> {
        self.inode += 1;
        let size = u32::try_from(data.len()).map_err(io::Error::other)?;
        let entry = Builder::new(name).ino(self.inode).mode(mode).nlink(1).mtime(self.epoch).uid(0).gid(0);
        let entry = entry.rdev_major(device.0).rdev_minor(device.1).set_mode_file_type(kind);
        let mut entry = entry.write(&mut self.writer, size);
        entry.write_all(data)?;
        entry.finish().map(drop)
    }

    fn folder(&mut self, name: &str) -> io::Result<()> {
        self.add(name, ModeFileType::Directory, 0o755, (0, 0), &[])
    }

    fn file(&mut self, name: &str, mode: u32, data: &[u8]) -> io::Result<()> {
        self.add(name, ModeFileType::Regular, mode, (0, 0), data)
    }

    fn link(&mut self, name: &str, target: &str) -> io::Result<()> {
        self.add(name, ModeFileType::Symlink, 0o777, (0, 0), target.as_bytes())
    }

    /// The kernel opens `/dev/console` for init before init can mount anything.
    fn console(&mut self) -> io::Result<()> {
        self.add("dev/console", ModeFileType::Char, 0o600, (5, 1), &[])
    }

    fn finish(self) -> io::Result<W> {
        cpio::newc::trailer(self.writer)
    }
}

/// One file, directory or link of the target.
struct Node {
    /// Relative to the target.
    path: PathBuf,
    source: PathBuf,
    mode: u16,
    owner: (u32, u32),
    size: u64,
    kind: NodeKind,
}

enum NodeKind {
    Folder,
    File,
    Link(PathBuf),
}

/// Writes the root file system as squashfs and, if the configuration asks for it, as tar.
pub(crate) fn root(
    tree: &Tree,
    owners: &Owners,
    epoch: u32,
    images: &Images,
    context: &BuildContext,
) -> Result<(), PrebuiltError> {
    let nodes = nodes(tree.path(), owners)?;
    let total = nodes.iter().fold(0, |sum: u64, node| sum.saturating_add(node.size));
    if total > MAX_TARGET {
        let source = io::Error::new(io::ErrorKind::FileTooLarge, "the target is larger than 64 GiB");
        return Err(PrebuiltError::Image { name: SQUASHFS, source });
    }
    let task = Task::start(&context.reporter, "Writing rootfs.squashfs", Unit::Bytes, Some(total));
    let written = squashfs(&nodes, epoch, images, task, &context.cancel);
    context.cancel.check()?;
    written.map_err(|source| PrebuiltError::Image { name: SQUASHFS, source })?;
    if context.plan.config(Kind::Buildroot).is_yes("BR2_TARGET_ROOTFS_TAR") {
        let task = Task::start(&context.reporter, "Writing rootfs.tar", Unit::Bytes, Some(total));
        tar(&nodes, epoch, images, &task, &context.cancel)
            .map_err(|source| PrebuiltError::Image { name: TAR, source })?;
        context.cancel.check()?;
    }
    Ok(())
}

/// Lists the target in the order of its paths' bytes.
fn nodes(root: &Path, owners: &Owners) -> Result<Vec<Node>, PrebuiltError> {
    let mut nodes = BTreeMap::new();
    for entry in WalkDir::new(root).min_depth(1) {
        let entry = entry.map_err(FileError::walking(root))?;
        let node = node(root, &entry, owners).map_err(FileError::at("read", entry.path()))?;
        nodes.insert(node.path.as_os_str().as_bytes().to_owned(), node);
    }
    Ok(nodes.into_values().collect())
}

fn node(root: &Path, entry: &walkdir::DirEntry, owners: &Owners) -> io::Result<Node> {
    let metadata = entry.metadata()?;
    let path = entry.path().strip_prefix(root).map_err(io::Error::other)?.to_owned();
    let kind = if metadata.is_dir() {
        NodeKind::Folder
    } else if metadata.is_file() {
        NodeKind::File
    } else if metadata.is_symlink() {
        NodeKind::Link(fs::read_link(entry.path())?)
    } else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "neither a file nor a directory nor a symbolic link"));
    };
    let size = if matches!(kind, NodeKind::File) { metadata.len() } else { 0 };
    let mode = u16::try_from(metadata.permissions().mode() & 0o7777).unwrap_or_default();
    Ok(Node { owner: owners.of(&path), source: entry.path().to_owned(), path, mode, size, kind })
}

fn squashfs(nodes: &[Node], epoch: u32, images: &Images, task: Task, cancel: &Cancel) -> io::Result<()> {
    let failed = |error: BackhandError| match error {
        BackhandError::StdIo(error) => error,
        other => io::Error::other(other.to_string()),
    };
    let mut writer = FilesystemWriter::default();
    writer.set_time(epoch);
    writer.set_root_mode(0o755);
    writer.set_only_root_id();
    writer.set_compressor(FilesystemCompressor::new(Compressor::Zstd, None).map_err(failed)?);
    let task = Rc::new(task);
    let broken = Rc::new(Cell::new(None));
    for node in nodes {
        let mode = if matches!(node.kind, NodeKind::Link(_)) { 0o777 } else { node.mode };
        let header = NodeHeader::new(mode, node.owner.0, node.owner.1, epoch);
        match &node.kind {
            NodeKind::Folder => writer.push_dir(&node.path, header),
            NodeKind::Link(target) => writer.push_symlink(target, &node.path, header),
            NodeKind::File => {
                let reader = Lazy {
                    path: node.source.clone(),
                    file: None,
                    task: Rc::clone(&task),
                    cancel: cancel.clone(),
                    broken: Rc::clone(&broken),
                };
                writer.push_file(reader, &node.path, header)
            }
        }
        .map_err(failed)?;
    }
    let mut file = BufWriter::new(images.create(SQUASHFS)?);
    let written = writer.write(&mut file).map_err(failed);
    if let Some(error) = broken.take() {
        return Err(error);
    }
    written?;
    file.flush()
}

/// A file that is opened when it is first read: a target has more files than a process may hold open.
struct Lazy {
    path: PathBuf,
    file: Option<File>,
    task: Rc<Task>,
    cancel: Cancel,
    /// The first error, with the file's name, which the writer would lose.
    broken: Rc<Cell<Option<io::Error>>>,
}

impl Read for Lazy {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        let mut read = || {
            let file = match &mut self.file {
                Some(file) => file,
                None => self.file.insert(File::open(&self.path)?),
            };
            file.read(buffer)
        };
        match read() {
            Ok(0) => {
                self.file = None;
                self.path = PathBuf::from("/dev/null");
                Ok(0)
            }
            Ok(count) => {
                self.task.advance(count as u64);
                Ok(count)
            }
            Err(error) => {
                let shown = format!("{}: {error}", self.path.shown());
                self.broken.set(Some(io::Error::new(error.kind(), shown)));
                Err(error)
            }
        }
    }
}

fn tar(nodes: &[Node], epoch: u32, images: &Images, task: &Task, cancel: &Cancel) -> io::Result<()> {
    let mut archive = tar::Builder::new(BufWriter::with_capacity(1 << 20, images.create(TAR)?));
    for node in nodes {
        if cancel.is_cancelled() {
            return Ok(());
        }
        let mut header = tar::Header::new_gnu();
        header.set_mode(node.mode.into());
        header.set_uid(node.owner.0.into());
        header.set_gid(node.owner.1.into());
        header.set_mtime(epoch.into());
        header.set_size(node.size);
        match &node.kind {
            NodeKind::Folder => {
                header.set_entry_type(tar::EntryType::Directory);
                archive.append_data(&mut header, node.path.join(""), io::empty())?;
            }
            NodeKind::Link(target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_mode(0o777);
                archive.append_link(&mut header, &node.path, target)?;
            }
            NodeKind::File => {
                header.set_entry_type(tar::EntryType::Regular);
                archive.append_data(&mut header, &node.path, File::open(&node.source)?)?;
            }
        }
        task.advance(node.size);
    }
    archive.into_inner()?.flush()
}
