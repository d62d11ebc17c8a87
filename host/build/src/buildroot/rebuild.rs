//! What has to be built again after a change. Buildroot itself does not look: it builds what has no stamp.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use walkdir::WalkDir;

use super::info::Packages;
use crate::FileError;
use crate::InputChange;
use crate::StageChange;
use crate::mounted::remove_tree;

/// What is removed before the next build, so that Buildroot makes it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rebuild {
    /// Everything, for this reason.
    All(String),
    /// Some packages, and whether the target is put together anew because something in it is not wanted any more.
    Some { packages: BTreeSet<String>, target: Option<String> },
}

/// The part of a system that a symbol is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// The compiler and everything that all packages depend on.
    Toolchain,
    /// A package.
    Package,
    /// The kernel.
    Kernel,
    /// A boot loader.
    BootLoader,
    /// The root file system's settings: made anew with every build.
    System,
    /// The images: made anew with every build.
    Images,
    /// Where things are downloaded from and the like.
    Nothing,
}

/// Prefixes of symbols and what they are about; the first that fits counts.
const PARTS: [(&str, Part); 27] = [
    ("BR2_BACKUP_SITE", Part::Nothing),
    ("BR2_CCACHE", Part::Nothing),
    ("BR2_CPAN_MIRROR", Part::Nothing),
    ("BR2_DEFCONFIG", Part::Nothing),
    ("BR2_DL_DIR", Part::Nothing),
    ("BR2_EXTERNAL", Part::Nothing),
    ("BR2_GLOBAL_PATCH_DIR", Part::Nothing),
    ("BR2_GNU_MIRROR", Part::Nothing),
    ("BR2_JLEVEL", Part::Nothing),
    ("BR2_KERNEL_MIRROR", Part::Nothing),
    ("BR2_LUAROCKS_MIRROR", Part::Nothing),
    ("BR2_PRIMARY_SITE", Part::Nothing),
    ("BR2_VERSION", Part::Nothing),
    ("BR2_WGET", Part::Nothing),
    ("BR2_LINUX_KERNEL", Part::Kernel),
    ("BR2_PACKAGE_GLIBC", Part::Toolchain),
    ("BR2_PACKAGE_HOST_BINUTILS", Part::Toolchain),
    ("BR2_PACKAGE_HOST_GCC", Part::Toolchain),
    ("BR2_PACKAGE_MUSL", Part::Toolchain),
    ("BR2_PACKAGE_UCLIBC", Part::Toolchain),
    ("BR2_PACKAGE_", Part::Package),
    ("BR2_ROOTFS_", Part::System),
    ("BR2_SYSTEM_", Part::System),
    ("BR2_TARGET_GENERIC_", Part::System),
    ("BR2_TARGET_OPTIMIZATION", Part::Toolchain),
    ("BR2_TARGET_ROOTFS_", Part::Images),
    ("BR2_TARGET_", Part::BootLoader),
];

/// Returns what a symbol is about. What is not known to concern one thing only concerns everything.
pub(crate) fn part(symbol: &str) -> Part {
    PARTS.iter().find(|(prefix, _)| symbol.starts_with(prefix)).map_or(Part::Toolchain, |(_, part)| *part)
}

impl Rebuild {
    /// Decides by what has changed since the last build began.
    pub(crate) fn decide(changes: &[StageChange], packages: &Packages, gone_from_overlays: Option<&Path>) -> Self {
        let mut again = BTreeSet::new();
        let mut target = gone_from_overlays.map(|path| format!("{} is gone from the overlays", path.display()));
        for (name, change) in changes.iter().flat_map(|change| &change.inputs) {
            if name == "Buildroot" {
                return Self::All("Buildroot has changed".into());
            }
            if !name.starts_with("BR2_") {
                again.extend(package_of_input(name));
                continue;
            }
            match part(name) {
                Part::Toolchain => return Self::All(format!("{name} is {change}")),
                Part::Kernel => drop(again.insert("linux".to_owned())),
                Part::Package | Part::BootLoader => match package_of(name, packages) {
                    Some(package) if !is_switch(name, package) => drop(again.insert(package.to_owned())),
                    _ if *change == InputChange::Removed => target = Some(format!("{name} is off")),
                    _ => {}
                },
                Part::System | Part::Images | Part::Nothing => {}
            }
        }
        Self::Some { packages: again, target }
    }

    /// Removes what is to be made again. Returns what was done, in words.
    pub(crate) fn apply(&self, folder: &Path, packages: &Packages) -> Result<Vec<String>, FileError> {
        match self {
            Self::All(reason) => {
                let present: Vec<PathBuf> =
                    OUTPUTS.iter().map(|name| folder.join(name)).filter(|path| path.exists()).collect();
                // Kconfig's own program is there from the beginning.
                if present.iter().all(|path| path.ends_with("build")) {
                    return Ok(Vec::new());
                }
                present.iter().try_for_each(|path| remove_tree(path))?;
                Ok(vec![format!("{reason}: everything is built again")])
            }
            Self::Some { packages: names, target } => {
                let mut done = Vec::new();
                for name in names {
                    let stamps = packages.get(name).map(|info| &info.stamp_dir).filter(|stamps| !stamps.is_empty());
                    if let Some(path) = stamps.map(|stamps| folder.join(stamps)).filter(|path| path.is_dir()) {
                        remove_tree(&path)?;
                        done.push(format!("the package `{name}` is built again"));
                    }
                }
                if let Some(reason) = target
                    && folder.join("target").exists()
                {
                    put_together_again(folder)?;
                    done.push(format!("{reason}: the target is put together again"));
                }
                Ok(done)
            }
        }
    }
}

