//! What has to be built again after a change. Buildroot itself does not look: it builds what has no stamp.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use skiff_kconfig::Kind;
use skiff_plan::LayerPart;

use super::config::package_of_kind;
use super::info::LINUX;
use super::info::PackageInfo;
use super::info::Packages;
use super::mention::Mentions;
use super::part::Part;
use crate::Input;
use crate::InputChange;
use crate::StageChange;

/// What is removed before the next build, so that Buildroot makes it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rebuild {
    /// Everything, for this reason.
    All(String),
    /// Some packages, each with the reason, and why the target is put together anew, if it is: something in it may not
    /// be wanted any more.
    Some {
        /// The packages.
        packages: BTreeMap<String, String>,
        /// Why the target is put together.
        target: Option<String>,
    },
}

/// What a decision is made from.
pub(crate) struct Situation<'s> {
    /// What has changed since the last build began.
    pub(crate) changes: &'s [StageChange],
    /// The packages of that build.
    pub(crate) old: &'s Packages,
    /// The packages of the next one.
    pub(crate) new: &'s Packages,
    /// Who looks at the symbols that have changed.
    pub(crate) mentions: &'s Mentions,
    /// A file that overlays have put into the target, and do not any more.
    pub(crate) gone_from_overlays: Option<&'s str>,
    /// Whether every package has a copy of what it depends on.
    pub(crate) per_package: bool,
}

/// Words in the names of symbols that say which kernel is built.
const KERNEL_SOURCE: [&str; 4] = ["VERSION", "TARBALL", "REPO", "CUSTOM_GIT"];

impl Rebuild {
    /// Decides what a change reaches.
    pub(crate) fn decide(situation: &Situation<'_>) -> Self {
        let Situation { changes, old, new, mentions, gone_from_overlays, per_package } = *situation;
        let known: BTreeSet<&str> = old.keys().chain(new.keys()).map(String::as_str).collect();
        let mut packages = others(old, new);
        let mut target = gone_from_overlays.map(|path| format!("{path} is gone from the overlays"));
        for (input, change) in changes.iter().flat_map(|change| &change.inputs) {
            let reason = format!("{input} is {change}");
            match Effect::of(input, *change, &known) {
                Effect::All => return Self::All(reason),
                Effect::Some { packages: mut reached, rest } => {
                    let looking = input.symbol().and_then(|symbol| mentions.get(symbol)).into_iter().flatten();
                    // A makefile is about the package for the target, unless that is only built for the host.
                    let named = looking.flat_map(|package| {
                        let both = [package.clone(), format!("host-{package}")];
                        both.into_iter().find(|package| old.contains_key(package))
                    });
                    reached.extend(named);
                    packages.extend(reached.into_iter().map(|name| (name, reason.clone())));
                    target = target.or(rest.then_some(reason));
                }
            }
        }
        add_dependents(&mut packages, old, per_package);
        if per_package && target.is_none() {
            // Buildroot only adds to what is there.
            target = packages.values().next().cloned();
        }
        Self::Some { packages, target }
    }

    /// Says in a line for each what is to be built again.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Self::All(reason) => vec![format!("{reason}: everything is built again")],
            Self::Some { packages, target } => {
                let packages =
                    packages.iter().map(|(name, reason)| format!("{reason}: the package `{name}` is built again"));
                let target = target.iter().map(|reason| format!("{reason}: the target is put together again"));
                packages.chain(target).collect()
            }
        }
    }
}

/// What the change of one input makes necessary.
enum Effect {
    All,
    Some {
        /// Packages that are built again.
        packages: Vec<String>,
        /// Whether something that nobody keeps a list of stays in the target.
        rest: bool,
    },
}

impl Effect {
    const NONE: Self = Self::Some { packages: Vec::new(), rest: false };

