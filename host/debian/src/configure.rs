use crate::Error;
use crate::Package;
use crate::Root;
use crate::TreePath;
use crate::account;
use crate::account::Ids;
use crate::alternatives;
use crate::blocks;
use crate::certificates;
use crate::change::Change;
use crate::change::Changes;
use crate::data::Block;
use crate::data::Data;
use crate::gap::Gap;
use crate::libraries;
use crate::overrides;
use crate::pam;
use crate::script::Script;
use crate::tree::Tree;
use crate::unit;
use crate::wishes::UnitRule;
use crate::wishes::Wishes;

/// Packages of a target. Debian 12 has about 64,000 in all.
const MAX_PACKAGES: usize = 20_000;

/// The configuration of a tree of packages.
#[derive(Debug, PartialEq, Eq)]
pub struct Configured {
    /// The changes: at most one for each path, a directory before what it contains.
    pub changes: Vec<Change>,
    /// All numbers that were chosen for users and groups, to be recorded.
    pub ids: Ids,
    /// What is not carried out.
    pub gaps: Vec<Gap>,
}

/// Determines what the maintainer scripts of `packages` would have changed in a tree of unpacked packages.
///
/// `packages` are in the order in which they would be installed, and `ids` are the numbers of the last build. Equal
/// arguments give equal changes.
///
/// # Errors
/// The tree cannot be read or exceeds a limit, or numbers of users contradict each other. Scripts that cannot be read are
/// gaps, not errors.
pub fn configure(root: &dyn Root, packages: &[Package], ids: &Ids, wishes: &Wishes) -> Result<Configured, Error> {
    if packages.len() > MAX_PACKAGES {
        return Err(Error::TooMany { what: "packages", limit: MAX_PACKAGES });
    }
    let (tree, data) = (Tree::new(root), Data::read()?);
    let distribution = distribution(tree)?;
    let (mut scripts, mut gaps) = (Vec::new(), Vec::new());
    for package in packages {
        let (script, gap) = Script::read(&package.name, package.postinst.as_deref());
        scripts.push(script);
        gaps.extend(gap);
    }
    let of_packages = packages.iter().flat_map(|package| data.of(&package.name, &distribution));
    let blocks: Vec<&Block> = [&data.system].into_iter().chain(of_packages).collect();
    let mut changes = Changes::default();

    let (accounts, ids) = account::create(tree, &mut scripts, ids, wishes.root_shell.as_deref())?;
    account::write(tree, &accounts, &mut changes)?;
    let rules = data.units.iter().map(|row| UnitRule { action: row.action, pattern: row.unit.clone() });
    let rules: Vec<UnitRule> = rules.chain(wishes.units.iter().cloned()).collect();
    gaps.extend(unit::enable(tree, &unit::requests(&mut scripts), &rules, &mut changes)?);
    alternatives::link(tree, &mut scripts, &blocks, &mut changes)?;
    pam::write(tree, &mut scripts, &mut changes)?;
    certificates::write(tree, &mut scripts, &mut changes)?;
    overrides::apply(tree, &mut scripts, &accounts, &mut changes)?;
    for block in &blocks {
        blocks::apply(tree, block, &accounts, &mut changes)?;
    }
    gaps.extend(libraries::gaps(tree)?);
    gaps.extend(scripts.iter().flat_map(|script| open_commands(script, data, &distribution)));
    gaps.sort();
    gaps.dedup();
    Ok(Configured { changes: changes.finish(), ids, gaps })
}

/// Returns the commands of a watched kind that nothing carried out.
fn open_commands(script: &Script, data: &Data, distribution: &str) -> Vec<Gap> {
    let covered: Vec<_> = data.of(&script.package, distribution).flat_map(|block| &block.covered).collect();
    let mut gaps = Vec::new();
    for call in script.calls.iter().filter(|call| !call.is_taken) {
        let Some(topic) = data.verbs.get(call.verb()).copied() else { continue };
        let command = call.text();
        // Paths of programs contain the architecture.
        let (_, arguments) = command.split_once(' ').unwrap_or((&command, ""));
        let short = format!("{} {arguments}", call.verb());
        if !covered.iter().any(|row| row.covers(&command) || row.covers(&short)) {
            gaps.push(Gap::Command { package: script.package.clone(), line: call.line, topic, command });
        }
    }
    gaps
}

