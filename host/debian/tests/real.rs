//! Compares all changes with a system that Debian's own scripts configured.
//!
//! The test is ignored by default, because it needs three directories:
//!
//! - `SKIFF_DEBIAN_CHROOT`: a system that `mmdebstrap --variant=apt --include=NAMES bookworm CHROOT` installed, without
//!   recommended packages;
//! - `SKIFF_DEBIAN_TREE`: the packages of the same NAMES and what they depend on, unpacked into one merged `/usr` tree
//!   (`bin`, `sbin`, `lib`, `lib64` are links made before; `dpkg-deb --fsys-tarfile X.deb | tar -x --keep-directory-symlink`);
//! - `SKIFF_DEBIAN_CONTROL`: a directory for each of these packages, with its control files (`dpkg-deb -e X.deb NAME`).
//!
//! `cargo test --release -p skiff-debian --test real -- --ignored` runs it. Packages that only serve installations (dpkg,
//! apt, gnupg) are in the first system and need not be in the second: comparisons cover what the second one contains.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails says so by a panic"
)]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use skiff_debian::Change;
use skiff_debian::Configured;
use skiff_debian::Gap;
use skiff_debian::Ids;
use skiff_debian::Kind;
use skiff_debian::Package;
use skiff_debian::Root;
use skiff_debian::Wishes;
use skiff_debian::configure;

struct Directory(PathBuf);

impl Root for Directory {
    fn read(&self, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let path = self.0.join(path);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() && metadata.len() <= limit => fs::read(&path).map(Some),
            Ok(metadata) if metadata.is_file() => Err(io::ErrorKind::FileTooLarge.into()),
            _ => Ok(None),
        }
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let Ok(entries) = fs::read_dir(self.0.join(dir)) else { return Ok(Vec::new()) };
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn kind(&self, path: &str) -> io::Result<Option<Kind>> {
        let path = self.0.join(path);
        Ok(match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => Some(Kind::File),
            Ok(metadata) if metadata.is_dir() => Some(Kind::Directory),
            Ok(metadata) if metadata.is_symlink() => Some(Kind::Link(fs::read_link(&path)?.to_string_lossy().into())),
            Ok(_) => Some(Kind::Other),
            Err(_) => None,
        })
    }
}

fn directory(name: &str) -> PathBuf {
    std::env::var_os(name).unwrap_or_else(|| panic!("the variable {name} is not set; see the top of this test")).into()
}

fn packages() -> Vec<Package> {
    let control = directory("SKIFF_DEBIAN_CONTROL");
    let mut packages: Vec<Package> = fs::read_dir(&control)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| Package {
            name: entry.file_name().to_string_lossy().into_owned(),
            postinst: fs::read(entry.path().join("postinst")).ok().map(|text| String::from_utf8_lossy(&text).into()),
        })
        .collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    packages
}

fn configured() -> Configured {
    let tree = Directory(directory("SKIFF_DEBIAN_TREE"));
    configure(&tree, &packages(), &Ids::default(), &Wishes::default()).unwrap()
}

fn files<'c>(configured: &'c Configured) -> BTreeMap<&'c str, &'c [u8]> {
    let file = |change: &'c Change| match change {
        Change::File { path, bytes, .. } => Some((path.as_str(), bytes.as_slice())),
        _ => None,
    };
    configured.changes.iter().filter_map(file).collect()
}

fn links<'c>(configured: &'c Configured, below: &str) -> BTreeMap<&'c str, &'c str> {
    let link = |change: &'c Change| match change {
        Change::Link { path, target } => Some((path.as_str(), target.as_str())),
        _ => None,
    };
    configured.changes.iter().filter_map(link).filter(|(path, _)| path.starts_with(below)).collect()
}

/// Reads the links below a directory of the installed system.
fn real_links(chroot: &Path, below: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(chroot.join(below)).unwrap().map(|entry| entry.unwrap()) {
        let path = format!("{below}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            real_links(chroot, &path, found);
        } else if entry.file_type().unwrap().is_symlink() {
            found.insert(path, fs::read_link(entry.path()).unwrap().to_string_lossy().into_owned());
        }
    }
}

