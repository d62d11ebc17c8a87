//! What skiff knows about single packages: YAML files, embedded from `data/`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::de::Error as _;

use crate::Error;
use crate::gap::Topic;
use crate::wishes::UnitAction;

/// All data files.
#[derive(Debug)]
pub(crate) struct Data {
    /// Numbers of users and groups whose packages fix none.
    pub(crate) ids: BTreeMap<String, u32>,
    /// Units that skiff treats in another way than their packages do.
    pub(crate) units: Vec<UnitRow>,
    /// Commands that are gaps if nothing carries them out.
    pub(crate) verbs: BTreeMap<String, Topic>,
    /// What every system has.
    pub(crate) system: Block,
    /// What packages have.
    pub(crate) packages: Vec<Block>,
}

/// A rule for units.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnitRow {
    pub(crate) unit: String,
    pub(crate) action: UnitAction,
    #[expect(dead_code, reason = "the reason is for readers of the file; the reader checks that there is one")]
    because: String,
}

/// The configuration of a package, or of every system.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Block {
    /// The package; empty in the block of every system.
    pub(crate) package: String,
    /// `ID` of os-release; empty for all distributions.
    pub(crate) distributions: Vec<String>,
    /// Files that are copied to a path where nothing is.
    pub(crate) copies: Vec<Copied>,
    /// Directories.
    pub(crate) folders: Vec<Owned>,
    /// Files that are written where nothing is.
    pub(crate) files: Vec<Written>,
    /// Links that replace an empty directory or a link.
    pub(crate) links: Vec<Linked>,
    /// Owners and modes of existing paths.
    pub(crate) owners: Vec<Owned>,
    /// Alternatives that the script computes.
    pub(crate) alternatives: Vec<AlternativeRow>,
    /// Commands that need nothing, or that this block carries out.
    pub(crate) covered: Vec<Covered>,
}

/// A copy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Copied {
    pub(crate) from: String,
    pub(crate) to: String,
}

/// Owner and mode of a path.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Owned {
    pub(crate) path: String,
    pub(crate) mode: Mode,
    #[serde(default = "root")]
    pub(crate) user: String,
    #[serde(default = "root")]
    pub(crate) group: String,
}

/// A file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    pub(crate) path: String,
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) mode: Mode,
    #[serde(default = "root")]
    pub(crate) user: String,
    #[serde(default = "root")]
    pub(crate) group: String,
}

/// A link.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Linked {
    pub(crate) path: String,
    pub(crate) target: String,
    /// The link is made only if this path exists.
    #[serde(default)]
    pub(crate) needs: Option<String>,
}

/// An alternative.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlternativeRow {
    pub(crate) link: String,
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) priority: i64,
}

/// Commands that are not gaps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Covered {
    /// The first words of the commands, as messages show them.
    pub(crate) command: String,
    #[expect(dead_code, reason = "the reason is for readers of the file; the reader checks that there is one")]
    because: String,
}

impl Covered {
    /// Returns whether a command begins with these words.
    pub(crate) fn covers(&self, command: &str) -> bool {
        command.strip_prefix(&self.command).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    }
}

/// Permissions, written as an octal text (`"0755"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mode(pub(crate) u32);

impl Default for Mode {
    fn default() -> Self {
        Self(0o644)
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        mode(&text).map(Self).ok_or_else(|| D::Error::custom(format!("`{text}` is not an octal mode such as \"0755\"")))
    }
}

/// Reads an octal mode.
pub(crate) fn mode(text: &str) -> Option<u32> {
    let is_octal = (3..=5).contains(&text.len()) && text.chars().all(|c| c.is_digit(8));
    u32::from_str_radix(text, 8).ok().filter(|mode| is_octal && *mode <= 0o7777)
}

fn root() -> String {
    "root".into()
}

