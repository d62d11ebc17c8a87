//! Users tables beside Buildroot's own script, `support/scripts/mkusers`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use skiff_build::prebuilt::Accounts;
use skiff_plan::User;
use skiff_plan::UserError;
use skiff_plan::UserFault;

const PASSWD: &str =
    "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nnobody:x:65534:65534:n:/:/bin/false\n";
const GROUP: &str = "root:x:0:\ndaemon:x:1:\nvideo:x:28:\naudio:x:29:daemon\nwheel:x:10:root\nnobody:x:65534:\n";
const SHADOW: &str = "root::::::::\ndaemon:*:::::::\nnobody:*:::::::\n";

/// Tables that are tried; `SKIFF_TEST_TABLES` asks for more.
const TABLES: usize = 3000;

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }

    fn of<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[self.below(words.len())]
    }

    /// One of some words most of the time, and one of others otherwise.
    fn mostly<'w>(&mut self, usual: &[&'w str], odd: &[&'w str]) -> &'w str {
        match self.below(12) {
            0 => self.of(odd),
            _ => self.of(usual),
        }
    }

    fn line(&mut self) -> String {
        const NAMES: [&str; 8] = ["alice", "bob", "User1", "john.doe", "_svc", "a-b", "daemon", "x"];
        const GROUPS: [&str; 8] = ["alice", "team", "Users", "video", "audio", "wheel", "plug.dev", "kvm"];
        let name = match self.below(4) {
            0 => "-",
            _ => self.mostly(&NAMES, &["root", "1a", "a/b", "ä", "a:b", "", "a$"]),
        };
        let ids = ["-1", "-2", "-1", "-2", "100", "500", "1000", "1001", "28", "50"];
        let odd = ["-", "0", "-3", "x", "", "010", "+5", "4294967296", "99999999999999999999"];
        let (uid, gid) = (self.mostly(&ids, &odd), self.mostly(&ids, &odd));
        let uid = if name == "-" && self.below(2) == 0 { "-" } else { uid };
        let group = self.mostly(&GROUPS, &["-", "1g", "g/h", "g:h", ""]);
        let password =
            self.mostly(&["*", "-", "!", "=pw", "!=pw", "=", "=a:b", "$6$x$y", "=a=b"], &["a:b", "=a#b", "x"]);
        let home =
            self.mostly(&["-", "/home/a", "/srv/x/", "/home/john.doe"], &["/", "rel", "/../x", "//", "", "/a:b"]);
        let shell = self.mostly(&["-", "/bin/sh", "/bin/bash"], &["sh", "a:b"]);
        let more = self.mostly(
            &["-", "-", "video", "audio,kvm", "team,,wheel,", "plug.dev", "alice,bob"],
            &[",", "a:b", "*", "-,x", "1g"],
        );
        let comment = self.mostly(&["", "A user", "two  blanks", "x # comment", "-", "ünï"], &["a:b", "tab\there"]);
        let fields = [name, uid, group, gid, password, home, shell, more, comment];
        let count = if self.below(8) == 0 { 1 + self.below(9) } else { 9 };
        let blank = self.of(&[" ", " ", "\t", "  "]);
        let line = fields.into_iter().take(count).collect::<Vec<_>>().join(blank);
        match self.below(16) {
            0 => format!("# {line}"),
            1 => format!("  {line}  "),
            2 => format!("{line}#x"),
            3 => String::new(),
            _ => line,
        }
    }
}

/// What Buildroot makes of a table, or nothing when it fails.
struct Buildroot {
    script: PathBuf,
    folder: tempfile::TempDir,
    path: String,
}

impl Buildroot {
    fn new(tree: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // Encrypts so that the result can be compared.
        let stand_in = folder.path().join("bin/mkpasswd");
        fs::create_dir_all(folder.path().join("bin")).expect("a folder");
        fs::write(&stand_in, "#!/bin/sh\necho \"{$3}\"\n").expect("a file");
        fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).expect("a program");
        fs::write(folder.path().join("config"), "BR2_TARGET_GENERIC_PASSWD_METHOD=\"sha-512\"\n").expect("a file");
        let path = format!("{}:{}", folder.path().join("bin").display(), std::env::var("PATH").unwrap_or_default());
        Self { script: Path::new(tree).join("support/scripts/mkusers"), folder, path }
    }

    fn accounts(&self, table: &str) -> Option<Accounts> {
        let root = self.folder.path();
        let etc = root.join("target/etc");
        fs::create_dir_all(&etc).expect("a folder");
        for (name, text) in [("passwd", PASSWD), ("group", GROUP), ("shadow", SHADOW)] {
            fs::write(etc.join(name), text).expect("a file");
        }
        fs::write(root.join("table"), table).expect("a file");
        let mut bash = Command::new("bash");
        bash.arg(&self.script).arg(root.join("table")).arg(root.join("target"));
        let ran = bash.env("BR2_CONFIG", root.join("config")).env("PATH", &self.path).current_dir(root).output();
        let read = |name: &str| String::from_utf8_lossy(&fs::read(etc.join(name)).expect("a file")).into_owned();
        let ran = ran.expect("bash runs");
        ran.status.success().then(|| Accounts { passwd: read("passwd"), group: read("group"), shadow: read("shadow") })
    }
}

