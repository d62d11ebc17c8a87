//! `buildroot.lock` in a workspace: the tree that it is built with.

use super::BuildrootError;
use super::tree::Tree;
use crate::Reach;
use crate::Site;
use crate::atomic::read_optional;
use crate::atomic::write_file;

/// Notes which tree a workspace is built with, or refuses another one.
pub(crate) fn keep(site: &Site<'_>, tree: &Tree, reach: Reach) -> Result<(), BuildrootError> {
    let path = site.workspace.folder().join("buildroot.lock");
    let text = format!(
        "# What this workspace is built with. `skiff compile --locked` refuses anything else.\n\
         version: 1\nbuildroot: {}\n",
        tree.identity
    );
    let present = read_optional(&path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if present.as_deref() == Some(&text) {
        return Ok(());
    }
    // What is locked is used or nothing; only who locks nothing yet may use anything when frozen.
    let refused = reach.locked || reach.frozen && present.is_some();
    if refused {
        let present = present.unwrap_or_default();
        let wanted = present.lines().find_map(|line| line.strip_prefix("buildroot: "));
        let wanted = wanted.unwrap_or("nothing").to_owned();
        return Err(BuildrootError::Locked { lock: path, wanted, present: tree.identity.clone() });
    }
    match reach.frozen {
        true => Ok(()),
        false => Ok(write_file(&path, text.as_bytes())?),
    }
}
