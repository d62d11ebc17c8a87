//! Users and groups, from `/etc/passwd` and `/etc/group` (formats: passwd(5), group(5)).

use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// The accounts of this machine. Those of a directory service are not in these files: their groups count as shared.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    users: Vec<User>,
    /// Groups by number, with the names of their members.
    groups: Vec<(u32, Vec<String>)>,
}

#[derive(Debug, Clone)]
struct User {
    name: String,
    uid: u32,
    gid: u32,
    home: PathBuf,
}

impl Accounts {
    /// Reads the accounts of this machine; files that cannot be read hold none.
    pub fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self::parse(&text("/etc/passwd"), &text("/etc/group"))
    }

    fn parse(passwd: &str, group: &str) -> Self {
        let user = |line: &str| {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, uid, gid, _, home, ..] = fields.as_slice() else { return None };
            let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
            Some(User { name: (*name).to_owned(), uid, gid, home: (*home).into() })
        };
        let group_of = |line: &str| {
            let fields: Vec<&str> = line.split(':').collect();
            let [_, _, gid, members, ..] = fields.as_slice() else { return None };
            let members = members.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
            Some((gid.parse().ok()?, members.collect()))
        };
        Self { users: passwd.lines().filter_map(user).collect(), groups: group.lines().filter_map(group_of).collect() }
    }

    /// Returns the home directory of a user.
    pub fn home(&self, uid: u32) -> Option<&Path> {
        self.user(uid).map(|user| user.home.as_path()).filter(|home| home.is_absolute())
    }

    /// Returns the name of a user.
    pub fn name(&self, uid: u32) -> Option<&str> {
        self.user(uid).map(|user| user.name.as_str())
    }

    fn user(&self, uid: u32) -> Option<&User> {
        self.users.iter().find(|user| user.uid == uid)
    }

    /// Returns whether a user is alone in a group, as with the private groups of Debian, Ubuntu and Fedora.
    pub(crate) fn is_private(&self, gid: u32, owner: u32) -> bool {
        let Some(user) = self.user(owner) else { return false };
        let primary = self.users.iter().filter(|other| other.gid == gid);
        let mut groups = self.groups.iter().filter(|(number, _)| *number == gid).peekable();
        groups.peek().is_some()
            && primary.clone().all(|other| other.uid == owner)
            && groups.all(|(_, members)| members.iter().all(|name| *name == user.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_private_when_nobody_else_is_in_it() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\nyou:x:1001:50::/home/you:\nodd\n";
        let accounts = Accounts::parse(passwd, "root:x:0:\nme:x:1000:\nteam:x:60:me,you\nstaff:x:50:\nmine:x:61:me\n");
        assert!(accounts.is_private(1000, 1000) && accounts.is_private(61, 1000) && accounts.is_private(0, 0));
        assert!(!accounts.is_private(60, 1000), "you are a member");
        assert!(!accounts.is_private(50, 1000), "it is your primary group");
        assert!(!accounts.is_private(70, 1000) && !accounts.is_private(1000, 4242), "unknown");
        assert_eq!(accounts.home(1000), Some(Path::new("/home/me")));
    }
}
