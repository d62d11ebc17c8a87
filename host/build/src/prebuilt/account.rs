//! Users, groups and passwords of the target.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use sha_crypt::Sha256Params;
use sha_crypt::Sha512Params;
use skiff_kconfig::Kind;
use skiff_plan::BuildPlan;
use skiff_plan::DigestBuilder;
use skiff_plan::Target;
use skiff_plan::User;
use skiff_plan::UserId;

use super::PrebuiltError;
use super::tree::Tree;
use crate::FileError;

/// What a system without users of its own has.
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n";
const GROUP: &str = "root:x:0:\nadm:x:4:\ntty:x:5:\ndisk:x:6:\ndialout:x:20:\naudio:x:29:\nvideo:x:44:\nwheel:x:1000:\n\
                     nogroup:x:65534:\n";
const SHADOW: &str = "root:*:::::::\nnobody:*:::::::\n";

/// Who owns what is not root's: a folder and all below it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Owners(BTreeMap<PathBuf, (u32, u32)>);

impl Owners {
    /// Returns user and group id of a path, relative to the target.
    pub(crate) fn of(&self, path: &Path) -> (u32, u32) {
        path.ancestors().find_map(|folder| self.0.get(folder)).copied().unwrap_or((0, 0))
    }
}

/// Creates the users of all layers, in order, and sets the root password.
pub(crate) fn create(tree: &Tree, plan: &BuildPlan, target: &Target) -> Result<Owners, PrebuiltError> {
    let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
    let mut database = Database {
        passwd: Table::parse(&or(tree.read("etc/passwd")?, PASSWD)),
        group: Table::parse(&or(tree.read("etc/group")?, GROUP)),
        shadow: Table::parse(&or(tree.read("etc/shadow")?, SHADOW)),
    };
    let method = match plan.config(Kind::Buildroot).is_yes("BR2_TARGET_GENERIC_PASSWD_SHA256") {
        true => Method::Sha256,
        false => Method::Sha512,
    };
    let root = match target.root_password.as_deref() {
        None => "*".to_owned(),
        Some(password) => root_hash(password, method, &salt("root", plan, target))?,
    };
    database.shadow.set("root", 1, &root);
    let mut owners = Owners::default();
    for user in &plan.users {
        let ids = database.add(user, &salt(&user.name, plan, target))?;
        let home = user.home.trim_start_matches('/');
        if user.name != "-" && user.home != "-" && !home.is_empty() {
            tree.add_folder(Path::new(home), 0o755).map_err(FileError::at("make", tree.path().join(home)))?;
            owners.0.insert(PathBuf::from(home), ids);
        }
    }
    tree.write("etc/passwd", 0o644, &database.passwd.text())?;
    tree.write("etc/group", 0o644, &database.group.text())?;
    tree.write("etc/shadow", 0o600, &database.shadow.text())?;
    Ok(owners)
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
    passwd: Table,
    group: Table,
    shadow: Table,
}

impl Database {
    /// Adds a user, replacing one of the same name, and returns its ids.
    fn add(&mut self, user: &User, salt: &str) -> Result<(u32, u32), PrebuiltError> {
        let gid = self.group_id(&user.group, user.gid);
        if user.name == "-" {
            return Ok((0, gid));
        }
        let uid = match (user.uid, self.passwd.id(&user.name)) {
            (UserId::Fixed(uid), _) => uid,
            (_, Some(present)) => present,
            (free, None) => self.passwd.free(free),
        };
        let none = |text: &str, default: &str| if text == "-" { default.to_owned() } else { text.to_owned() };
        let (home, shell) = (none(&user.home, "/"), none(&user.shell, "/bin/false"));
        self.passwd.replace(&user.name, format!("{}:x:{uid}:{gid}:{}:{home}:{shell}", user.name, user.comment));
        self.shadow.replace(&user.name, format!("{}:{}:::::::", user.name, password(&user.password, salt)?));
        for group in &user.groups {
            self.group_id(group, UserId::FreeSystem);
            self.group.add_member(group, &user.name);
        }
        Ok((uid, gid))
    }

    fn group_id(&mut self, name: &str, wanted: UserId) -> u32 {
        let id = match (wanted, self.group.id(name)) {
            (UserId::Fixed(id), _) => id,
            (_, Some(present)) => return present,
            (free, None) => self.group.free(free),
        };
        let members = self.group.field(name, 3).unwrap_or_default().to_owned();
        self.group.replace(name, format!("{name}:x:{id}:{members}"));
        id
    }
}

