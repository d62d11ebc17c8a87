//! Users, groups and passwords of the target.

use std::collections::BTreeMap;
use std::path::Path;

use sha_crypt::Sha256Params;
use sha_crypt::Sha512Params;
use skiff_digest::DigestBuilder;
use skiff_kconfig::Kind;
use skiff_plan::BuildPlan;
use skiff_plan::Target;
use skiff_plan::User;
use skiff_plan::UserId;
use skiff_report::Cancel;

use super::PrebuiltError;
use super::table::Table;
use super::tree::Tree;
use crate::FileError;

/// What a system without users of its own has.
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n";
const GROUP: &str = "root:x:0:\nadm:x:4:\ntty:x:5:\ndisk:x:6:\ndialout:x:20:\naudio:x:29:\nvideo:x:44:\nwheel:x:10:\n\
                     nogroup:x:65534:\n";
const SHADOW: &str = "root:*:::::::\nnobody:*:::::::\n";

/// The files in `/etc` that say who there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounts {
    /// `/etc/passwd`.
    pub passwd: String,
    /// `/etc/group`.
    pub group: String,
    /// `/etc/shadow`.
    pub shadow: String,
}

/// A user with the numbers of the user and of the primary group.
type Numbered<'u> = (&'u User, (u32, u32));

impl Accounts {
    /// Adds the users of tables as Buildroot's `mkusers` does; `salt` gives each user the salt of its password.
    ///
    /// # Errors
    /// [`PrebuiltError::Setting`] names the line that contradicts another one, or what was there.
    pub fn with_users(&self, users: &[User], salt: impl Fn(&str) -> String) -> Result<Self, PrebuiltError> {
        let mut database = Database::of(self, Method::Sha512);
        database.add_all(users, salt, &Cancel::default())?;
        Ok(database.accounts())
    }
}

/// Creates the users of all layers, in order, and sets the root password.
pub(crate) fn create(tree: &Tree, plan: &BuildPlan, target: &Target, cancel: &Cancel) -> Result<(), PrebuiltError> {
    let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
    let method = match plan.config(Kind::Buildroot).is_yes("BR2_TARGET_GENERIC_PASSWD_SHA256") {
        true => Method::Sha256,
        false => Method::Sha512,
    };
    let accounts = Accounts {
        passwd: or(tree.read("etc/passwd")?, PASSWD),
        group: or(tree.read("etc/group")?, GROUP),
        shadow: or(tree.read("etc/shadow")?, SHADOW),
    };
    let mut database = Database::of(&accounts, method);
    let root = match target.root_password.as_deref() {
        None => "*".to_owned(),
        Some(password) => root_hash(password, method, &salt("root", plan, target))?,
    };
    database.shadow.set("root", 1, &root);
    for (user, ids) in database.add_all(&plan.users, |user| salt(user, plan, target), cancel)? {
        let home = user.home.trim_start_matches('/');
        if user.home != "-" {
            let home = Path::new(home);
            let make = || tree.add_folder(home, 0o755).and_then(|()| tree.give_below(home, ids));
            make().map_err(FileError::at("make", tree.path().join(home)))?;
        }
    }
    let accounts = database.accounts();
    tree.write("etc/passwd", 0o644, &accounts.passwd)?;
    tree.write("etc/group", 0o644, &accounts.group)?;
    // The group of programs that compare passwords reads it, where there is one.
    let readers = database.group.id("shadow");
    tree.write("etc/shadow", if readers.is_some() { 0o640 } else { 0o600 }, &accounts.shadow)?;
    let mut private = vec!["etc/shadow"];
    if tree.has(GSHADOW) {
        let text = with_groups(&tree.read(GSHADOW)?, &database.group);
        tree.write(GSHADOW, if readers.is_some() { 0o640 } else { 0o600 }, &text)?;
        private.push(GSHADOW);
    }
    for path in private {
        let given = tree.give(Path::new(path), (0, readers.unwrap_or(0)));
        given.map_err(FileError::at("write", tree.path().join(path)))?;
    }
    Ok(())
}

/// The passwords and members of groups, which only some systems have. Where it is, it has the groups of `/etc/group`, with the
/// same members.
const GSHADOW: &str = "etc/gshadow";

/// Returns the text of `/etc/gshadow` for these groups (gshadow(5)). A new group has no password that lets anybody in.
fn with_groups(gshadow: &str, groups: &Table) -> String {
    let mut table = Table::parse(gshadow);
    for name in groups.names() {
        let members = groups.field(name, 3).unwrap_or_default();
        match table.field(name, 3) {
            Some(_) => table.set(name, 3, members),
            None => table.replace(name, &format!("{name}:*::{members}")),
        }
    }
    table.text()
}

