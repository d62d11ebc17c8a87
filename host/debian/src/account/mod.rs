//! Users and groups: what `base-passwd`, `systemd-sysusers`, `adduser` and `useradd` would have made.

mod command;
mod database;
mod ids;
mod known;
mod sysusers;

pub use ids::Ids;

use crate::Error;
use crate::change::Change;
use crate::change::Changes;
use crate::change::Owner;
use crate::script::Script;
use crate::tree::Tree;
pub(crate) use database::Accounts;
use known::Known;

/// Creates all users and groups, and returns them with the ids that were chosen.
///
/// The order is that of an installation: `base-passwd`, then the commands of the packages in their order, then the files in
/// `sysusers.d` that no package applied. The first definition of a name wins, as with all of these tools.
pub(crate) fn create(
    tree: Tree<'_>,
    scripts: &mut [Script],
    ids: &Ids,
    root_shell: Option<&str>,
) -> Result<(Accounts, Ids), Error> {
    let mut known = Known::default();
    known.read_base(tree)?;
    let files = sysusers::files(tree)?;
    for script in scripts {
        for call in &mut script.calls {
            if call.verb() == "systemd-sysusers" {
                let names = call.arguments().unwrap_or_default();
                files
                    .iter()
                    .filter(|file| names.contains(&file.name.as_str()))
                    .for_each(|file| known.apply(&file.lines));
                call.is_taken = true;
            } else if let Some(lines) = command::read(call) {
                known.apply(&lines);
                call.is_taken = true;
            }
        }
    }
    files.iter().for_each(|file| known.apply(&file.lines));
    known.check_size()?;
    if let Some(shell) = root_shell {
        known.set_shell("root", shell);
    }
    database::number(known, ids)
}

/// Writes the files of users and groups.
pub(crate) fn write(tree: Tree<'_>, accounts: &Accounts, changes: &mut Changes) -> Result<(), Error> {
    let shadow = Owner { uid: 0, gid: accounts.gid("shadow").unwrap_or(0) };
    for (path, mode, owner, text) in [
        ("etc/passwd", 0o644, Owner::default(), accounts.passwd()),
        ("etc/group", 0o644, Owner::default(), accounts.group()),
        ("etc/shadow", 0o640, shadow, accounts.shadow()),
        ("etc/gshadow", 0o640, shadow, accounts.gshadow()),
    ] {
        let path = crate::TreePath::parse(path).unwrap_or_default();
        changes.add(tree, Change::File { path, mode, owner, bytes: text.into_bytes() })?;
    }
    Ok(())
}
