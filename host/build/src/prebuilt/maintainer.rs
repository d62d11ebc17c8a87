//! What the maintainer scripts of the packages would have changed, carried out in the tree.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use skiff_debian::Change;
use skiff_debian::Configured;
use skiff_debian::Ids;
use skiff_debian::Kind;
use skiff_debian::Package;
use skiff_debian::Root;
use skiff_debian::Wishes;
use skiff_plan::BuildPlan;
use skiff_report::Cancel;

use super::PrebuiltError;
use super::tree::Tree;
use crate::FileError;
use skiff_text::Shown as _;

/// What was done, to be recorded.
#[derive(Debug, Default)]
pub(crate) struct Maintained {
    /// The numbers of users and groups that the packages let the machine choose.
    pub(crate) ids: BTreeMap<String, u32>,
    /// What nothing carried out, a line each.
    pub(crate) undone: Vec<String>,
}

/// Determines what the scripts of the packages would have changed, and changes that.
pub(crate) fn configure(
    tree: &Tree,
    plan: &BuildPlan,
    packages: &[Package],
    ids: &BTreeMap<String, u32>,
    cancel: &Cancel,
) -> Result<Maintained, PrebuiltError> {
    let wishes = Wishes { units: plan.prebuilt.units.clone(), root_shell: None };
    let ids = Ids::recorded(ids.clone())?;
    let configured = skiff_debian::configure(&Opened { tree, cancel }, packages, &ids, &wishes);
    cancel.check()?;
    let Configured { changes, ids, gaps } = configured?;
    for change in &changes {
        carry_out(tree, change).map_err(FileError::at("write", tree.path().join(change.path().as_str())))?;
    }
    let undone = gaps.iter().map(ToString::to_string).collect();
    Ok(Maintained { ids: ids.by_name().clone(), undone })
}

fn carry_out(tree: &Tree, change: &Change) -> io::Result<()> {
    let path = Path::new(change.path().as_str());
    match change {
        Change::Folder { mode, owner, .. } => {
            tree.add_folder(path, *mode)?;
            tree.give(path, (owner.uid, owner.gid))
        }
        Change::File { mode, owner, bytes, .. } => {
            tree.add_file(path, *mode, &mut bytes.as_slice())?;
            tree.give(path, (owner.uid, owner.gid))
        }
        Change::Link { target, .. } => {
            // Packages ship directories where the scripts make links; what is in them would be lost.
            if tree.dir().symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
                tree.dir().remove_dir(path)?;
            }
            tree.add_link(path, Path::new(target))
        }
        Change::Owner { mode, owner, .. } => {
            tree.set_mode(path, *mode)?;
            tree.give(path, (owner.uid, owner.gid))
        }
    }
}

/// The tree, read without following links, until the user wants to stop.
struct Opened<'t> {
    tree: &'t Tree,
    cancel: &'t Cancel,
}

impl Root for Opened<'_> {
    fn read(&self, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        match self.kind(path)? {
            Some(Kind::File) => self.tree.read_bytes(Path::new(path), limit).map_err(io::Error::other),
            _ => Ok(None),
        }
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        if self.kind(dir)? != Some(Kind::Directory) {
            return Ok(Vec::new());
        }
        self.tree.list(if dir.is_empty() { "." } else { dir }).map_err(io::Error::other)
    }

    fn kind(&self, path: &str) -> io::Result<Option<Kind>> {
        self.cancel.check().map_err(io::Error::other)?;
        let path = if path.is_empty() { "." } else { path };
        let metadata = match self.tree.dir().symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata?,
        };
        let kind = metadata.file_type();
        Ok(Some(if kind.is_symlink() {
            let target = self.tree.dir().read_link_contents(path)?;
            Kind::Link(
                target.to_str().ok_or_else(|| io::Error::other(format!("{} is not text", target.shown())))?.to_owned(),
            )
        } else if kind.is_dir() {
            Kind::Directory
        } else if kind.is_file() {
            Kind::File
        } else {
            Kind::Other
        }))
    }
}
