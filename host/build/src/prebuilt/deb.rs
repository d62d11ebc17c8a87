//! Unpacking Debian packages in-process.

use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;

use skiff_report::Cancel;
use skiff_report::Cancelled;
use skiff_report::Task;

use super::PrebuiltError;
use super::compression::decompress;
use super::tree::Tree;
use skiff_text::Shown as _;

/// Directories of packages that stay behind: documentation, and translations, whose languages a target cannot choose.
const LEFT_OUT: [&str; 6] =
    ["usr/share/bug", "usr/share/doc", "usr/share/info", "usr/share/lintian", "usr/share/locale", "usr/share/man"];

/// Bytes of a maintainer script that are read; the longest of Debian have 60 KB.
const MAX_SCRIPT: u64 = 1 << 20;

/// Bytes of the control files of a package that are gone through.
const MAX_CONTROL: u64 = 64 << 20;

/// What a package has beside its files.
#[derive(Debug, Default)]
pub(crate) struct Unpacked {
    /// The time of its newest file, in seconds since 1970.
    pub(crate) newest: u32,
    /// The script that an installation would run.
    pub(crate) postinst: Option<String>,
}

/// Unpacks the files of a package into the tree. Maintainer scripts are not run.
pub(crate) fn unpack(path: &Path, tree: &Tree, task: &Task, cancel: &Cancel) -> Result<Unpacked, PrebuiltError> {
    let mut postinst = None;
    let failed = |source| PrebuiltError::Unpack { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mut archive = ar::Archive::new(BufReader::with_capacity(1 << 18, file));
    while let Some(member) = archive.next_entry() {
        let member = member.map_err(failed)?;
        let name = String::from_utf8_lossy(member.header().identifier()).trim_end_matches('/').to_owned();
        if let Some(compression) = name.strip_prefix("control.tar") {
            let control = decompress(compression.trim_start_matches('.'), member).map_err(failed)?;
            postinst = script(control.take(MAX_CONTROL)).map_err(failed)?;
        } else if let Some(compression) = name.strip_prefix("data.tar") {
            let counted = Counted { inner: member, task };
            let data = decompress(compression.trim_start_matches('.'), counted).map_err(failed)?;
            let newest = unpack_data(data, tree, cancel).map_err(|error| match cancel.check() {
                Err(cancelled) => cancelled.into(),
                Ok(()) => failed(error),
            })?;
            return Ok(Unpacked { newest, postinst });
        }
    }
    Err(failed(io::Error::new(io::ErrorKind::InvalidData, "this is not a Debian package: it has no data.tar")))
}

/// Finds the script `postinst` among the control files. Bytes that are not UTF-8, such as those of a name in a comment, become
/// U+FFFD.
fn script(control: impl Read) -> io::Result<Option<String>> {
    for entry in tar::Archive::new(control).entries()? {
        let entry = entry?;
        let path = entry.path()?;
        if path.strip_prefix(".").unwrap_or(&path) == Path::new("postinst") {
            let mut bytes = Vec::new();
            entry.take(MAX_SCRIPT + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > MAX_SCRIPT {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "its postinst has more than 1 MiB"));
            }
            return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok(None)
}

fn unpack_data(data: impl Read, tree: &Tree, cancel: &Cancel) -> io::Result<u32> {
    let mut newest = 0;
    let mut archive = tar::Archive::new(data);
    for entry in archive.entries()? {
        cancel.check().map_err(|Cancelled| io::Error::from(io::ErrorKind::Interrupted))?;
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let path = path.strip_prefix(".").unwrap_or(&path);
        if path.as_os_str().is_empty() || LEFT_OUT.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        let header = entry.header();
        newest = newest.max(u32::try_from(header.mtime()?).unwrap_or_default());
        let (kind, mode) = (header.entry_type(), header.mode()?);
        let owner = (id(header.uid()?)?, id(header.gid()?)?);
        match kind {
            tar::EntryType::Directory => tree.add_folder(path, mode)?,
            tar::EntryType::Regular | tar::EntryType::Continuous => tree.add_file(path, mode, &mut entry)?,
            tar::EntryType::Symlink => tree.add_link(path, &link(&entry)?)?,
            tar::EntryType::Link => {
                let target = link(&entry)?;
                tree.add_hard_link(target.strip_prefix(".").unwrap_or(&target), path)?;
            }
            other => return Err(io::Error::new(io::ErrorKind::Unsupported, format!("{}: {other:?}", path.shown()))),
        }
        tree.give(path, owner)?;
    }
    Ok(newest)
}

fn link(entry: &tar::Entry<'_, impl Read>) -> io::Result<std::path::PathBuf> {
    let target = entry.link_name()?.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a link to nothing"))?;
    Ok(target.into_owned())
}

/// Reads a user or group id.
fn id(number: u64) -> io::Result<u32> {
    u32::try_from(number).map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{number} is not the number of a user or group"))
    })
}

/// Reports what is read of a package to a task.
struct Counted<'t, R> {
    inner: R,
    task: &'t Task,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.task.advance(count as u64);
        Ok(count)
    }
}
