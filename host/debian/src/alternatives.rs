//! Alternatives: `/etc/alternatives`, as `update-alternatives` sets it in automatic mode.

use std::collections::BTreeMap;

use crate::Error;
use crate::Kind;
use crate::TreePath;
use crate::change::Changes;
use crate::data::Block;
use crate::script::Command;
use crate::script::Script;
use crate::tree::Tree;

/// Alternatives of a system.
const MAX_ALTERNATIVES: usize = 10_000;

/// A link and what it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Link {
    link: TreePath,
    name: String,
    path: TreePath,
}

/// A candidate with its slaves.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    master: Link,
    priority: i64,
    slaves: Vec<Link>,
}

/// Makes the links of the alternatives of all scripts and data blocks. The highest priority wins, and the first candidate
/// among equals. Candidates whose file does not exist are left out, and so are manual pages.
pub(crate) fn link(
    tree: Tree<'_>,
    scripts: &mut [Script],
    blocks: &[&Block],
    changes: &mut Changes,
) -> Result<(), Error> {
    let mut candidates = Vec::new();
    for call in scripts.iter_mut().flat_map(|script| &mut script.calls) {
        if call.verb() == "update-alternatives"
            && let Some(read) = read(call)
        {
            candidates.extend(read);
            call.is_taken = true;
        }
    }
    for row in blocks.iter().flat_map(|block| &block.alternatives) {
        let master = Link::new(&row.link, &row.name, &row.path);
        candidates.extend(master.map(|master| Candidate { master, priority: row.priority, slaves: Vec::new() }));
    }
    if candidates.len() > MAX_ALTERNATIVES {
        return Err(Error::TooMany { what: "alternatives", limit: MAX_ALTERNATIVES });
    }
    let mut best: BTreeMap<String, Candidate> = BTreeMap::new();
    for candidate in candidates.into_iter().filter(|candidate| !candidate.master.is_manual()) {
        let is_better = best.get(&candidate.master.name).is_none_or(|other| other.priority < candidate.priority);
        if is_better && exists(tree, changes, &candidate.master.path)? {
            best.insert(candidate.master.name.clone(), candidate);
        }
    }
    for candidate in best.values() {
        for link in [&candidate.master].into_iter().chain(&candidate.slaves) {
            let is_file = tree.kind(&link.link)?.is_some_and(|kind| !matches!(kind, Kind::Link(_)));
            if is_file || !exists(tree, changes, &link.path)? {
                continue;
            }
            let chosen = TreePath::default().join("etc").join("alternatives").join(&link.name);
            changes.link(tree, &link.link, chosen.absolute())?;
            changes.link(tree, &chosen, link.path.absolute())?;
        }
    }
    Ok(())
}

fn exists(tree: Tree<'_>, changes: &Changes, path: &TreePath) -> Result<bool, Error> {
    Ok(tree.followed(path)?.is_some() || changes.makes(&tree.resolve(path)?))
}

impl Link {
    fn new(link: &str, name: &str, path: &str) -> Option<Self> {
        let is_name = !name.is_empty() && !name.contains('/') && name != "." && name != "..";
        let is_absolute = link.starts_with('/') && path.starts_with('/');
        match is_name && is_absolute {
            true => Some(Self { link: TreePath::parse(link)?, name: name.to_owned(), path: TreePath::parse(path)? }),
            false => None,
        }
    }

    fn is_manual(&self) -> bool {
        self.link.as_str().starts_with("usr/share/man/")
    }
}

/// Reads a command: the candidate that it installs, or none if it changes nothing at a first installation. Returns nothing
/// at all if the command cannot be read.
fn read(call: &Command) -> Option<Option<Candidate>> {
    let words = call.arguments()?;
    let mut words = words.into_iter();
    let mut candidate = None;
    while let Some(word) = words.next() {
        match word {
            "--install" => {
                let master = Link::new(words.next()?, words.next()?, words.next()?)?;
                candidate = Some(Candidate { master, priority: words.next()?.parse().ok()?, slaves: Vec::new() });
            }
            "--slave" => {
                let slave = Link::new(words.next()?, words.next()?, words.next()?)?;
                candidate.as_mut()?.slaves.extend(Some(slave).filter(|slave| !slave.is_manual()));
            }
            "--remove" | "--remove-all" | "--auto" | "--display" | "--query" | "--list" => return Some(None),
            "--quiet" | "--force" | "--verbose" | "--skip-auto" => {}
            "--admindir" | "--altdir" | "--log" => drop(words.next()?),
            _ => return None,
        }
    }
    candidate.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Change;
    use crate::testing::Memory;

    fn links(root: &Memory, script: &str) -> (Vec<String>, usize) {
        let mut scripts = [Script::read("a", Some(script)).0];
        let mut changes = Changes::default();
        link(Tree::new(root), &mut scripts, &[], &mut changes).unwrap();
        let shown = |change: Change| match change {
            Change::Link { path, target } => format!("{} {target}", path.as_str()),
            other => panic!("{other:?}"),
        };
        let open = scripts[0].calls.iter().filter(|call| !call.is_taken).count();
        (changes.finish().into_iter().map(shown).collect(), open)
    }

    #[test]
    fn the_highest_priority_wins_with_its_slaves() {
        let root = Memory::default()
            .link("sbin", "usr/sbin")
            .file("usr/sbin/tool-nft", "")
            .file("usr/sbin/tool-nft-save", "")
            .file("usr/sbin/tool-legacy", "")
            .file("usr/sbin/tool-legacy-save", "");
        let script = "update-alternatives \\\n --install /usr/sbin/tool tool /usr/sbin/tool-legacy 10 \\\n --slave \
                      /usr/sbin/tool-save tool-save /usr/sbin/tool-legacy-save\nupdate-alternatives --install \
                      /sbin/tool tool /usr/sbin/tool-nft 20 --slave /usr/sbin/tool-save tool-save \
                      /usr/sbin/tool-nft-save --slave /usr/share/man/man8/t.8.gz t.8.gz /usr/share/man/man8/n.8.gz\n\
                      update-alternatives --install /usr/sbin/tool tool /usr/sbin/none 99";
        let expected = [
            "etc/alternatives/tool /usr/sbin/tool-nft",
            "etc/alternatives/tool-save /usr/sbin/tool-nft-save",
            "usr/sbin/tool /etc/alternatives/tool",
            "usr/sbin/tool-save /etc/alternatives/tool-save",
        ];
        let (links, open) = links(&root, script);
        assert_eq!((links.as_slice(), open), (expected.map(str::to_owned).as_slice(), 0));
    }

    #[test]
    fn a_file_is_not_replaced_by_a_link() {
        let root = Memory::default().file("usr/bin/vi", "a file").file("usr/bin/vim", "").file("usr/bin/ex", "");
        let script = "update-alternatives --install /usr/bin/vi vi /usr/bin/vim 1";
        assert!(links(&root, script).0.is_empty());
    }

    #[test]
    fn commands_that_cannot_be_read_stay_open() {
        let root = Memory::default();
        assert_eq!(links(&root, "update-alternatives --remove x /y").1, 0);
        let open = "update-alternatives --install /a $(b) /c 1\nupdate-alternatives --install /a b/c /d 1\n\
                    update-alternatives --set x /y\nupdate-alternatives --install /a b /c high";
        assert_eq!(links(&root, open).1, 4);
    }
}
