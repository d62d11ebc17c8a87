//! Owners and modes that scripts register with `dpkg-statoverride`.

use crate::Error;
use crate::TreePath;
use crate::account::Accounts;
use crate::change::Change;
use crate::change::Changes;
use crate::change::Owner;
use crate::data::mode;
use crate::script::Command;
use crate::script::Script;
use crate::tree::Tree;

/// Carries out `dpkg-statoverride --update --add USER GROUP MODE PATH`.
pub(crate) fn apply(
    tree: Tree<'_>,
    scripts: &mut [Script],
    accounts: &Accounts,
    changes: &mut Changes,
) -> Result<(), Error> {
    for call in scripts.iter_mut().flat_map(|script| &mut script.calls) {
        if call.verb() != "dpkg-statoverride" {
            continue;
        }
        if call.words.iter().any(|word| matches!(word.known(), Some("--list" | "--remove"))) {
            call.is_taken = true;
        } else if let Some((path, owner, mode)) = read(call, accounts) {
            let path = tree.resolve(&path)?;
            if tree.followed(&path)?.is_some() {
                changes.add(tree, Change::Owner { path, owner, mode })?;
            }
            call.is_taken = true;
        }
    }
    Ok(())
}

fn read(call: &Command, accounts: &Accounts) -> Option<(TreePath, Owner, u32)> {
    let words = call.arguments()?;
    let names: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with("--")).collect();
    let [user, group, octal, path] = names.as_slice() else { return None };
    let is_addition = words.contains(&"--add") && words.contains(&"--update");
    let id = |name: &str| name.strip_prefix('#').unwrap_or(name).to_owned();
    let owner = Owner { uid: accounts.uid(&id(user))?, gid: accounts.gid(&id(group))? };
    is_addition.then_some((TreePath::parse(path)?, owner, mode(octal)?))
}