/// What a build makes in a workspace, besides files.
pub(crate) const OUTPUTS: [&str; 8] =
    ["build", "graphs", "host", "images", "legal-info", "per-package", "staging", "target"];

/// Empties the target and has every package install itself again, without compiling.
fn put_together_again(folder: &Path) -> Result<(), FileError> {
    // The stamps first: a target without its files must not look complete.
    let build = folder.join("build");
    for entry in WalkDir::new(&build).min_depth(2).max_depth(2) {
        let entry = entry.map_err(FileError::walking(&build))?;
        let name = entry.file_name().to_string_lossy();
        let is_libc = name == ".stamp_host_installed"
            && entry.path().parent().is_some_and(|p| p.to_string_lossy().contains("/host-gcc-final-"));
        if is_libc || matches!(name.as_ref(), ".stamp_target_installed" | ".stamp_installed") {
            fs::remove_file(entry.path()).map_err(FileError::at("remove", entry.path()))?;
        }
    }
    remove_tree(&folder.join("target"))
}

fn prefix(symbol: &str) -> &'static str {
    ["BR2_PACKAGE_", "BR2_TARGET_"].into_iter().find(|prefix| symbol.starts_with(prefix)).unwrap_or_default()
}

fn key(package: &str) -> String {
    package.to_uppercase().replace(['-', '.'], "_")
}

/// Whether a symbol switches a package on, and is no option of it.
fn is_switch(symbol: &str, package: &str) -> bool {
    symbol.len() == prefix(symbol).len() + key(package).len()
}

/// Returns the package with the longest name that a symbol begins with.
fn package_of<'p>(symbol: &str, packages: &'p Packages) -> Option<&'p str> {
    let rest = symbol.strip_prefix(prefix(symbol))?;
    let fits = |name: &&'p str| {
        rest.strip_prefix(key(name).as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    };
    packages.keys().map(String::as_str).filter(fits).max_by_key(|name| name.len())
}

/// Returns the package that an input is about: those of fragments and patches.
fn package_of_input(name: &str) -> Option<String> {
    let fixed = BTreeMap::from([
        ("kernel configuration", "linux"),
        ("kernel patches", "linux"),
        ("U-Boot configuration", "uboot"),
        ("U-Boot patches", "uboot"),
        ("busybox configuration", "busybox"),
    ]);
    match fixed.get(name) {
        Some(package) => Some((*package).to_owned()),
        None => name.strip_prefix("patches of ").or(name.strip_prefix("package ")).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::super::info::PackageInfo;
    use super::*;
    use crate::StageInputs;
    use crate::stage_changes;

    /// Decides between two configurations, `symbol=value` in each line.
    fn decide(old: &str, new: &str) -> Rebuild {
        let packages: Packages = ["docker-engine", "docker", "linux", "uboot"]
            .into_iter()
            .map(|name| (name.to_owned(), PackageInfo::default()))
            .collect();
        let stage = |text: &str| {
            let mut stage = StageInputs::new("all");
            text.lines().filter_map(|line| line.split_once('=')).for_each(|(symbol, value)| {
                stage.add_text(symbol, value);
            });
            [stage]
        };
        Rebuild::decide(&stage_changes(&stage(old), &stage(new)), &packages, None)
    }

    fn some(packages: &[&str], target: Option<&str>) -> Rebuild {
        let packages = packages.iter().map(|name| (*name).to_owned()).collect();
        Rebuild::Some { packages, target: target.map(str::to_owned) }
    }

    #[test]
    fn what_is_built_again_follows_from_the_symbols() {
        assert_eq!(decide("BR2_GCC_VERSION=\"1\"", ""), Rebuild::All("BR2_GCC_VERSION is gone".into()));
        assert_eq!(decide("", "BR2_PACKAGE_DOCKER_ENGINE=y"), some(&[], None));
        let on = "BR2_PACKAGE_DOCKER_ENGINE=y\n";
        assert_eq!(decide(on, &format!("{on}BR2_PACKAGE_DOCKER_ENGINE_X=y")), some(&["docker-engine"], None));
        assert_eq!(decide(on, ""), some(&[], Some("BR2_PACKAGE_DOCKER_ENGINE is off")));
        assert_eq!(decide("BR2_LINUX_KERNEL_LZ4=y", "BR2_LINUX_KERNEL_XZ=y"), some(&["linux"], None));
        assert_eq!(decide("BR2_TARGET_UBOOT_BOARD=\"a\"", "BR2_TARGET_UBOOT_BOARD=\"b\""), some(&["uboot"], None));
        assert_eq!(decide("BR2_DL_DIR=\"a\"", "BR2_TARGET_ROOTFS_TAR=y"), some(&[], None));
    }

    #[test]
    fn a_target_is_put_together_again_without_its_stamps() {
        let root = tempfile::tempdir().unwrap();
        for file in ["build/x-1/.stamp_target_installed", "build/x-1/.stamp_built", "target/etc/old"] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        some(&[], Some("x")).apply(root.path(), &Packages::default()).unwrap();
        assert!(!root.path().join("target").exists() && root.path().join("build/x-1/.stamp_built").exists());
        assert!(!root.path().join("build/x-1/.stamp_target_installed").exists());
    }
}
