//! What a word of make's command line makes Buildroot do.

use super::menuconfig::Menu;
use super::menuconfig::menu_of;

/// What make does for a goal (GNU make's word for what is on its command line).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// It is no goal, but sets a variable.
    Variable,
    /// Tells or checks something, or changes a configuration without asking anybody. Nothing is built.
    Query,
    /// Saves the configuration as a small file.
    Save,
    /// Lets somebody change a configuration.
    Menu(Menu),
    /// Downloads.
    Source,
    /// Builds, or removes what was built.
    Build,
}

/// Goals that tell or check something, besides those with the beginnings and ends below. What is not listed builds.
const QUERIES: [&str; 12] = [
    "allnoconfig",
    "allyesconfig",
    "check-dependencies",
    "defconfig",
    "external-deps",
    "help",
    "oldconfig",
    "olddefconfig",
    "pkg-stats",
    "print-version",
    "printvars",
    "syncconfig",
];
const BEGINNINGS: [&str; 4] = ["check-package", "graph-", "list-", "show-"];
const ENDS: [&str; 12] = [
    "-external-deps",
    "-graph-both-depends",
    "-graph-depends",
    "-graph-rdepends",
    "-show-build-order",
    "-show-depends",
    "-show-info",
    "-show-rdepends",
    "-show-recursive-depends",
    "-show-recursive-rdepends",
    "-show-version",
    "_defconfig",
];

impl Goal {
    /// Finds out what a command line means: without a goal, make makes everything.
    pub fn of_all(words: &[&str]) -> Vec<Self> {
        let goals: Vec<Self> = words.iter().map(|word| Self::of(word)).collect();
        match goals.iter().all(|goal| *goal == Self::Variable) {
            true => vec![Self::Build],
            false => goals,
        }
    }

    /// Finds out what a word means. Options may do anything.
    pub(crate) fn of(word: &str) -> Self {
        if let Some(menu) = menu_of(word) {
            return Self::Menu(menu);
        }
        let tells = QUERIES.contains(&word)
            || BEGINNINGS.iter().any(|beginning| word.starts_with(beginning))
            || ENDS.iter().any(|end| word.ends_with(end));
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        match word {
            "savedefconfig" | "update-defconfig" => Self::Save,
            _ if word.split_once('=').is_some_and(|(name, _)| is_name(name)) => Self::Variable,
            _ if tells && !word.contains('=') => Self::Query,
            _ if word == "source" || word.ends_with("-source") => Self::Source,
            _ => Self::Build,
        }
    }

    /// Whether it may build something, or unpack and patch something, as the menu of a package does.
    pub fn builds(self) -> bool {
        match self {
            Self::Build => true,
            Self::Menu(menu) => !menu.is_of_buildroot(),
            Self::Variable | Self::Query | Self::Save | Self::Source => false,
        }
    }

    /// Whether it runs what layers bring.
    pub(crate) fn runs_scripts(self) -> bool {
        self.builds() || self == Self::Source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_buildroots_goals_do() {
        for (words, goal) in [
            ("help printvars show-info show-targets list-defconfigs print-version pkg-stats", Goal::Query),
            ("graph-depends graph-size zlib-graph-depends zlib-show-depends zlib-show-info", Goal::Query),
            ("zlib-show-recursive-rdepends external-deps zlib-all-external-deps", Goal::Query),
            ("check-package check-package-external olddefconfig qemu_x86_64_defconfig", Goal::Query),
            ("savedefconfig update-defconfig", Goal::Save),
            ("V=1 BR2_JLEVEL=", Goal::Variable),
            ("--eval=all:;x -j4 show-info+=x", Goal::Build),
            ("source zlib-source zlib-all-source linux-legal-source", Goal::Source),
            ("all world linux linux-rebuild zlib-dirclean clean legal-info linux-savedefconfig sdk", Goal::Build),
            ("linux-update-defconfig rootfs-ext2 prepare zlib-legal-info show printing", Goal::Build),
        ] {
            for word in words.split(' ') {
                assert_eq!(Goal::of(word), goal, "{word}");
            }
        }
        assert_eq!(Goal::of_all(&["V=1"]), [Goal::Build]);
        assert_eq!(Goal::of_all(&["V=1", "help"]), [Goal::Variable, Goal::Query]);
        assert!(!Goal::of("menuconfig").builds() && Goal::of("linux-menuconfig").builds());
    }
}
