//! Carries out the data of packages: copies, files, directories, links, owners.

use crate::Error;
use crate::Kind;
use crate::TreePath;
use crate::account::Accounts;
use crate::change::Change;
use crate::change::Changes;
use crate::change::Owner;
use crate::data::Block;
use crate::data::Owned;
use crate::tree::Tree;

/// Bytes of a file that is copied.
const MAX_COPY: u64 = 4 << 20;

/// Carries out the data of one package.
pub(crate) fn apply(tree: Tree<'_>, block: &Block, accounts: &Accounts, changes: &mut Changes) -> Result<(), Error> {
    let is_free = |changes: &Changes, path: &TreePath| -> Result<bool, Error> {
        let place = tree.place(path)?;
        Ok(tree.kind(path)?.is_none() && !changes.makes(&place))
    };
    for link in &block.links {
        let is_wanted = match &link.needs {
            Some(needs) => tree.followed(&path(needs))?.is_some(),
            None => true,
        };
        if is_wanted && !matches!(tree.kind(&path(&link.path))?, Some(Kind::File | Kind::Other)) {
            changes.link(tree, &path(&link.path), link.target.as_str())?;
        }
    }
    for folder in &block.folders {
        let change = |path, owner, mode| Change::Folder { path, owner, mode };
        changes.add(tree, owned(block, folder, accounts, change)?)?;
    }
    for copy in &block.copies {
        if is_free(changes, &path(&copy.to))?
            && let Some(bytes) = tree.read(&path(&copy.from), MAX_COPY)?
        {
            changes.file(tree, &path(&copy.to), bytes)?;
        }
    }
    for file in &block.files {
        if is_free(changes, &path(&file.path))? {
            let owner = owner(block, &file.user, &file.group, accounts)?;
            let bytes = file.text.clone().into_bytes();
            changes.add(tree, Change::File { path: path(&file.path), mode: file.mode.0, owner, bytes })?;
        }
    }
    for row in &block.owners {
        let place = tree.resolve(&path(&row.path))?;
        if tree.followed(&place)?.is_some() || changes.makes(&place) {
            let change = |_, owner, mode| Change::Owner { path: place.clone(), owner, mode };
            changes.add(tree, owned(block, row, accounts, change)?)?;
        }
    }
    Ok(())
}

fn path(text: &str) -> TreePath {
    TreePath::parse(text).unwrap_or_default()
}

fn owned(
    block: &Block,
    row: &Owned,
    accounts: &Accounts,
    change: impl Fn(TreePath, Owner, u32) -> Change,
) -> Result<Change, Error> {
    Ok(change(path(&row.path), owner(block, &row.user, &row.group, accounts)?, row.mode.0))
}

fn owner(block: &Block, user: &str, group: &str, accounts: &Accounts) -> Result<Owner, Error> {
    let unknown = |name: &str| Error::UnknownOwner { package: block.package.clone(), name: name.to_owned() };
    // A system without base-passwd has no group `root` by another way.
    let gid = if group == "root" { Some(0) } else { accounts.gid(group) };
    let uid = accounts.uid(user).ok_or_else(|| unknown(user))?;
    Ok(Owner { uid, gid: gid.ok_or_else(|| unknown(group))? })
}
