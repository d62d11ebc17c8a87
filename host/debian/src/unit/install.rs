use super::name::UnitName;
use crate::Error;
use crate::Kind;
use crate::TreePath;
use crate::tree::Tree;

/// Bytes of a unit or drop-in.
const MAX_UNIT: u64 = 256 << 10;

/// Entries of an `[Install]` section.
const MAX_ENTRIES: usize = 500;

/// An `[Install]` section, before specifiers are replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Install {
    pub(super) wanted_by: Vec<String>,
    pub(super) required_by: Vec<String>,
    pub(super) upheld_by: Vec<String>,
    pub(super) alias: Vec<String>,
    pub(super) also: Vec<String>,
    pub(super) default_instance: Option<String>,
}

/// The units of the system manager or of the managers of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    System,
    User,
}

impl Scope {
    fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
        }
    }

    /// Returns the directory of the links.
    pub(super) fn folder(self) -> TreePath {
        TreePath::default().join("etc").join("systemd").join(self.word())
    }

    /// Returns the directories of units. The first one that has a unit counts.
    fn folders(self) -> [TreePath; 4] {
        let below = |prefix: &str| {
            let path = format!("{prefix}/systemd/{}", self.word());
            TreePath::parse(&path).unwrap_or_default()
        };
        [below("etc"), below("usr/local/lib"), below("usr/lib"), below("lib")]
    }

    /// Returns the names of all units.
    pub(super) fn units(self, tree: Tree<'_>) -> Result<Vec<UnitName>, Error> {
        let mut names = Vec::new();
        for folder in self.folders() {
            names.extend(
                tree.list(&folder)?.iter().filter(|name| has_type(name)).filter_map(|name| UnitName::parse(name)),
            );
        }
        names.sort();
        names.dedup();
        Ok(names)
    }
}

fn has_type(name: &str) -> bool {
    UnitName::parse(name).is_some_and(|unit| unit.as_str() == name)
}

/// A unit file.
#[derive(Debug)]
pub(super) struct UnitFile {
    /// The unit: the file's own name where a name is a link to it, and an instance where the file is a template.
    pub(super) name: UnitName,
    /// The file.
    pub(super) path: TreePath,
    pub(super) install: Install,
}

/// Finds a unit, or returns nothing if there is no file for it or if it is masked.
pub(super) fn find(tree: Tree<'_>, scope: Scope, name: &UnitName) -> Result<Option<UnitFile>, Error> {
    let own = find_path(tree, scope, name)?.map(|path| (name.clone(), path));
    let (file, path) = match (own, name.template()) {
        (Some(found), _) => found,
        (None, Some(template)) => match find_path(tree, scope, &template)? {
            Some(path) => (template, path),
            None => return Ok(None),
        },
        (None, None) => return Ok(None),
    };
    // The name may be an alias that a package contains.
    let real = tree.resolve(&path)?;
    let Some(text) = tree.text(&real, MAX_UNIT)? else { return Ok(None) };
    let (name, path) = match UnitName::parse(real.name()) {
        Some(real_name) if real_name != file => (real_name, real),
        _ => (name.clone(), path),
    };
    let mut install = Install::default();
    install.read(&text);
    for part in drop_ins(tree, scope, &name)? {
        install.read(&part);
    }
    Ok(Some(UnitFile { name, path: tree.place(&path)?, install }))
}

