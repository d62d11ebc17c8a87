use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::ids::Chooser;
use super::ids::Ids;
use super::known::Known;
use super::known::Primary;
use crate::Error;
use crate::data::Data;

/// Users and groups with their numbers.
#[derive(Debug)]
pub(crate) struct Accounts {
    users: Vec<Row>,
    groups: Vec<(String, u32, BTreeSet<String>)>,
    shadow: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Row {
    name: String,
    uid: u32,
    gid: u32,
    comment: String,
    home: String,
    shell: String,
}

/// Gives all users and groups numbers: those that ask for one first, the others in the order of their names.
pub(super) fn number(known: Known, ids: &Ids) -> Result<(Accounts, Ids), Error> {
    let fixed = known.users.iter().filter_map(|user| Some((user.uid?, user.name.clone())));
    let fixed = fixed.chain(known.groups.iter().filter_map(|(name, group)| Some((group.gid?, name.clone()))));
    let mut chooser = Chooser::new(ids, &Data::read()?.ids, fixed.collect())?;
    let open_users = known.users.iter().filter(|user| user.uid.is_none()).map(|user| user.name.as_str());
    let open_groups = known.groups.iter().filter(|(_, group)| group.gid.is_none()).map(|(name, _)| name.as_str());
    for name in open_users.chain(open_groups).collect::<BTreeSet<&str>>() {
        chooser.choose(name)?;
    }
    let (mut groups, mut last_groups) = (Vec::new(), Vec::new());
    for (name, group) in known.groups {
        match group.gid {
            Some(gid) => groups.push((name, gid, group.members)),
            None => last_groups.push((name.clone(), chooser.choose(&name)?, group.members)),
        }
    }
    last_groups.sort();
    groups.append(&mut last_groups);
    let gid = |name: &str| groups.iter().find(|(other, ..)| other == name).map(|(_, gid, _)| *gid);
    let (mut users, mut last_users) = (Vec::new(), Vec::new());
    for user in known.users {
        let own_gid = match &user.primary {
            Primary::Own => gid(&user.name),
            Primary::Named(name) => gid(name),
            Primary::Number(number) => Some(*number),
        };
        let is_fixed = user.uid.is_some();
        let uid = user.uid.map_or_else(|| chooser.choose(&user.name), Ok)?;
        let (name, comment, home, shell) = (user.name, user.comment, user.home, user.shell);
        let row = Row { uid, gid: own_gid.unwrap_or(uid), name, comment, home, shell };
        if is_fixed { users.push(row) } else { last_users.push(row) }
    }
    last_users.sort_by(|a, b| a.name.cmp(&b.name));
    users.append(&mut last_users);
    Ok((Accounts { users, groups, shadow: known.shadow }, chooser.finish()))
}

impl Accounts {
    /// Returns the number of a user, which may be written as a number.
    pub(crate) fn uid(&self, name: &str) -> Option<u32> {
        let user = self.users.iter().find(|user| user.name == name).map(|user| user.uid);
        user.or_else(|| name.parse().ok())
    }

    /// Returns the number of a group, which may be written as a number.
    pub(crate) fn gid(&self, name: &str) -> Option<u32> {
        let group = self.groups.iter().find(|(other, ..)| other == name).map(|(_, gid, _)| *gid);
        group.or_else(|| name.parse().ok())
    }

    pub(super) fn passwd(&self) -> String {
        self.users.iter().fold(String::new(), |mut text, user| {
            let Row { name, uid, gid, comment, home, shell } = user;
            let _ = writeln!(text, "{name}:x:{uid}:{gid}:{comment}:{home}:{shell}");
            text
        })
    }

    pub(super) fn group(&self) -> String {
        self.groups.iter().fold(String::new(), |mut text, (name, gid, members)| {
            let _ = writeln!(text, "{name}:x:{gid}:{}", joined(members));
            text
        })
    }

    /// Returns `/etc/shadow`: passwords that were there, and none that fits for the others. The day of the last change
    /// stays empty, because equal inputs give equal bytes.
    pub(super) fn shadow(&self) -> String {
        self.users.iter().fold(String::new(), |mut text, user| {
            match self.shadow.get(&user.name) {
                Some(line) => text.push_str(line),
                None => text += &format!("{}:*:::::::", user.name),
            }
            text.push('\n');
            text
        })
    }

    pub(super) fn gshadow(&self) -> String {
        self.groups.iter().fold(String::new(), |mut text, (name, _, members)| {
            let _ = writeln!(text, "{name}:*::{}", joined(members));
            text
        })
    }
}

fn joined(members: &BTreeSet<String>) -> String {
    members.iter().map(String::as_str).collect::<Vec<_>>().join(",")
}