/// Lines as a set; the members of a group, too, since mkusers moves them and leaves commas behind.
fn lines(text: &str) -> BTreeSet<String> {
    let members = |line: &str| match line.split(':').collect::<Vec<_>>().as_slice() {
        [name, x, id, members] => {
            let members: BTreeSet<&str> = members.split(',').filter(|member| !member.is_empty()).collect();
            format!("{name}:{x}:{id}:{members:?}")
        }
        _ => line.to_owned(),
    };
    text.lines().map(members).collect()
}

/// Shadow lines without hashes: whoever has a password that was encrypted has some.
fn locked(text: &str) -> BTreeSet<String> {
    let line = |line: &str| {
        let mut fields: Vec<&str> = line.split(':').collect();
        let hash = fields[1].trim_start_matches('!');
        if hash.starts_with('{') || hash.starts_with("$6$salt$") {
            fields[1] = if fields[1].starts_with('!') { "!encrypted" } else { "encrypted" };
        }
        // A plain password with a colon stands in the stand-in's output as it is.
        format!("{}:{}", fields[0], fields[1])
    };
    text.lines().map(line).collect()
}

/// What skiff refuses although mkusers ends well: it leaves the user out, or writes what no program reads.
fn may_be_refused(error: &UserError) -> bool {
    match &error.fault {
        // `mkusers` goes on without the user or the group, or with an id that is none.
        UserFault::Missing(_) | UserFault::Id { .. } => true,
        // Names that its own patterns, or programs of the target, take for something else.
        UserFault::Name { .. } | UserFault::Control | UserFault::Colon(_) => true,
        // Outside of the target, or all of it.
        UserFault::Home(home) => home.contains("..") || home.trim_matches('/').is_empty(),
        UserFault::Password => true,
        UserFault::Root => false,
    }
}

#[test]
fn random_tables_come_to_what_mkusers_makes_of_them() {
    let tree = std::env::var("SKIFF_TEST_BUILDROOT").expect("SKIFF_TEST_BUILDROOT names a Buildroot tree");
    let tables = std::env::var("SKIFF_TEST_TABLES").ok().and_then(|count| count.parse().ok()).unwrap_or(TABLES);
    let buildroot = Buildroot::new(&tree);
    let base = Accounts { passwd: PASSWD.into(), group: GROUP.into(), shadow: SHADOW.into() };
    let mut random = Random(13);
    let (mut same, mut refused, mut stricter) = (0, 0, 0);
    for _ in 0..tables {
        let table: String = (0..=random.below(3)).map(|_| random.line() + "\n").collect();
        let theirs = buildroot.accounts(&table);
        let ours = match User::parse_table(Path::new("t"), &table) {
            Err(error) => Err((error.to_string(), may_be_refused(&error))),
            Ok(users) => base.with_users(&users, |_| "salt".into()).map_err(|error| {
                let text = error.to_string();
                // Lines that make only groups are not checked by mkusers: the last id counts, or two groups have one.
                let groups = text.contains("another line gives the group") || text.contains("the group `");
                (text, groups)
            }),
        };
        match (ours, theirs) {
            (Ok(ours), Some(theirs)) => {
                same += 1;
                assert_eq!(lines(&ours.passwd), lines(&theirs.passwd), "{table}");
                assert_eq!(lines(&ours.group), lines(&theirs.group), "{table}");
                assert_eq!(locked(&ours.shadow), locked(&theirs.shadow), "{table}");
            }
            (Err(_), None) => refused += 1,
            (Err((_, true)), Some(_)) => stricter += 1,
            (Err((error, false)), Some(_)) => panic!("mkusers takes what skiff refuses: {error}\n{table}"),
            (Ok(_), None) => panic!("mkusers refuses what skiff takes:\n{table}"),
        }
    }
    println!("{same} tables the same, {refused} refused by both, {stricter} by skiff only");
    assert!(same > tables / 5, "{same} of {tables} say something");
}