fn salt(user: &str, plan: &BuildPlan, target: &Target) -> String {
    let mut builder = DigestBuilder::default();
    builder.field("skiff password salt").field(user).field(&target.hostname).field(plan.chain.join(","));
    builder.finish().to_string().chars().take(16).collect()
}

fn root_hash(password: &str, method: Method, salt: &str) -> Result<String, PrebuiltError> {
    match password {
        "" => Ok(String::new()),
        hash if hash.starts_with('$') => Ok(hash.to_owned()),
        plain => encrypt(plain, method, salt),
    }
}

/// How a password is encrypted.
#[derive(Clone, Copy)]
enum Method {
    Sha256,
    Sha512,
}

struct Database {
    /// How passwords in plain text are encrypted.
    method: Method,
    passwd: Table,
    group: Table,
    shadow: Table,
}

/// Goes through users so that those who name an id take it before anybody else gets it.
fn fixed_first(users: &[User], id: impl Fn(&User) -> UserId) -> impl Iterator<Item = &User> {
    let (fixed, auto): (Vec<_>, Vec<_>) = users.iter().partition(|user| matches!(id(user), UserId::Fixed(_)));
    fixed.into_iter().chain(auto)
}

/// The last id of a system user, as Buildroot has it.
const LAST_SYSTEM_ID: u32 = 999;

// The rules, the order and the numbers are those of Buildroot's mkusers, so that both engines give the same ids.
impl Database {
    fn of(accounts: &Accounts, method: Method) -> Self {
        Self {
            method,
            passwd: Table::parse(&accounts.passwd),
            group: Table::parse(&accounts.group),
            shadow: Table::parse(&accounts.shadow),
        }
    }

    fn accounts(&self) -> Accounts {
        Accounts { passwd: self.passwd.text(), group: self.group.text(), shadow: self.shadow.text() }
    }

    /// Adds groups and users, and returns the users with the ids that they got.
    fn add_all<'u>(
        &mut self,
        users: &'u [User],
        salt: impl Fn(&str) -> String,
        cancel: &Cancel,
    ) -> Result<Vec<Numbered<'u>>, PrebuiltError> {
        self.add_groups(users)?;
        let mut added = Vec::new();
        for user in fixed_first(users, |user| user.uid).filter(|user| user.name != "-") {
            // To encrypt a password takes milliseconds.
            cancel.check()?;
            added.push((user, self.add_user(user, &salt(&user.name))?));
        }
        Ok(added)
    }

    /// Adds the main groups of all users, those with fixed ids first, and then their further groups.
    fn add_groups(&mut self, users: &[User]) -> Result<(), PrebuiltError> {
        let mut fixed: BTreeMap<&str, u32> = BTreeMap::new();
        for user in users {
            let UserId::Fixed(id) = user.gid else { continue };
            if let Some(other) = fixed.insert(&user.group, id).filter(|other| *other != id) {
                return Err(clash(user, format!("another line gives the group `{}` the id {other}", user.group)));
            }
            self.set_group(&user.group, id);
        }
        // A group that was there may have given way meanwhile.
        for user in users.iter().rev().filter(|user| matches!(user.gid, UserId::Fixed(_))) {
            if let Some(other) = others_with(&self.group, user.gid, &user.group) {
                let id = fixed.get(user.group.as_str()).copied().unwrap_or_default();
                return Err(clash(user, format!("the group `{other}` has the id {id}")));
            }
        }
        for user in users.iter().filter(|user| !matches!(user.gid, UserId::Fixed(_))) {
            self.add_group(&user.group, user.gid, user)?;
        }
        for user in users {
            let id = match user.uid {
                UserId::Fixed(..=LAST_SYSTEM_ID) => UserId::AutoSystem,
                UserId::Fixed(_) => UserId::AutoUser,
                auto => auto,
            };
            for group in &user.groups {
                self.add_group(group, id, user)?;
            }
        }
        Ok(())
    }

    /// Gives a group an id, whether it is there or not; its members stay.
    fn set_group(&mut self, name: &str, id: u32) {
        let members = self.group.field(name, 3).unwrap_or_default();
        let line = format!("{name}:x:{id}:{members}");
        self.group.replace(name, &line);
    }

    /// Adds a group that is not there, with the next free id.
    fn add_group(&mut self, name: &str, wanted: UserId, user: &User) -> Result<(), PrebuiltError> {
        if self.group.id(name).is_some() {
            return Ok(());
        }
        let id = free(&self.group, wanted).ok_or_else(|| clash(user, "no group id is left".into()))?;
        self.set_group(name, id);
        Ok(())
    }

    /// Adds a user whose groups are there, replacing one of the same name, and returns its ids.
    fn add_user(&mut self, user: &User, salt: &str) -> Result<(u32, u32), PrebuiltError> {
        let name = &user.name;
        let gid =
            self.group.id(&user.group).ok_or_else(|| clash(user, format!("there is no group `{}`", user.group)))?;
        if let Some(present) = self.passwd.field(name, 3).filter(|present| *present != gid.to_string()) {
            return Err(clash(user, format!("the user has the main group {present} already")));
        }
        if let Some(other) = others_with(&self.passwd, user.uid, name) {
            return Err(clash(user, format!("the user `{other}` has the id {}", number(user.uid))));
        }
        let uid = match (user.uid, self.passwd.id(name)) {
            (UserId::Fixed(uid), Some(present)) if present != uid => {
                return Err(clash(user, format!("the user has the id {present} already")));
            }
            (_, Some(present)) => present,
            (UserId::Fixed(uid), None) => uid,
            (auto, None) => free(&self.passwd, auto).ok_or_else(|| clash(user, "no user id is left".into()))?,
        };
        let none = |text: &str, default: &str| if text == "-" { default.to_owned() } else { text.to_owned() };
        let (home, shell) = (none(&user.home, "/"), none(&user.shell, "/bin/false"));
        self.passwd.replace(name, &format!("{name}:x:{uid}:{gid}:{}:{home}:{shell}", user.comment));
        self.shadow.replace(name, &format!("{name}:{}:::::::", password(&user.password, self.method, salt)?));
        for group in &user.groups {
            self.group.add_member(group, name);
        }
        Ok((uid, gid))
    }
}