/// Returns `ID` of os-release, or an empty text.
fn distribution(tree: Tree<'_>) -> Result<String, Error> {
    let path = TreePath::parse("usr/lib/os-release").unwrap_or_default();
    let text = tree.text(&path, 64 << 10)?.unwrap_or_default();
    let id = text.lines().find_map(|line| line.strip_prefix("ID="));
    Ok(id.unwrap_or_default().trim_matches(['"', '\'']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Owner;
    use crate::testing::Memory;

    fn tree() -> Memory {
        Memory::default()
            .link("bin", "usr/bin")
            .file("usr/lib/os-release", "NAME=x\nID=\"debian\"\n")
            .file("usr/share/base-passwd/passwd.master", "root:*:0:0:root:/root:/bin/bash\nman:*:6:12:man:/m:/n\n")
            .file(
                "usr/share/base-passwd/group.master",
                "root:*:0:\nman:*:12:\nshadow:*:42:\nmail:*:8:\nnogroup:*:65534:\n",
            )
            .file("usr/lib/sysusers.d/bus.conf", "u messagebus - \"Bus\"\n")
            .file("usr/share/base-files/profile", "a profile")
            .file("usr/bin/fusermount3", "")
            .file("usr/bin/helper", "")
    }

    fn packages(scripts: &[(&str, &str)]) -> Vec<Package> {
        let package = |(name, text): &(&str, &str)| Package { name: (*name).into(), postinst: Some((*text).into()) };
        scripts.iter().map(package).collect()
    }

    fn configured(scripts: &[(&str, &str)], ids: &Ids) -> Configured {
        configure(&tree(), &packages(scripts), ids, &Wishes::default()).unwrap()
    }

    fn change<'c>(configured: &'c Configured, path: &str) -> Option<&'c Change> {
        configured.changes.iter().find(|change| change.path().as_str() == path)
    }

    fn text(configured: &Configured, path: &str) -> String {
        match change(configured, path) {
            Some(Change::File { bytes, .. }) => String::from_utf8(bytes.clone()).unwrap(),
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn users_and_groups_get_stable_numbers() {
        let script =
            [("d", "addgroup --system docker\nadduser --system --group new"), ("g", "addgroup --system docker")];
        let first = configured(&script, &Ids::default());
        assert_eq!(
            text(&first, "etc/passwd"),
            "root:x:0:0:root:/root:/bin/bash\nman:x:6:12:man:/m:/n\nmessagebus:x:911:911:Bus:/:/usr/sbin/nologin\n\
             new:x:999:999::/nonexistent:/usr/sbin/nologin\n"
        );
        assert!(text(&first, "etc/group").ends_with("docker:x:905:\nmessagebus:x:911:\nnew:x:999:\n"));
        assert!(text(&first, "etc/shadow").starts_with("root:*:::::::\n"));
        let shadow = Owner { uid: 0, gid: 42 };
        assert!(
            matches!(change(&first, "etc/shadow"), Some(Change::File { owner, mode: 0o640, .. }) if *owner == shadow)
        );
        let more = [("a", "addgroup --system another"), ("d", script[0].1)];
        let second = configured(&more, &first.ids);
        assert!(text(&second, "etc/group").ends_with("another:x:998:\ndocker:x:905:\nmessagebus:x:911:\nnew:x:999:\n"));
    }

    #[test]
    fn owners_come_from_scripts_and_from_data() {
        let script = "U=messagebus\nif ! dpkg-statoverride --list /bin/helper >/dev/null; then\n dpkg-statoverride \
                      --update --add root \"$U\" 4754 /bin/helper\nfi";
        let configured = configured(&[("dbus", script), ("fuse3", "chmod 4755 /bin/fusermount3")], &Ids::default());
        let helper = change(&configured, "usr/bin/helper");
        assert!(matches!(helper, Some(Change::Owner { owner, mode: 0o4754, .. }) if owner.gid == 911), "{helper:?}");
        assert!(matches!(change(&configured, "usr/bin/fusermount3"), Some(Change::Owner { mode: 0o4755, .. })));
        assert_eq!(configured.gaps, []);
    }

    #[test]
    fn files_of_data_are_written_where_nothing_is() {
        let configured = configured(&[("base-files", "")], &Ids::default());
        assert_eq!(text(&configured, "etc/profile"), "a profile");
        assert_eq!(text(&configured, "etc/machine-id"), "");
        assert_eq!(change(&configured, "etc/motd"), None, "the tree has no such default");
        assert!(matches!(change(&configured, "var/run"), Some(Change::Link { target, .. }) if target == "/run"));
        let with_profile = tree().file("etc/profile", "own");
        let changes = configure(&with_profile, &packages(&[("base-files", "")]), &Ids::default(), &Wishes::default());
        assert_eq!(changes.unwrap().changes.iter().find(|change| change.path().as_str() == "etc/profile"), None);
    }

    #[test]
    fn what_nothing_carries_out_is_a_gap() {
        let script = "set -e\nif [ \"$1\" = configure ]; then\n mkdir -p \\\n  /var/lib/x\n ldconfig\n chown $(id -u) \
                      /x\nfi\n[ -n \"$2\" ] && cp a b";
        let perl = ("p", "#!/usr/bin/perl\n");
        let gaps = configured(&[("x", script), perl, ("open", "if x")], &Ids::default()).gaps;
        assert_eq!(
            gaps.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "x postinst:3: file not carried out: mkdir -p /var/lib/x",
                "x postinst:6: owner not carried out: chown $(id -u) /x",
                "open postinst: line 1: expected then",
                "p postinst: its interpreter is `/usr/bin/perl`; skiff reads scripts of sh, bash and dash",
            ]
        );
    }

    #[test]
    fn layers_choose_the_shell_of_root_and_the_units() {
        let root = tree().file("usr/lib/systemd/system/a.service", "[Install]\nWantedBy=b.target");
        let wishes = Wishes { units: vec!["enable a".parse().unwrap()], root_shell: Some("/bin/zsh".into()) };
        let configured = configure(&root, &[], &Ids::default(), &wishes).unwrap();
        assert!(text(&configured, "etc/passwd").starts_with("root:x:0:0:root:/root:/bin/zsh\n"));
        assert!(change(&configured, "etc/systemd/system/b.target.wants/a.service").is_some());
    }
}