/// The password field of a users table, as `/etc/shadow` wants it.
fn password(text: &str, salt: &str) -> Result<String, PrebuiltError> {
    if text == "-" {
        return Ok(String::new());
    }
    if let Some(plain) = text.strip_prefix("!=") {
        return Ok(format!("!{}", encrypt(plain, Method::Sha512, salt)?));
    }
    match text.strip_prefix('=') {
        Some(plain) => encrypt(plain, Method::Sha512, salt),
        None => Ok(text.to_owned()),
    }
}

/// Encrypts a password. The salt comes from the user's name and the system's, since equal inputs must give equal
/// images; never from the password, of which it would tell.
fn encrypt(password: &str, method: Method, salt: &str) -> Result<String, PrebuiltError> {
    let setting = |error: sha_crypt::CryptError| PrebuiltError::Setting {
        what: "A password".into(),
        message: format!("{error:?}"),
    };
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

/// A file of lines whose fields are separated by colons, the first field being a unique name.
struct Table(Vec<String>);

impl Table {
    fn parse(text: &str) -> Self {
        Self(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
    }

    fn text(&self) -> String {
        self.0.iter().map(|line| format!("{line}\n")).collect()
    }

    fn line(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|line| line.split(':').next() == Some(name))
    }

    fn field(&self, name: &str, number: usize) -> Option<&str> {
        self.0.get(self.line(name)?)?.split(':').nth(number)
    }

    fn id(&self, name: &str) -> Option<u32> {
        self.field(name, 2)?.parse().ok()
    }

    /// Returns the first free id of the range that Buildroot uses.
    fn free(&self, wanted: UserId) -> u32 {
        let taken: Vec<u32> = self.0.iter().filter_map(|line| line.split(':').nth(2)?.parse().ok()).collect();
        let range = if matches!(wanted, UserId::FreeSystem) { 100..1000 } else { 1001..60_000 };
        range.into_iter().find(|id| !taken.contains(id)).unwrap_or(60_000)
    }

    fn replace(&mut self, name: &str, line: String) {
        match self.line(name).and_then(|at| self.0.get_mut(at)) {
            Some(present) => *present = line,
            None => self.0.push(line),
        }
    }

    fn set(&mut self, name: &str, number: usize, value: &str) {
        let Some(line) = self.line(name).and_then(|at| self.0.get(at)) else { return };
        let mut fields: Vec<&str> = line.split(':').collect();
        if let Some(field) = fields.get_mut(number) {
            *field = value;
        }
        let line = fields.join(":");
        self.replace(name, line);
    }

    fn add_member(&mut self, group: &str, user: &str) {
        let members = self.field(group, 3).unwrap_or_default();
        if members.split(',').any(|member| member == user) {
            return;
        }
        let members = if members.is_empty() { user.to_owned() } else { format!("{members},{user}") };
        self.set(group, 3, &members);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Database {
        Database { passwd: Table::parse(PASSWD), group: Table::parse(GROUP), shadow: Table::parse(SHADOW) }
    }

    #[test]
    fn users_get_free_ids_their_groups_and_an_encrypted_password() {
        let mut database = database();
        let table = "alice -1 alice -1 =secret /home/alice /bin/sh video,new A\nbob 1234 alice -1 * - - - B\n- -2 g -2 * - - - -\n";
        for user in User::parse_table(Path::new("t"), table).unwrap() {
            database.add(&user, "salt").unwrap();
        }
        let passwd = database.passwd.text();
        assert!(passwd.contains("alice:x:1001:1001:A:/home/alice:/bin/sh\n"), "{passwd}");
        assert!(passwd.contains("bob:x:1234:1001:B:/:/bin/false\n"), "{passwd}");
        let group = database.group.text();
        assert!(group.contains("video:x:44:alice\n") && group.contains("new:x:100:alice\n"), "{group}");
        assert!(group.contains("g:x:101:\n") && !passwd.contains("\n-:"), "{group}");
        let shadow = database.shadow.text();
        assert!(shadow.contains("alice:$6$") && shadow.contains("bob:*:"), "{shadow}");
        let hash = database.shadow.field("alice", 1).unwrap();
        assert!(sha_crypt::sha512_check("secret", hash).is_ok());
    }

    #[test]
    fn a_home_and_all_below_it_belong_to_its_user() {
        let owners = Owners(BTreeMap::from([(PathBuf::from("home/a"), (1, 2))]));
        assert_eq!(owners.of(Path::new("home/a/b/c")), (1, 2));
        assert_eq!(owners.of(Path::new("home/ab")), (0, 0));
    }
}
