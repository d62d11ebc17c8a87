use std::collections::BTreeMap;

use crate::Error;
use crate::TreePath;
use crate::tree::Tree;

/// Owner of a path, as numbers on the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// A change to the tree. Paths have no links among their parents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A directory exists, with this owner and mode. Missing parents belong to root and have mode 0755.
    Folder {
        /// The path.
        path: TreePath,
        /// Permissions with setuid, setgid and sticky bits (`0o1777`).
        mode: u32,
        /// The owner.
        owner: Owner,
    },
    /// A file with these bytes replaces any file or link at this path.
    File {
        /// The path.
        path: TreePath,
        /// Permissions with setuid and setgid bits.
        mode: u32,
        /// The owner.
        owner: Owner,
        /// The contents.
        bytes: Vec<u8>,
    },
    /// A symbolic link replaces any file, link or empty directory at this path.
    Link {
        /// The path.
        path: TreePath,
        /// The text of the link.
        target: String,
    },
    /// An existing file or directory gets this owner and mode.
    Owner {
        /// The path.
        path: TreePath,
        /// The owner.
        owner: Owner,
        /// Permissions with setuid, setgid and sticky bits.
        mode: u32,
    },
}

impl Change {
    /// Returns the changed path.
    pub fn path(&self) -> &TreePath {
        match self {
            Self::Folder { path, .. }
            | Self::File { path, .. }
            | Self::Link { path, .. }
            | Self::Owner { path, .. } => path,
        }
    }
}

/// Changes in the making: at most one for each path, the last one.
#[derive(Debug, Default)]
pub(crate) struct Changes(BTreeMap<TreePath, Change>);

impl Changes {
    /// Adds a file of root.
    pub(crate) fn file(&mut self, tree: Tree<'_>, path: &TreePath, text: impl Into<Vec<u8>>) -> Result<(), Error> {
        self.add(tree, Change::File { path: path.clone(), mode: 0o644, owner: Owner::default(), bytes: text.into() })
    }

    /// Adds a link.
    pub(crate) fn link(&mut self, tree: Tree<'_>, path: &TreePath, target: impl Into<String>) -> Result<(), Error> {
        self.add(tree, Change::Link { path: path.clone(), target: target.into() })
    }

    /// Adds a change at the place of its path. A new owner of a file or directory that another change makes becomes part
    /// of that change.
    pub(crate) fn add(&mut self, tree: Tree<'_>, mut change: Change) -> Result<(), Error> {
        let place = tree.place(change.path())?;
        match &mut change {
            Change::Folder { path, .. }
            | Change::File { path, .. }
            | Change::Link { path, .. }
            | Change::Owner { path, .. } => *path = place.clone(),
        }
        if let Change::Owner { owner: new, mode: permissions, .. } = change
            && let Some(Change::Folder { mode, owner, .. } | Change::File { mode, owner, .. }) = self.0.get_mut(&place)
        {
            (*owner, *mode) = (new, permissions);
            return Ok(());
        }
        self.0.insert(place, change);
        Ok(())
    }

    /// Returns whether a change makes this path. The path is a place, without links among its parents.
    pub(crate) fn makes(&self, place: &TreePath) -> bool {
        self.0.get(place).is_some_and(|change| !matches!(change, Change::Owner { .. }))
    }

    /// Returns the changes, parents before what they contain.
    pub(crate) fn finish(self) -> Vec<Change> {
        self.0.into_values().collect()
    }
}
