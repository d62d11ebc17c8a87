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
        if !covered.iter().any(|row| row.covers(&command)) {
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
