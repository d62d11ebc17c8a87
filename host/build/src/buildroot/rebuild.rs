//! What has to be built again after a change. Buildroot itself does not look: it builds what has no stamp.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use walkdir::WalkDir;

use super::info::PackageInfo;
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
const PARTS: [(&str, Part); 34] = [
    ("BR2_BACKUP_SITE", Part::Nothing),
    ("BR2_CCACHE", Part::Nothing),
    ("BR2_CPAN_MIRROR", Part::Nothing),
    ("BR2_DEFCONFIG", Part::Nothing),
    ("BR2_DL_DIR", Part::Nothing),
    ("BR2_EXTERNAL", Part::Nothing),
    ("BR2_GLOBAL_PATCH_DIR", Part::Nothing),
    ("BR2_GNU_MIRROR", Part::Nothing),
    // What packages say to each other about the host.
    ("BR2_HOST_", Part::Nothing),
    ("BR2_JLEVEL", Part::Nothing),
    ("BR2_KERNEL_MIRROR", Part::Nothing),
    ("BR2_LUAROCKS_MIRROR", Part::Nothing),
    ("BR2_NEEDS_HOST_", Part::Nothing),
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
    // Of these, only what Buildroot does with every build.
    ("BR2_ROOTFS_OVERLAY", Part::System),
    ("BR2_ROOTFS_POST_", Part::System),
    ("BR2_ROOTFS_USERS_TABLES", Part::System),
    ("BR2_SYSTEM_BIN_SH", Part::System),
    ("BR2_TARGET_ENABLE_ROOT_LOGIN", Part::System),
    ("BR2_TARGET_GENERIC_", Part::System),
    ("BR2_TARGET_LDFLAGS", Part::Toolchain),
    ("BR2_TARGET_LOCALTIME", Part::Toolchain),
    ("BR2_TARGET_OPTIMIZATION", Part::Toolchain),
    ("BR2_TARGET_ROOTFS_", Part::Images),
    ("BR2_TARGET_", Part::BootLoader),
];

/// Returns what a symbol is about. What is not known to concern one thing only concerns everything.
pub(crate) fn part(symbol: &str) -> Part {
    PARTS.iter().find(|(prefix, _)| symbol.starts_with(prefix)).map_or(Part::Toolchain, |(_, part)| *part)
}

impl Rebuild {
    /// Decides by what has changed since the last build began, whose packages were `old`; the next has `new`.
    pub(crate) fn decide(
        changes: &[StageChange],
        old: &Packages,
        new: &Packages,
        gone_from_overlays: Option<&str>,
    ) -> Self {
        let packages: BTreeSet<&str> = old.keys().chain(new.keys()).map(String::as_str).collect();
        // Many packages take what is there: with other dependencies they become others.
        let other = |(name, info): &(&String, &PackageInfo)| {
            new.get(*name).is_some_and(|next| next.dependencies != info.dependencies)
        };
        let mut again: BTreeSet<String> = old.iter().filter(other).map(|(name, _)| name.clone()).collect();
        let mut target = gone_from_overlays.map(|path| format!("{path} is gone from the overlays"));
        for (name, change) in changes.iter().flat_map(|change| &change.inputs) {
            if matches!(name.as_str(), "Buildroot" | "external.mk" | "local.mk") {
                return Self::All(format!("{name} has changed"));
            }
            if !name.starts_with("BR2_") {
                again.extend(packages_of_input(name));
                if leaves_traces(name) && *change != InputChange::Added {
                    target = Some(format!("{name} is {change}"));
                }
                continue;
            }
            let off = || Some(format!("{name} is {change}"));
            match part(name) {
                Part::Toolchain => return Self::All(format!("{name} is {change}")),
                Part::Kernel => {
                    again.insert("linux".to_owned());
                    // Another version has its modules elsewhere.
                    if name == "BR2_LINUX_KERNEL" || KERNEL_SOURCE.iter().any(|word| name.contains(word)) {
                        target = off();
                    }
                }
                Part::Package | Part::BootLoader => {
                    if *change == InputChange::Removed {
                        target = off();
                    }
                    if let Some(package) = package_of(name, &packages)
                        && !is_switch(name, package)
                    {
                        again.insert(package.to_owned());
                    }
                }
                Part::System | Part::Images | Part::Nothing => {}
            }
        }
        Self::Some { packages: again, target }
    }

