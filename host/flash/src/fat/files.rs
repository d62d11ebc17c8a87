use std::io;
use std::io::Read;
use std::ops::Range;

use fatfs::FileSystem;

use super::FatError;
use super::update::Before;
use super::view::View;
use crate::Disk;
use crate::files::Files;
use crate::files::Node;
use crate::keep::fold;

/// A FAT file system to look into.
pub(crate) struct FatFiles<'d> {
    system: FileSystem<View<'d>>,
}

impl<'d> FatFiles<'d> {
    /// Opens the one in `window` of a disk.
    pub(crate) fn open(disk: &'d dyn Disk, window: &Range<u64>) -> Result<Self, FatError> {
        Self::of(disk, window, &Before::read(disk, window)?)
    }

    /// Opens one whose head has been read.
    pub(crate) fn of(disk: &'d dyn Disk, window: &Range<u64>, before: &Before) -> Result<Self, FatError> {
        let view = View::of(disk, window.start, window.end - window.start, before.head.clone());
        Ok(Self { system: FileSystem::new(view, super::options())? })
    }

    pub(crate) fn system(&self) -> &FileSystem<View<'d>> {
        &self.system
    }
}

impl Files for FatFiles<'_> {
    fn look(&self, path: &str) -> io::Result<Option<Node>> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let root = self.system.root_dir();
        let folder = match folder {
            "" => root,
            folder => match root.open_dir(folder) {
                Ok(folder) => folder,
                // The library says of a file on the way that it is no folder, in these words.
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::Other) => {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            },
        };
        for entry in folder.iter() {
            let entry = entry?;
            if fold(&entry.file_name()) == fold(name) {
                let file = Node::File { size: entry.len(), is_executable: None };
                return Ok(Some(if entry.is_dir() { Node::Folder } else { file }));
            }
        }
        Ok(None)
    }

    fn open<'f>(&'f self, path: &str) -> io::Result<Box<dyn Read + 'f>> {
        Ok(Box::new(self.system.root_dir().open_file(path)?))
    }
}
