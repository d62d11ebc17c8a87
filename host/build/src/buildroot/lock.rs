//! Buildroot's tree in the lock of a workspace.

use super::BuildrootError;
use super::tree::Tree;
use crate::BuildContext;
use crate::LockFile;
use crate::LockPolicy;
use crate::lock_entry::LockEntry;
use crate::lock_entry::read_entry;

/// The tree in the lock file: its identity.
pub(crate) const LOCK: LockEntry = LockEntry {
    key: "buildroot",
    old_keys: &[],
    upgrade: |value| Ok(value.clone()),
    check: |value| read_entry::<Option<String>>(value).map(drop),
};

/// Notes which tree a workspace is built with, or refuses another one.
pub(crate) fn keep(context: &BuildContext, tree: &Tree, policy: LockPolicy) -> Result<(), BuildrootError> {
    let present = LockFile::read(&context.workspace)?.entry::<String>(&LOCK);
    if present.as_ref() == Some(&tree.identity) {
        return Ok(());
    }
    // What is locked is used or nothing; only who locks nothing yet may use anything when frozen.
    if policy.locked || policy.frozen && present.is_some() {
        let (lock, wanted) = (context.workspace.system_lock(), present.unwrap_or_else(|| "nothing".into()));
        return Err(BuildrootError::Locked { lock, wanted, present: tree.identity.clone() });
    }
    match policy.frozen {
        true => Ok(()),
        false => Ok(LockFile::update_entry(&context.workspace, &LOCK, Some(&tree.identity))?),
    }
}