    /// Removes what is to be made again: `stamps` are the packages of the last build. Returns what was
    /// done, in words.
    pub(crate) fn apply(&self, folder: &Path, stamps: &Packages) -> Result<Vec<String>, FileError> {
        let mut done = Vec::new();
        match self {
            Self::All(reason) => {
                if !is_built(folder) {
                    return Ok(done);
                }
                OUTPUTS.iter().try_for_each(|name| remove_tree(&folder.join(name)))?;
                done.push(format!("{reason}: everything is built again"));
            }
            Self::Some { packages, target } => {
                for name in packages {
                    let stamps = stamps.get(name).map(|info| &info.stamp_dir).filter(|stamps| !stamps.is_empty());
                    let Some(path) = stamps.map(|stamps| folder.join(stamps)).filter(|path| path.is_dir()) else {
                        continue;
                    };
                    remove_tree(&path)?;
                    remove_tree(&folder.join("per-package").join(name))?;
                    done.push(format!("the package `{name}` is built again"));
                }
                if let Some(reason) = target
                    && folder.join("target").exists()
                {
                    put_together_again(folder)?;
                    done.push(format!("{reason}: the target is put together again"));
                }
            }
        }
        Ok(done)
    }
}

/// Whether there is anything but Kconfig's own program, which configuring leaves.
fn is_built(folder: &Path) -> bool {
    let in_build = fs::read_dir(folder.join("build")).into_iter().flatten().flatten();
    let kconfig = ["buildroot-config", ".br2-external.in.paths"];
    let packages =
        in_build.filter(|entry| entry.path().is_dir() && !kconfig.iter().any(|own| entry.file_name() == *own));
    packages.count() > 0 || OUTPUTS.iter().any(|name| *name != "build" && folder.join(name).exists())
}

/// Whether what an input has put into the target stays there when the input is another one: what hooks and plugins do.
fn leaves_traces(input: &str) -> bool {
    let part = input.rsplit(": ").next().unwrap_or_default();
    input == "order of layers"
        || part.starts_with("plugin ")
        || matches!(part, "hooks" | "resources" | "scripts" | "what scripts run")
}

/// Words in the names of symbols that say which kernel is built.
const KERNEL_SOURCE: [&str; 4] = ["VERSION", "TARBALL", "REPO", "CUSTOM_GIT"];

/// Empties the images, of which Buildroot itself removes none, and has every package install its own again.
pub(crate) fn clear_images(folder: &Path) -> Result<(), FileError> {
    remove_stamps(folder, |package, name| {
        name == ".stamp_images_installed"
            || name == ".stamp_installed" && package.join(".stamp_images_installed").exists()
    })?;
    remove_tree(&folder.join("images"))
}

/// Removes some of the stamps of all packages, in such an order that none is left that would hide a removed one.
fn remove_stamps(folder: &Path, which: impl Fn(&Path, &str) -> bool) -> Result<(), FileError> {
    let build = folder.join("build");
    if !build.exists() {
        return Ok(());
    }
    // `.stamp_images_installed` comes first in this order and must go last: it is what the others are found by.
    let entries = WalkDir::new(&build).min_depth(2).max_depth(2).sort_by(|a, b| b.file_name().cmp(a.file_name()));
    for entry in entries {
        let entry = entry.map_err(FileError::walking(&build))?;
        let package = entry.path().parent().unwrap_or(&build);
        if which(package, &entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path()).map_err(FileError::at("remove", entry.path()))?;
        }
    }
    Ok(())
}

/// What a build makes in a workspace, besides files.
pub(crate) const OUTPUTS: [&str; 8] =
    ["build", "graphs", "host", "images", "legal-info", "per-package", "staging", "target"];

/// Empties the target and has every package install itself again, without compiling.
fn put_together_again(folder: &Path) -> Result<(), FileError> {
    // With a folder for each package, Buildroot copies those of the packages that there are.
    if !folder.join("per-package").exists() {
        // The stamps first: a target without its files must not look complete.
        remove_stamps(folder, |package, name| {
            let is_libc = package.to_string_lossy().contains("/host-gcc-final-");
            matches!(name, ".stamp_target_installed" | ".stamp_installed") || is_libc && name == ".stamp_host_installed"
        })?;
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
fn package_of<'p>(symbol: &str, packages: &BTreeSet<&'p str>) -> Option<&'p str> {
    let rest = symbol.strip_prefix(prefix(symbol))?;
    let fits = |name: &&'p str| {
        rest.strip_prefix(key(name).as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    };
    packages.iter().copied().filter(fits).max_by_key(|name| name.len())
}