/// The id that a line names, as text.
fn number(id: UserId) -> String {
    match id {
        UserId::Fixed(id) => id.to_string(),
        UserId::AutoSystem | UserId::AutoUser => String::new(),
    }
}

fn clash(user: &User, message: String) -> PrebuiltError {
    PrebuiltError::Setting { what: format!("line `{}` of the users tables", user.text.trim()), message }
}

/// The password field of a users table, as `/etc/shadow` wants it.
fn password(text: &str, method: Method, salt: &str) -> Result<String, PrebuiltError> {
    if text == "-" {
        return Ok(String::new());
    }
    if let Some(plain) = text.strip_prefix("!=") {
        return Ok(format!("!{}", encrypt(plain, method, salt)?));
    }
    match text.strip_prefix('=') {
        Some(plain) => encrypt(plain, method, salt),
        None => Ok(text.to_owned()),
    }
}

/// Bytes that a password may have: what crypt(3) takes (`CRYPT_MAX_PASSPHRASE_SIZE`).
const MAX_PASSWORD: usize = 512;

/// Encrypts a password. The salt comes from the user's name and the system's, since equal inputs must give equal
/// images; never from the password, of which it would tell.
fn encrypt(password: &str, method: Method, salt: &str) -> Result<String, PrebuiltError> {
    let setting = |error: sha_crypt::CryptError| PrebuiltError::Setting {
        what: "a password".into(),
        message: format!("{error:?}"),
    };
    if password.len() > MAX_PASSWORD {
        let message = format!("it has {} bytes, and no password has more than {MAX_PASSWORD}", password.len());
        return Err(PrebuiltError::Setting { what: "a password".into(), message });
    }
    let (password, rounds) = (password.as_bytes(), sha_crypt::ROUNDS_DEFAULT);
    match method {
        Method::Sha256 => {
            let params = Sha256Params::new(rounds).map_err(setting)?;
            let hash = sha_crypt::sha256_crypt_b64(password, salt.as_bytes(), &params).map_err(setting)?;
            Ok(format!("$5${salt}${hash}"))
        }
        Method::Sha512 => {
            let params = Sha512Params::new(rounds).map_err(setting)?;
            let hash = sha_crypt::sha512_crypt_b64(password, salt.as_bytes(), &params).map_err(setting)?;
            Ok(format!("$6${salt}${hash}"))
        }
    }
}

/// Returns who else has the id that a line names.
fn others_with<'t>(table: &'t Table, id: UserId, name: &str) -> Option<&'t str> {
    match id {
        UserId::Fixed(id) => table.with_id(id).find(|other| *other != name),
        UserId::AutoSystem | UserId::AutoUser => None,
    }
}