    fn packages<'p>(names: impl IntoIterator<Item = &'p str>) -> Self {
        Self::Some { packages: names.into_iter().map(str::to_owned).collect(), rest: false }
    }

    fn rest(rest: bool) -> Self {
        Self::Some { packages: Vec::new(), rest }
    }

    fn of(input: &Input, change: InputChange, known: &BTreeSet<&str>) -> Self {
        match input {
            Input::Tree | Input::ExternalMakefile | Input::LocalOverrides => Self::All,
            Input::Symbol(symbol) | Input::NamedFile { symbol, .. } => Self::of_symbol(symbol, change, known),
            Input::Settings(kind) => Self::packages(package_of_kind(*kind)),
            Input::KernelPatches => Self::packages(package_of_kind(Kind::Kernel)),
            Input::UbootPatches => Self::packages(package_of_kind(Kind::Uboot)),
            // What is done to a package is done to the one for the host, too.
            Input::Patches(package) | Input::Recipe(package) => {
                Self::packages([package.as_str(), &format!("host-{package}")])
            }
            Input::Order => Self::rest(change != InputChange::Added),
            Input::Layer(input) => Self::rest(leaves_traces(&input.part) && change != InputChange::Added),
            // All but the first are inputs of the other engine.
            Input::BuildTarget | Input::Chain | Input::Epoch | Input::Package(_) | Input::Skiff | Input::Target => {
                Self::NONE
            }
        }
    }

    fn of_symbol(symbol: &str, change: InputChange, known: &BTreeSet<&str>) -> Self {
        let is_gone = change == InputChange::Removed;
        let part = Part::of(symbol);
        match part {
            Part::Toolchain => Self::All,
            Part::Packages(names) => {
                Self::Some { packages: names.iter().map(|name| (*name).to_owned()).collect(), rest: is_gone }
            }
            Part::Kernel => {
                // Another version has its modules elsewhere.
                let rest = symbol == "BR2_LINUX_KERNEL" || KERNEL_SOURCE.iter().any(|word| symbol.contains(word));
                Self::Some { packages: vec![LINUX.to_owned()], rest }
            }
            Part::Package | Part::BootLoader => match package_of(symbol, known) {
                Some(package) if !is_switch(symbol, package) => Self::packages([package]),
                // What is new is built because it has no stamp; those who make use of it have other dependencies now.
                Some(_) => Self::rest(is_gone),
                None if part == Part::Package => Self::rest(is_gone),
                // Nobody knows who looks at it.
                None => Self::All,
            },
            // Buildroot writes these with every build, and takes nothing away.
            Part::System => Self::rest(is_gone),
            Part::Images | Part::Nothing => Self::NONE,
        }
    }
}

/// Whether what an input has put into the target stays there when the input is another one: what hooks and plugins do.
fn leaves_traces(part: &LayerPart) -> bool {
    match part {
        LayerPart::Plugin(_) | LayerPart::Scripts => true,
        LayerPart::Directory(name) => matches!(name.as_str(), "hooks" | "resources" | "scripts"),
        LayerPart::Contribution { .. } => false,
    }
}

/// Tools that nothing is made of: with others, packages come out the same.
const TOOLS: [&str; 6] = ["host-ccache", "host-gzip", "host-lzip", "host-skeleton", "host-tar", "host-xz"];

/// Finds packages that are others than before: of another version, with other dependencies, since many take what is
/// there, and the kernel when packages want something else of its configuration.
fn others(old: &Packages, new: &Packages) -> BTreeMap<String, String> {
    let materials = |info: &PackageInfo| -> BTreeSet<String> {
        info.dependencies.iter().filter(|name| !TOOLS.contains(&name.as_str())).cloned().collect()
    };
    let mut found = BTreeMap::new();
    for (name, info) in old {
        let Some(next) = new.get(name) else { continue };
        let (before, after) = (materials(info), materials(next));
        let version = (info.stamp_dir != next.stamp_dir).then(|| "it has another version".to_owned());
        let added = || after.difference(&before).next().map(|other| format!("it depends on `{other}` now"));
        let gone = || before.difference(&after).next().map(|other| format!("it does not depend on `{other}` any more"));
        let wishes = || (info.wishes != next.wishes).then(|| "packages want something else of it".to_owned());
        if let Some(reason) = version.or_else(added).or_else(gone).or_else(wishes) {
            found.insert(name.clone(), reason);
        }
    }
    found
}