const IDS: &str = include_str!("../data/ids.yaml");
const UNITS: &str = include_str!("../data/units.yaml");
const VERBS: &str = include_str!("../data/verbs.yaml");
const SYSTEM: &str = include_str!("../data/system.yaml");
const PACKAGES: &str = include_str!("../data/packages.yaml");

/// The texts of the data: other texts give other systems.
pub const DATA: [&str; 5] = [IDS, UNITS, VERBS, SYSTEM, PACKAGES];

type Failure = (&'static str, String);

impl Data {
    /// Returns the data.
    ///
    /// # Errors
    /// A data file has a mistake; a test of this crate excludes it.
    pub(crate) fn read() -> Result<&'static Self, Error> {
        static DATA: OnceLock<Result<Data, Failure>> = OnceLock::new();
        let data = DATA.get_or_init(Self::parse).as_ref();
        data.map_err(|(file, message)| Error::Data { file, message: message.clone() })
    }

    fn parse() -> Result<Self, Failure> {
        Ok(Self {
            ids: yaml("data/ids.yaml", IDS)?,
            units: yaml("data/units.yaml", UNITS)?,
            verbs: yaml("data/verbs.yaml", VERBS)?,
            system: yaml("data/system.yaml", SYSTEM)?,
            packages: yaml("data/packages.yaml", PACKAGES)?,
        })
    }

    /// Returns the blocks of a package for a distribution.
    pub(crate) fn of<'d>(&'d self, package: &'d str, distribution: &'d str) -> impl Iterator<Item = &'d Block> {
        let is_for = move |block: &&Block| {
            let distributions = &block.distributions;
            block.package == package && (distributions.is_empty() || distributions.iter().any(|id| id == distribution))
        };
        self.packages.iter().filter(is_for)
    }
}

fn yaml<T: DeserializeOwned>(file: &'static str, text: &str) -> Result<T, Failure> {
    serde_yaml::from_str(text).map_err(|error| (file, error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::TreePath;

    #[test]
    fn all_data_files_are_read() {
        let data = Data::read().unwrap();
        let numbers: BTreeSet<&u32> = data.ids.values().collect();
        assert_eq!(numbers.len(), data.ids.len(), "a number is in ids.yaml twice");
        assert!(numbers.iter().all(|id| (900..950).contains(*id)), "{numbers:?}");
        assert!(data.packages.iter().all(|block| !block.package.is_empty()));
        assert!(data.system.package.is_empty() && data.system.distributions.is_empty());
    }

    #[test]
    fn all_paths_are_absolute_and_plain() {
        let data = Data::read().unwrap();
        for block in data.packages.iter().chain([&data.system]) {
            let copies = block.copies.iter().flat_map(|copy| [&copy.from, &copy.to]);
            let owned = block.folders.iter().chain(&block.owners).map(|owned| &owned.path);
            let written = block.files.iter().map(|file| &file.path);
            let links = block.links.iter().map(|link| &link.path);
            let alternatives = block.alternatives.iter().flat_map(|row| [&row.link, &row.path]);
            for path in copies.chain(owned).chain(written).chain(links).chain(alternatives) {
                assert_eq!(TreePath::parse(path).unwrap().absolute(), *path, "{}", block.package);
            }
        }
    }

    #[test]
    fn unknown_keys_and_modes_are_errors() {
        let read = yaml::<Vec<Block>>;
        for text in ["[{package: a, copy: []}]", "[{owners: [{path: /a, mode: '98'}]}]", "[{covered: [{command: a}]}]"]
        {
            assert!(read("x", text).is_err(), "{text}");
        }
        assert_eq!(mode("4755"), Some(0o4755));
        assert_eq!(mode("u+s"), None);
    }

    #[test]
    fn a_block_of_another_distribution_is_left_out() {
        let data = Data {
            packages: yaml("x", "[{package: a, distributions: [ubuntu]}, {package: a}, {package: b}]").unwrap(),
            ..Data::parse().unwrap()
        };
        assert_eq!((data.of("a", "debian").count(), data.of("a", "ubuntu").count()), (1, 2));
    }
}