/// Returns the first free id of those that Buildroot hands out.
fn free(table: &Table, wanted: UserId) -> Option<u32> {
    let mut range = match wanted {
        UserId::AutoSystem => 100..=LAST_SYSTEM_ID,
        UserId::AutoUser => 1000..=1999,
        UserId::Fixed(id) => id..=id,
    };
    range.find(|id| table.with_id(*id).next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Database {
        Database::of(&Accounts { passwd: PASSWD.into(), group: GROUP.into(), shadow: SHADOW.into() }, Method::Sha512)
    }

    fn add_all(table: &str) -> Result<Database, PrebuiltError> {
        let users = User::parse_table(Path::new("t"), table).unwrap();
        let mut database = database();
        database.add_all(&users, |_| "salt".into(), &Cancel::default())?;
        Ok(database)
    }

    #[test]
    fn the_passwords_of_groups_follow_the_groups() {
        let groups = Table::parse("root:x:0:\nvideo:x:44:alice\nnew:x:100:\n");
        let text = with_groups("root:*::\nvideo:!:root:bob\n", &groups);
        assert_eq!(text, "root:*::\nvideo:!:root:alice\nnew:*::\n");
    }

    #[test]
    fn all_passwords_are_encrypted_in_the_configured_way() {
        let accounts = Accounts { passwd: PASSWD.into(), group: GROUP.into(), shadow: SHADOW.into() };
        let users = User::parse_table(Path::new("t"), "a -1 a -1 =x - - - A\nb -1 b -1 !=x - - - B\n").unwrap();
        for (method, start) in [(Method::Sha256, "$5$salt$"), (Method::Sha512, "$6$salt$")] {
            let mut database = Database::of(&accounts, method);
            database.add_all(&users, |_| "salt".into(), &Cancel::default()).unwrap();
            assert!(database.shadow.field("a", 1).unwrap().starts_with(start));
            assert!(database.shadow.field("b", 1).unwrap().starts_with(&format!("!{start}")));
        }
    }

    /// Lines of a table, sorted, without those that every system has.
    fn added(table: &Table, before: &str) -> Vec<String> {
        let mut lines: Vec<String> =
            table.text().lines().filter(|line| !before.contains(line)).map(str::to_owned).collect();
        lines.sort();
        lines
    }

    #[test]
    fn ids_are_those_that_buildroot_gives() {
        let database = add_all(
            "late -1 svc -1 * - - - Service # trailing comment\n\
             alice -2 alice -2 * /home/alice /bin/sh video,extra,plug Alice A\n\
             bob 1000 team 100 * /home/bob /bin/sh plug B\n  # indented\n\
             - -1 only -2 * - - - -\n\
             carol 150 svc -1 ! - /bin/sh fresh C\n\
             dave -2 team -1 - - - wheel D\n",
        )
        .unwrap();
        // Recorded from mkusers of Buildroot 2026.05.1 with the same tables before.
        let passwd = [
            "alice:x:1001:1000:Alice A:/home/alice:/bin/sh",
            "bob:x:1000:100:B:/home/bob:/bin/sh",
            "carol:x:150:101:C:/:/bin/sh",
            "dave:x:1002:100:D:/:/bin/false",
            "late:x:100:101:Service:/:/bin/false",
        ];
        assert_eq!(added(&database.passwd, PASSWD), passwd);
        let group = [
            "alice:x:1000:",
            "extra:x:1002:alice",
            "fresh:x:102:carol",
            "only:x:1001:",
            "plug:x:1003:bob,alice",
            "svc:x:101:",
            "team:x:100:",
            "video:x:44:alice",
            "wheel:x:10:dave",
        ];
        assert_eq!(added(&database.group, GROUP), group);
    }

    #[test]
    fn what_two_want_is_refused() {
        for (table, message) in [
            ("a 500 a -1 * - - - -\nb 500 b -1 * - - - -\n", "the user `a` has the id 500"),
            ("a -1 a 500 * - - - -\nb -1 b 500 * - - - -\n", "the group `a` has the id 500"),
            ("a -1 fresh 44 * - - - -\n", "the group `video` has the id 44"),
            ("a -1 a 500 * - - - -\n- - a 501\n", "another line gives the group `a` the id 500"),
            ("a -1 a -1 * - - - -\na -1 b -1 * - - - -\n", "the user has the main group 100 already"),
        ] {
            let error = add_all(table).err().unwrap().to_string();
            assert!(error.contains(message), "{error}");
        }
        let crowd: String = (0..901).map(|n| format!("u{n} -1 users -1 * - - - -\n")).collect();
        assert!(add_all(&crowd).err().unwrap().to_string().contains("no user id is left"));
    }

    #[test]
    fn a_group_that_was_there_may_get_another_id() {
        let database = add_all("a -1 video 99 * - - audio -\n- - audio 44\n- - disk -1\n").unwrap();
        let group = ["audio:x:44:a", "video:x:99:"];
        assert_eq!(added(&database.group, GROUP), group);
        assert_eq!(added(&database.passwd, PASSWD), ["a:x:100:99:-:/:/bin/false"]);
    }

    #[test]
    fn passwords_are_encrypted() {
        let database = add_all("alice -1 alice -1 =secret - - - A\nbob -1 alice -1 * - - - B\n").unwrap();
        assert!(database.shadow.text().contains("alice:$6$") && database.shadow.text().contains("bob:*:"));
        let hash = database.shadow.field("alice", 1).unwrap();
        assert!(sha_crypt::sha512_check("secret", hash).is_ok());
    }
}
