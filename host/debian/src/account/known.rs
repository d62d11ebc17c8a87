use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::Error;
use crate::TreePath;
use crate::tree::Tree;

/// Bytes of a database of users or groups.
const MAX_DATABASE: u64 = 1 << 20;

/// Users and groups of a target, each. systemd's own limit for ids of system users is lower.
const MAX_NAMES: usize = 5000;

/// Characters of a name, as Linux has it.
const MAX_NAME: usize = 32;

/// What a line of a database, of `sysusers.d` or of a script asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    User(User),
    Group { name: String, gid: Option<u32> },
    Member { user: String, group: String },
}

/// The primary group of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Primary {
    /// A group of the user's name, with the user's number if it is new and the number is free.
    Own,
    /// A group of this name.
    Named(String),
    /// The group with this number.
    Number(u32),
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) uid: Option<u32>,
    pub(super) primary: Primary,
    pub(super) comment: String,
    pub(super) home: String,
    pub(super) shell: String,
}

/// A group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) gid: Option<u32>,
    pub(super) members: BTreeSet<String>,
}

/// The users and groups that are known so far. Users and groups keep the order in which they became known.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) users: Vec<User>,
    pub(super) groups: Vec<(String, Group)>,
    /// Lines of an existing `etc/shadow`, by user.
    pub(super) shadow: BTreeMap<String, String>,
}

impl Known {
    /// Reads the database of the tree, and then the masters of `base-passwd`. Without any, there is root.
    pub(super) fn read_base(&mut self, tree: Tree<'_>) -> Result<(), Error> {
        let read = |path: &str| -> Result<String, Error> {
            let path = TreePath::parse(path).unwrap_or_default();
            Ok(tree.text(&path, MAX_DATABASE)?.unwrap_or_default())
        };
        for line in read("etc/shadow")?.lines() {
            if let Some((name, _)) = line.split_once(':') {
                self.shadow.insert(name.to_owned(), line.to_owned());
            }
        }
        for (groups, users) in
            [("etc/group", "etc/passwd"), ("usr/share/base-passwd/group.master", "usr/share/base-passwd/passwd.master")]
        {
            let (groups, users) = (read(groups)?, read(users)?);
            self.apply(&groups.lines().flat_map(group_line).collect::<Vec<_>>());
            self.apply(&users.lines().filter_map(user_line).collect::<Vec<_>>());
        }
        self.apply(&[
            Request::Group { name: "root".into(), gid: Some(0) },
            Request::User(User {
                name: "root".into(),
                uid: Some(0),
                primary: Primary::Number(0),
                comment: "root".into(),
                home: "/root".into(),
                shell: "/bin/sh".into(),
            }),
        ]);
        Ok(())
    }

    /// Adds what is asked for and not there. Names and fields that would break the database are left out.
    pub(super) fn apply(&mut self, requests: &[Request]) {
        for request in requests {
            match request {
                Request::User(user) => self.add_user(user),
                Request::Group { name, gid } => {
                    self.group(name, *gid);
                }
                Request::Member { user, group } if is_name(user) => {
                    if let Some(group) = self.group(group, None) {
                        group.members.insert(user.clone());
                    }
                }
                Request::Member { .. } => {}
            }
        }
    }

    fn add_user(&mut self, user: &User) {
        let is_there = self.users.iter().any(|other| other.name == user.name);
        let fields = [&user.comment, &user.home, &user.shell];
        if is_there || !is_name(&user.name) || fields.iter().any(|field| field.contains([':', '\n', '\0'])) {
            return;
        }
        match &user.primary {
            Primary::Own => {
                self.group(&user.name, user.uid);
            }
            Primary::Named(group) => {
                self.group(group, None);
            }
            Primary::Number(_) => {}
        }
        self.users.push(user.clone());
    }

    /// Returns a group, which is added if it is not there.
    fn group(&mut self, name: &str, gid: Option<u32>) -> Option<&mut Group> {
        if !is_name(name) {
            return None;
        }
        let index = match self.groups.iter().position(|(other, _)| other == name) {
            Some(index) => index,
            None => {
                self.groups.push((name.to_owned(), Group { gid, members: BTreeSet::new() }));
                self.groups.len() - 1
            }
        };
        self.groups.get_mut(index).map(|(_, group)| group)
    }

    pub(super) fn set_shell(&mut self, name: &str, shell: &str) {
        if let Some(user) = self.users.iter_mut().find(|user| user.name == name) {
            shell.clone_into(&mut user.shell);
        }
    }

    pub(super) fn check_size(&self) -> Result<(), Error> {
        match self.users.len().max(self.groups.len()) > MAX_NAMES {
            true => Err(Error::TooMany { what: "users or groups", limit: MAX_NAMES }),
            false => Ok(()),
        }
    }
}

/// Returns whether a name can be in the databases.
fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

fn user_line(line: &str) -> Option<Request> {
    let mut fields = line.split(':');
    let mut next = || fields.next().map(str::to_owned);
    let (name, _, uid, gid, comment, home) = (next()?, next()?, next()?, next()?, next()?, next()?);
    let shell = next()?;
    let (uid, primary) = (Some(uid.parse().ok()?), Primary::Number(gid.parse().ok()?));
    Some(Request::User(User { name, uid, primary, comment, home, shell }))
}

fn group_line(line: &str) -> Vec<Request> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, gid, members] = fields.as_slice() else { return Vec::new() };
    let Ok(gid) = gid.parse() else { return Vec::new() };
    let member = |user: &str| Request::Member { user: user.to_owned(), group: (*name).to_owned() };
    let mut requests = vec![Request::Group { name: (*name).to_owned(), gid: Some(gid) }];
    requests.extend(members.split(',').filter(|user| !user.is_empty()).map(member));
    requests
}