/// Adds everything that was built with what is built again.
fn add_dependents(packages: &mut BTreeMap<String, String>, built: &Packages, per_package: bool) {
    let mut waiting: Vec<String> = packages.keys().cloned().collect();
    while let Some(name) = waiting.pop() {
        if !per_package && !built.get(&name).is_some_and(|info| is_material(&name, info)) {
            continue;
        }
        for (dependent, info) in built.iter().filter(|(_, info)| info.dependencies.contains(&name)) {
            if !packages.contains_key(dependent) && !info.stamp_dir.is_empty() {
                packages.insert(dependent.clone(), format!("it was built with `{name}`"));
                waiting.push(dependent.clone());
            }
        }
    }
}

/// Whether others are made of a package: of its headers and libraries, of its images, or with it. Those that only
/// want to find it in the target later are not.
fn is_material(name: &str, info: &PackageInfo) -> bool {
    name == LINUX || name.starts_with("host-") || info.is_virtual || info.install_staging || info.install_images
}

fn prefix(symbol: &str) -> &'static str {
    ["BR2_PACKAGE_", "BR2_TARGET_"].into_iter().find(|prefix| symbol.starts_with(prefix)).unwrap_or_default()
}

/// Returns the name of a package as it is in symbols.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StageInputs;
    use crate::stage_changes;

    /// Packages with what they depend on.
    fn packages(of: &[(&str, &[&str])]) -> Packages {
        let info = |name: &str, dependencies: &[&str]| PackageInfo {
            stamp_dir: format!("build/{name}"),
            dependencies: dependencies.iter().map(|name| (*name).to_owned()).collect(),
            install_staging: name.starts_with("lib"),
            ..PackageInfo::default()
        };
        of.iter().map(|(name, dependencies)| ((*name).to_owned(), info(name, dependencies))).collect()
    }

    const KNOWN: [(&str, &[&str]); 7] = [
        ("docker-engine", &[]),
        ("docker", &[]),
        ("linux", &[]),
        ("linux-firmware", &[]),
        ("uboot", &[]),
        ("systemd", &[]),
        ("wireguard", &["linux"]),
    ];

    fn decide_between(old: &Packages, new: &Packages, changes: &[StageChange], per_package: bool) -> Rebuild {
        let mentions =
            Mentions::from([("BR2_PACKAGE_PLATFORM".to_owned(), ["systemd", "unused"].map(str::to_owned).into())]);
        let situation = Situation { changes, old, new, mentions: &mentions, gone_from_overlays: None, per_package };
        Rebuild::decide(&situation)
    }

    fn input(name: &str) -> Input {
        let (name, rest) = name.split_once(": ").unwrap_or((name, ""));
        match (name.strip_prefix("patches of "), rest) {
            (Some(package), _) => Input::Patches(package.to_owned()),
            (None, "") if name == "kernel" => Input::Settings(Kind::Kernel),
            (None, "") => Input::Symbol(name.to_owned()),
            (None, file) => Input::NamedFile { symbol: name.to_owned(), path: file.to_owned() },
        }
    }

    /// Decides between two configurations, `symbol=value` in each line.
    fn decide(old: &str, new: &str) -> Rebuild {
        let known = packages(&KNOWN);
        let stage = |text: &str| {
            let mut stage = StageInputs::new("all");
            text.lines().filter_map(|line| line.split_once('=')).for_each(|(name, value)| {
                stage.add_text(input(name), value);
            });
            [stage]
        };
        decide_between(&known, &known, &stage_changes(&stage(old), &stage(new)), false)
    }

    fn names(rebuild: &Rebuild) -> (Vec<&str>, bool) {
        match rebuild {
            Rebuild::All(reason) => panic!("{reason}"),
            Rebuild::Some { packages, target } => (packages.keys().map(String::as_str).collect(), target.is_some()),
        }
    }

    #[test]
    fn what_is_built_again_follows_from_the_symbols() {
        for (old, new, packages, target) in [
            ("", "BR2_PACKAGE_DOCKER_ENGINE=y", &[][..], false),
            ("BR2_PACKAGE_DOCKER_ENGINE=y", "", &[], true),
            ("", "BR2_PACKAGE_DOCKER_ENGINE_X=y", &["docker-engine"], false),
            ("BR2_PACKAGE_DOCKER_ENGINE_X=y", "", &["docker-engine"], false),
            ("", "BR2_PACKAGE_LINUX_FIRMWARE=y", &[], false),
            ("BR2_LINUX_KERNEL_LZ4=y", "BR2_LINUX_KERNEL_XZ=y", &["linux", "wireguard"], false),
            ("BR2_LINUX_KERNEL_VERSION=\"6\"", "BR2_LINUX_KERNEL_VERSION=\"7\"", &["linux", "wireguard"], true),
            ("BR2_LINUX_KERNEL_DTS: /VERSION=a", "BR2_LINUX_KERNEL_DTS: /VERSION=b", &["linux", "wireguard"], false),
            ("BR2_TARGET_UBOOT_BOARD=\"a\"", "BR2_TARGET_UBOOT_BOARD=\"b\"", &["uboot"], false),
            ("BR2_DL_DIR=\"a\"", "BR2_TARGET_ROOTFS_TAR=y", &[], false),
            ("BR2_TARGET_GENERIC_HOSTNAME=\"a\"", "BR2_TARGET_GENERIC_HOSTNAME=\"b\"", &[], false),
            ("BR2_TARGET_GENERIC_HOSTNAME=\"a\"", "", &[], true),
            ("", "BR2_TARGET_GENERIC_GETTY_PORT=\"x\"", &["openrc", "systemd"], false),
            ("BR2_ROOTFS_DEVICE_TABLE=\"a\"", "BR2_ROOTFS_DEVICE_TABLE=\"b\"", &[], false),
            ("BR2_PACKAGE_PLATFORM=\"a\"", "BR2_PACKAGE_PLATFORM=\"b\"", &["systemd"], false),
            ("patches of docker=a", "patches of docker=b", &["docker", "host-docker"], false),
            ("kernel=a", "kernel=b", &["linux", "wireguard"], false),
        ] {
            assert_eq!(names(&decide(old, new)), (packages.to_vec(), target), "{old} -> {new}");
        }
    }

    #[test]
    fn what_nobody_knows_the_reach_of_reaches_everything() {
        for symbol in ["BR2_GCC_VERSION", "BR2_SYSTEM_ENABLE_NLS", "BR2_TARGET_UNHEARD_OF", "BR2_HOST_DIR"] {
            assert_eq!(decide("", &format!("{symbol}=y")), Rebuild::All(format!("{symbol} is new")));
        }
    }

    #[test]
    fn a_package_with_other_dependencies_is_another_and_tools_are_none() {
        let between = |old: &[&str], new: &[&str]| {
            let (old, new) = (packages(&[("zstd", old)]), packages(&[("zstd", new)]));
            decide_between(&old, &new, &[], false)
        };
        assert_eq!(names(&between(&["zlib"], &[])).0, ["zstd"]);
        assert_eq!(names(&between(&["zlib"], &["zlib", "host-ccache"])).0, [""; 0]);
        let (old, mut new) = (packages(&KNOWN), packages(&KNOWN));
        new.get_mut("docker").unwrap().stamp_dir = "build/docker-2".into();
        new.get_mut("linux").unwrap().wishes = "CGROUPS".into();
        assert_eq!(names(&decide_between(&old, &new, &[], false)).0, ["docker", "linux", "wireguard"]);
    }

    #[test]
    fn who_is_made_of_a_library_is_built_again_with_it() {
        let built = packages(&[("libz", &[]), ("libpng", &["libz"]), ("viewer", &["libpng"]), ("menu", &["viewer"])]);
        let stage = |digest: &str| {
            let mut stage = StageInputs::new("packages");
            stage.add_text(input("patches of libz"), digest);
            [stage]
        };
        let changes = stage_changes(&stage("a"), &stage("b"));
        let decide = |per_package| decide_between(&built, &built, &changes, per_package);
        assert_eq!(names(&decide(false)), (vec!["host-libz", "libpng", "libz", "viewer"], false));
        assert_eq!(names(&decide(true)), (vec!["host-libz", "libpng", "libz", "menu", "viewer"], true));
        assert_eq!(decide(false).lines()[1], "it was built with `libz`: the package `libpng` is built again");
    }
}