fn find_path(tree: Tree<'_>, scope: Scope, name: &UnitName) -> Result<Option<TreePath>, Error> {
    for folder in scope.folders() {
        let path = folder.join(name.as_str());
        if tree.followed(&path)? == Some(Kind::File) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Reads the drop-ins of a unit and of its template, in the order of their names.
fn drop_ins(tree: Tree<'_>, scope: Scope, name: &UnitName) -> Result<Vec<String>, Error> {
    let mut paths: Vec<TreePath> = Vec::new();
    let folders = scope.folders();
    for unit in [Some(name.clone()), name.template()].into_iter().flatten() {
        for folder in &folders {
            let folder = folder.join(&format!("{}.d", unit.as_str()));
            for file in tree.list(&folder)?.into_iter().filter(|file| file.ends_with(".conf")) {
                // A file replaces those of the same name in later directories.
                if !paths.iter().any(|path| path.name() == file) {
                    paths.push(folder.join(&file));
                }
            }
        }
    }
    if paths.len() > MAX_ENTRIES {
        return Err(Error::TooMany { what: "drop-ins of one unit", limit: MAX_ENTRIES });
    }
    paths.sort_by(|a, b| a.name().cmp(b.name()));
    let mut texts = Vec::new();
    for path in paths {
        texts.extend(tree.text(&path, MAX_UNIT)?);
    }
    Ok(texts)
}

impl Install {
    /// Adds the section of a file (`systemd.syntax(7)`): lines ending in `\` go on, and an empty value empties a list.
    fn read(&mut self, text: &str) {
        let mut is_install = false;
        let mut joined = String::new();
        for line in text.lines() {
            if joined.is_empty() && line.trim_start().starts_with(['#', ';']) {
                continue;
            }
            if let Some(start) = line.strip_suffix('\\') {
                joined.push_str(start);
                joined.push(' ');
                continue;
            }
            let line = std::mem::take(&mut joined) + line;
            let line = line.trim();
            if line.starts_with('[') {
                is_install = line == "[Install]";
            } else if let Some((key, value)) = line.split_once('=').filter(|_| is_install) {
                self.set(key.trim(), value.trim());
            }
        }
    }

    fn set(&mut self, key: &str, value: &str) {
        let list = match key {
            "WantedBy" => &mut self.wanted_by,
            "RequiredBy" => &mut self.required_by,
            "UpheldBy" => &mut self.upheld_by,
            "Alias" => &mut self.alias,
            "Also" => &mut self.also,
            "DefaultInstance" => {
                self.default_instance = (!value.is_empty()).then(|| value.to_owned());
                return;
            }
            _ => return,
        };
        if value.is_empty() {
            list.clear();
        }
        let room = MAX_ENTRIES.saturating_sub(list.len());
        let words = value.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned());
        list.extend(words.take(room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Memory;

    fn unit(root: &Memory, name: &str) -> Option<UnitFile> {
        find(Tree::new(root), Scope::System, &UnitName::parse(name).unwrap()).unwrap()
    }

    #[test]
    fn only_the_install_section_counts() {
        let text = "[Unit]\nAlias=no.service\n[Install]\n# WantedBy=no.target\nWantedBy = a.target \\\n b.target\n\
                    Alias=x.service\nAlias=\nAlias=\"y.service\"\n[Other]\nAlso=no.service";
        let file = unit(&Memory::default().file("usr/lib/systemd/system/u.service", text), "u.service").unwrap();
        assert_eq!(file.install.wanted_by, ["a.target", "b.target"]);
        assert_eq!(file.install.alias, ["y.service"]);
        assert!(file.install.also.is_empty());
    }

    #[test]
    fn drop_ins_come_last_and_those_in_etc_replace_others() {
        let root = Memory::default()
            .link("lib", "usr/lib")
            .file("usr/lib/systemd/system/u.service", "[Install]\nWantedBy=a.target")
            .file("usr/lib/systemd/system/u.service.d/10.conf", "[Install]\nWantedBy=b.target")
            .file("etc/systemd/system/u.service.d/10.conf", "[Install]\nWantedBy=c.target")
            .file("usr/lib/systemd/system/u.service.d/20.conf", "[Install]\nAlso=v.service");
        let file = unit(&root, "u.service").unwrap();
        assert_eq!(file.install.wanted_by, ["a.target", "c.target"]);
        assert_eq!(file.install.also, ["v.service"]);
    }

    #[test]
    fn instances_and_aliases_lead_to_their_files() {
        let root = Memory::default()
            .file("usr/lib/systemd/system/getty@.service", "[Install]\nDefaultInstance=tty1")
            .link("usr/lib/systemd/system/alias.service", "real.service")
            .file("usr/lib/systemd/system/real.service", "")
            .link("usr/lib/systemd/system/masked.service", "/dev/null");
        let getty = unit(&root, "getty@tty2.service").unwrap();
        assert_eq!((getty.name.as_str(), getty.path.name()), ("getty@tty2.service", "getty@.service"));
        assert_eq!(unit(&root, "alias.service").unwrap().name.as_str(), "real.service");
        assert!(unit(&root, "masked.service").is_none() && unit(&root, "other.service").is_none());
    }
}