/// Rows of a database of users or groups without numbers that a machine chooses; groups are shown by name.
fn rows(passwd: &str, group: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let names: BTreeMap<&str, &str> =
        group.lines().map(|line| line.split(':').collect::<Vec<_>>()).map(|row| (row[2], row[0])).collect();
    let number =
        |id: &str| if (100..1000).contains(&id.parse::<u32>().unwrap()) { "chosen".to_owned() } else { id.to_owned() };
    let user = |line: &str| {
        let row: Vec<&str> = line.split(':').collect();
        format!("{}:{}:{}:{}", row[0], number(row[2]), names.get(row[3]).copied().unwrap_or(row[3]), row[4..].join(":"))
    };
    let groups = group.lines().map(|line| line.split(':').collect::<Vec<_>>());
    (
        passwd.lines().map(user).collect(),
        groups.map(|row| format!("{}:{}:{}", row[0], number(row[2]), row[3])).collect(),
    )
}

#[test]
#[ignore = "needs an installed system and its packages; the top of this file says how to make them"]
fn users_and_groups_are_those_of_an_installation() {
    let (chroot, configured) = (directory("SKIFF_DEBIAN_CHROOT"), configured());
    let files = files(&configured);
    let own = |path: &str| String::from_utf8(files[path].to_vec()).unwrap();
    let real = |path: &str| fs::read_to_string(chroot.join(path)).unwrap();
    let (users, groups) = rows(&own("etc/passwd"), &own("etc/group"));
    let (real_users, real_groups) = rows(&real("etc/passwd"), &real("etc/group"));
    assert_eq!(users, real_users);
    assert_eq!(groups, real_groups);
    assert_eq!(own("etc/shadow").lines().count(), users.len());
    assert_eq!(own("etc/gshadow").lines().count(), groups.len());
}

#[test]
#[ignore = "needs an installed system and its packages; the top of this file says how to make them"]
fn units_are_those_of_an_installation_but_for_the_rules() {
    let (chroot, tree) = (directory("SKIFF_DEBIAN_CHROOT"), directory("SKIFF_DEBIAN_TREE"));
    let configured = configured();
    let mut real = BTreeMap::new();
    real_links(&chroot, "etc/systemd", &mut real);
    let mut own: BTreeMap<String, String> =
        links(&configured, "etc/systemd").into_iter().map(|(path, target)| (path.into(), target.into())).collect();
    let masked: BTreeSet<String> =
        own.iter().filter(|(_, target)| *target == "/dev/null").map(|(path, _)| path.clone()).collect();
    own.retain(|path, _| !masked.contains(path));
    // Both systems have one /usr. Units of packages that the tree lacks, and masked ones, do not count.
    let is_masked = |path: &str| masked.iter().any(|mask| mask.rsplit('/').next() == path.rsplit('/').next());
    let real: BTreeMap<String, String> = real
        .into_iter()
        .map(|(path, target)| (path, if target.starts_with("/lib/") { format!("/usr{target}") } else { target }))
        .filter(|(path, target)| tree.join(target.trim_start_matches('/')).exists() && !is_masked(path))
        .collect();
    assert_eq!(own, real);
    assert!(masked.contains("etc/systemd/system/e2scrub_all.timer"), "{masked:?}");
}

#[test]
#[ignore = "needs an installed system and its packages; the top of this file says how to make them"]
fn alternatives_are_those_of_an_installation() {
    let (chroot, tree) = (directory("SKIFF_DEBIAN_CHROOT"), directory("SKIFF_DEBIAN_TREE"));
    let configured = configured();
    let mut real = BTreeMap::new();
    real_links(&chroot, "etc/alternatives", &mut real);
    real.retain(|path, target| {
        !target.contains("/man/") && !path.ends_with(".gz") && tree.join(target.trim_start_matches('/')).exists()
    });
    let own: BTreeMap<String, String> =
        links(&configured, "etc/alternatives").into_iter().map(|(path, target)| (path.into(), target.into())).collect();
    assert_eq!(own, real);
    for (path, target) in
        links(&configured, "usr/").into_iter().filter(|(_, target)| target.starts_with("/etc/alternatives/"))
    {
        assert_eq!(fs::read_link(chroot.join(path)).unwrap(), Path::new(target), "{path}");
    }
}

