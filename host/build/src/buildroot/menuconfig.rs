//! What a configuration menu changes, kept as a fragment of the workspace's overrides.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use skiff_kconfig::Fragment;
use skiff_kconfig::Kind;
use skiff_kconfig::Merged;
use skiff_kconfig::Value;
use skiff_plan::Workspace;

use super::config::package_of_kind;
use super::read_package_config;
use crate::FileError;
use crate::atomic::write_file;

/// A target that lets somebody change a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Menu {
    kind: Kind,
    /// The fragment's name: after all others of its directory, and the one that SkiffOS uses.
    fragment: &'static str,
}

/// What was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedDelta {
    /// The fragment.
    pub path: PathBuf,
    /// How many symbols this session changed.
    pub changed: usize,
}

/// The editors that Kconfig has.
const EDITORS: [&str; 5] = ["config", "gconfig", "menuconfig", "nconfig", "xconfig"];

/// Returns what a target edits, if it is a menu.
pub(super) fn menu_of(target: &str) -> Option<Menu> {
    let (package, editor) = target.rsplit_once('-').unwrap_or(("", target));
    let (kind, fragment) = match package {
        "" => (Kind::Buildroot, "zz-buildroot-menuconfig-delta"),
        "linux" => (Kind::Kernel, "zz-linux-menuconfig-delta"),
        "uboot" => (Kind::Uboot, "zz-uboot-menuconfig-delta"),
        "busybox" => (Kind::Busybox, "zz-busybox-menuconfig-delta"),
        _ => return None,
    };
    EDITORS.contains(&editor).then_some(Menu { kind, fragment })
}

impl Menu {
    /// Returns the name of the package that it configures; `buildroot` for all of it.
    pub fn package(&self) -> &'static str {
        package_of_kind(self.kind).unwrap_or("buildroot")
    }

    /// Whether it is about the system as a whole, and not about one program.
    pub fn is_of_buildroot(&self) -> bool {
        self.kind == Kind::Buildroot
    }

    /// Reads the configuration that it edits.
    pub fn config(&self, workspace: &Workspace) -> Option<Merged> {
        read_package_config(workspace, self.kind)
    }
}

/// Adds what changed between `before` and `after` to the fragment in `overrides`. What an earlier session changed
/// stays, unless this one changed it again.
///
/// # Errors
/// [`FileError`] when the fragment cannot be read or written; it is then as it was.
pub fn delta_of(overrides: &Path, menu: &Menu, before: &Merged, after: &Merged) -> Result<SavedDelta, FileError> {
    let path = overrides.join(menu.kind.folder()).join(menu.fragment);
    let changes = changes(before, after);
    if changes.is_empty() {
        return Ok(SavedDelta { path, changed: 0 });
    }
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(FileError::at("read", path)(error)),
    };
    // An external tree may define symbols without prefix.
    let known = Fragment::parse_with(menu.kind, "", menu.fragment.into(), &text, |_| true).assignments;
    // Whatever else somebody has written there stays.
    let replaced: BTreeSet<u32> =
        known.iter().filter(|a| changes.contains_key(a.symbol.as_str())).map(|a| a.origin.line).collect();
    let kept =
        (1..).zip(text.lines()).filter(|(number, _)| !replaced.contains(number)).map(|(_, line)| line.to_owned());
    let mut lines: Vec<String> = kept.collect();
    if lines.is_empty() {
        lines.push("# What was changed in configuration menus; later sessions add to it.".into());
    }
    let changed = changes.len();
    lines.extend(changes.into_values().flatten());
    let text = format!("{}\n", lines.join("\n"));
    write_file(&path, text.as_bytes())?;
    Ok(SavedDelta { path, changed })
}

/// Returns the lines of the symbols that were changed; none for one that went out of sight, which nobody chose.
fn changes(before: &Merged, after: &Merged) -> BTreeMap<String, Option<String>> {
    let off = |value: Option<&Value>| value.is_none_or(|value| value.text() == "n");
    let mut changes = BTreeMap::new();
    for (symbol, entry) in after.entries() {
        let (old, new) = (before.value(symbol.as_str()), &entry.winner.value);
        if old != Some(new) && !(off(old) && off(Some(new))) {
            changes.insert(symbol.to_string(), Some(entry.winner.to_string()));
        }
    }
    let gone = before.entries().filter(|(symbol, _)| after.entry(symbol.as_str()).is_none());
    changes.extend(gone.filter(|(_, entry)| !off(Some(&entry.winner.value))).map(|(s, _)| (s.to_string(), None)));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Merged {
        skiff_kconfig::merge(Fragment::parse(Kind::Buildroot, "", "f".into(), text).assignments)
    }

    #[test]
    fn menus_are_known_by_their_targets() {
        assert_eq!(menu_of("menuconfig").map(|menu| menu.kind), Some(Kind::Buildroot));
        assert_eq!(menu_of("linux-nconfig").map(|menu| menu.kind), Some(Kind::Kernel));
        assert!(menu_of("linux-rebuild").is_none() && menu_of("savedefconfig").is_none());
    }

    #[test]
    fn a_second_session_adds_to_the_first() {
        let root = tempfile::tempdir().unwrap();
        let menu = menu_of("menuconfig").unwrap();
        let steps = ["BR2_A=y\n# BR2_B is not set", "BR2_A=y\nBR2_B=y\nBR2_S=\"x\"", "# BR2_A is not set\nBR2_B=y"];
        for pair in steps.windows(2) {
            delta_of(root.path(), &menu, &config(pair[0]), &config(pair[1])).unwrap();
        }
        let text = fs::read_to_string(root.path().join("buildroot/zz-buildroot-menuconfig-delta")).unwrap();
        assert!(text.ends_with("later sessions add to it.\nBR2_B=y\n# BR2_A is not set\n"), "{text}");
        fs::write(root.path().join("buildroot/zz-buildroot-menuconfig-delta"), "# mine\nBR2_B=y\n").unwrap();
        delta_of(root.path(), &menu, &config(steps[1]), &config("BR2_A=y")).unwrap();
        assert_eq!(
            fs::read_to_string(root.path().join("buildroot/zz-buildroot-menuconfig-delta")).unwrap(),
            "# mine\n"
        );
        let same = delta_of(root.path(), &menu, &config(steps[2]), &config(steps[2])).unwrap();
        assert_eq!(same.changed, 0);
    }
}