/// Returns the packages that an input is about: those of fragments, patches and recipes. What is done to a package is
/// done to the one for the host, too.
fn packages_of_input(name: &str) -> Vec<String> {
    let fixed = [
        ("kernel configuration", "linux"),
        ("kernel patches", "linux"),
        ("U-Boot configuration", "uboot"),
        ("U-Boot patches", "uboot"),
        ("busybox configuration", "busybox"),
    ];
    if let Some((_, package)) = fixed.iter().find(|(input, _)| *input == name) {
        return vec![(*package).to_owned()];
    }
    let package = name.strip_prefix("patches of ").or(name.strip_prefix("package "));
    package.map(|package| vec![package.to_owned(), format!("host-{package}")]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StageInputs;
    use crate::stage_changes;

    /// Decides between two configurations, `symbol=value` in each line.
    fn decide(old: &str, new: &str) -> Rebuild {
        let packages: Packages = ["docker-engine", "docker", "linux", "linux-firmware", "uboot"]
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
        Rebuild::decide(&stage_changes(&stage(old), &stage(new)), &packages, &packages, None)
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
        assert_eq!(decide(on, ""), some(&[], Some("BR2_PACKAGE_DOCKER_ENGINE is gone")));
        assert_eq!(decide("", "BR2_PACKAGE_LINUX_FIRMWARE=y"), some(&[], None));
        assert_eq!(decide("BR2_LINUX_KERNEL_LZ4=y", "BR2_LINUX_KERNEL_XZ=y"), some(&["linux"], None));
        let version = "BR2_LINUX_KERNEL_CUSTOM_VERSION_VALUE";
        let newer = decide(&format!("{version}=\"6\""), &format!("{version}=\"7\""));
        assert_eq!(newer, some(&["linux"], Some("BR2_LINUX_KERNEL_CUSTOM_VERSION_VALUE is changed")));
        assert_eq!(decide("", "BR2_SYSTEM_ENABLE_NLS=y"), Rebuild::All("BR2_SYSTEM_ENABLE_NLS is new".into()));
        assert_eq!(decide("BR2_TARGET_UBOOT_BOARD=\"a\"", "BR2_TARGET_UBOOT_BOARD=\"b\""), some(&["uboot"], None));
        assert_eq!(decide("BR2_DL_DIR=\"a\"", "BR2_TARGET_ROOTFS_TAR=y"), some(&[], None));
    }

    #[test]
    fn a_package_with_other_dependencies_is_another() {
        let of = |dependencies: &[&str]| {
            let dependencies = dependencies.iter().map(|name| (*name).to_owned()).collect();
            Packages::from([("zstd".to_owned(), PackageInfo { dependencies, ..PackageInfo::default() })])
        };
        assert_eq!(Rebuild::decide(&[], &of(&["zlib"]), &of(&[]), None), some(&["zstd"], None));
        assert_eq!(Rebuild::decide(&[], &of(&["zlib"]), &of(&["zlib"]), None), some(&[], None));
    }

    #[test]
    fn a_target_is_put_together_again_without_its_stamps() {
        let root = tempfile::tempdir().unwrap();
        for file in ["build/x-1/.stamp_target_installed", "build/x-1/.stamp_built", "target/etc/old"] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        some(&[], Some("x")).apply(root.path(), &Packages::new()).unwrap();
        assert!(!root.path().join("target").exists() && root.path().join("build/x-1/.stamp_built").exists());
        assert!(!root.path().join("build/x-1/.stamp_target_installed").exists());
    }

    #[test]
    fn images_are_installed_again_by_those_who_have_some() {
        let root = tempfile::tempdir().unwrap();
        let files =
            ["a/.stamp_images_installed", "a/.stamp_installed", "b/.stamp_installed"].map(|f| format!("build/{f}"));
        for file in files.iter().map(String::as_str).chain(["images/old"]) {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        clear_images(root.path()).unwrap();
        let left: Vec<bool> = files.iter().map(|file| root.path().join(file).exists()).collect();
        assert_eq!(left, [false, false, true]);
        assert!(!root.path().join("images").exists());
    }
}