#[test]
#[ignore = "needs an installed system and its packages; the top of this file says how to make them"]
fn written_files_are_those_of_an_installation() {
    let (chroot, configured) = (directory("SKIFF_DEBIAN_CHROOT"), configured());
    let files = files(&configured);
    for kind in ["auth", "account", "password", "session", "session-noninteractive"] {
        let path = format!("etc/pam.d/common-{kind}");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(files[path.as_str()]), text(&fs::read(chroot.join(&path)).unwrap()), "{path}");
    }
    let certificates = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.split_inclusive("-----END CERTIFICATE-----\n").map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let bundle = "etc/ssl/certs/ca-certificates.crt";
    assert_eq!(certificates(files[bundle]), certificates(&fs::read(chroot.join(bundle)).unwrap()));
    for path in ["etc/nsswitch.conf", "etc/profile", "etc/motd", "root/.profile", "root/.bashrc", "etc/ssh/sshd_config"]
    {
        assert_eq!(files[path], fs::read(chroot.join(path)).unwrap(), "{path}");
    }
}

#[test]
#[ignore = "needs an installed system and its packages; the top of this file says how to make them"]
fn owners_and_modes_are_those_of_an_installation() {
    use std::os::unix::fs::MetadataExt as _;

    let (chroot, configured) = (directory("SKIFF_DEBIAN_CHROOT"), configured());
    let names = |text: &str| -> BTreeMap<u32, String> {
        let rows = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
        rows.map(|row| (row[2].parse().unwrap(), row[0].to_owned())).collect()
    };
    let own = files(&configured);
    let own_names = |path: &str| names(std::str::from_utf8(own[path]).unwrap());
    let real_names = |path: &str| names(&fs::read_to_string(chroot.join(path)).unwrap());
    let (users, groups) = (own_names("etc/passwd"), own_names("etc/group"));
    let (real_users, real_groups) = (real_names("etc/passwd"), real_names("etc/group"));
    let mut different = Vec::new();
    for change in &configured.changes {
        let (path, owner, mode) = match change {
            Change::Folder { path, owner, mode } | Change::Owner { path, owner, mode } => (path, owner, mode),
            Change::File { path, owner, mode, .. } => (path, owner, mode),
            Change::Link { .. } => continue,
        };
        let Ok(metadata) = fs::symlink_metadata(chroot.join(path.as_str())) else {
            different.push(format!("{path} is not there"));
            continue;
        };
        let shown = format!("{}:{} {mode:04o}", users[&owner.uid], groups[&owner.gid]);
        let real = format!(
            "{}:{} {:04o}",
            real_users[&metadata.uid()],
            real_groups[&metadata.gid()],
            metadata.mode() & 0o7777
        );
        if shown != real {
            different.push(format!("{path}: {shown}, installed: {real}"));
        }
    }
    assert_eq!(different, expected_differences(), "{different:#?}");
}

/// Differences that are on purpose.
fn expected_differences() -> Vec<String> {
    // Files of skiff's own. The installed ping has a capability instead of a mode.
    let own = [
        "/etc/.updated is not there",
        "/etc/default/locale is not there",
        "/etc/machine-id: root:root 0444, installed: root:root 0644",
        "/mnt/persist is not there",
        "/usr/bin/ping: root:root 4755, installed: root:root 0755",
        "/var/.updated is not there",
    ];
    own.map(str::to_owned).to_vec()
}

#[test]
#[ignore = "needs an installed system and its packages; the top of this file says how to make them"]
fn no_command_is_left_open() {
    let gaps: Vec<String> = configured().gaps.iter().map(Gap::to_string).collect();
    assert!(gaps.is_empty(), "{gaps:#?}");
}
