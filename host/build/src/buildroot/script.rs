//! Scripts that the configuration has Buildroot run.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use skiff_kconfig::Kind;
use skiff_plan::BuildPlan;
use skiff_plan::Workspace;
use skiff_plan::scripts_cover;

use super::variable::Folders;
use crate::FileError;

/// Symbols that name scripts for Buildroot to run.
const SYMBOLS: [&str; 4] = [
    "BR2_ROOTFS_PRE_BUILD_SCRIPT",
    "BR2_ROOTFS_POST_BUILD_SCRIPT",
    "BR2_ROOTFS_POST_FAKEROOT_SCRIPT",
    "BR2_ROOTFS_POST_IMAGE_SCRIPT",
];

/// A script that a layer has Buildroot run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedScript {
    /// The layer that names it.
    pub by: String,
    /// The file and the line that name it.
    pub place: String,
    /// The script.
    pub path: PathBuf,
    /// Whose it is.
    pub owner: Owner,
}

/// Whose a script is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Buildroot's own: a path relative to its tree.
    Buildroot,
    /// A layer's, among what the digest of its scripts covers.
    Layer(String),
    /// Nobody's that is known: a consent could not be bound to what it holds.
    Unknown,
}

/// Returns the scripts that layers have Buildroot run, besides those by which it calls skiff.
///
/// # Errors
/// [`FileError`] when an external tree cannot be read.
pub fn named_scripts(plan: &BuildPlan, workspace: &Workspace) -> Result<Vec<NamedScript>, FileError> {
    let folders = Folders::of(plan)?;
    let own = ["pre_build.sh", "post_build.sh"].map(|name| workspace.config().join(name));
    let entries = SYMBOLS.iter().filter_map(|symbol| plan.config(Kind::Buildroot).entry(symbol));
    let mut found = Vec::new();
    for entry in entries.filter(|entry| entry.winner.value.text() != "n") {
        let origin = &entry.winner.origin;
        // What is no text in quotes, Kconfig refuses; if it does not, it must not go unseen.
        let value = &entry.winner.value;
        let words = folders.expand(&value.string().unwrap_or_else(|| value.text().to_owned()));
        for path in words.split_whitespace().map(PathBuf::from).filter(|path| !own.contains(path)) {
            let owner = owner(plan, &path);
            found.push(NamedScript { by: origin.layer.to_string(), place: plan.place(origin), path, owner });
        }
    }
    Ok(found)
}

/// Whether a word is a path below Buildroot's tree. A shell reads it: others could run something else, and a bare name would be
/// looked for in PATH.
fn is_of_buildroot(word: &Path) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte);
    let text = word.to_string_lossy();
    let in_tree = match text.strip_prefix("$(TOPDIR)/") {
        Some(inner) => inner,
        None if text.contains('/') => &text,
        None => return false,
    };
    !in_tree.starts_with(['/', '-']) && in_tree.bytes().all(plain) && !in_tree.split('/').any(|part| part == "..")
}

fn owner(plan: &BuildPlan, path: &Path) -> Owner {
    if is_of_buildroot(path) {
        return Owner::Buildroot;
    }
    let real = |path: &Path| fs::canonicalize(path).ok();
    let Some(script) = real(path) else { return Owner::Unknown };
    let covers = |root: &Path, name: &str| {
        let inner = script.strip_prefix(real(root)?).ok()?.to_owned();
        scripts_cover(name, &inner).then_some(())
    };
    let layer = plan.layers.iter().find(|layer| covers(&layer.root, &layer.name).is_some());
    layer.map_or(Owner::Unknown, |layer| Owner::Layer(layer.name.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_path_is_a_script_of_buildroot() {
        let is_own = |word: &str| is_of_buildroot(Path::new(word));
        assert!(["board/x/post-build.sh", "$(TOPDIR)/support/scripts/mkusers", "$(TOPDIR)/x"].into_iter().all(is_own));
        for word in [
            "{touch,/tmp/x}",
            "reboot",
            "/bin/sh",
            "$(TOPDIR)/../x",
            "a/../../x",
            "a/b;reboot",
            "$(TOPDIR)//bin/sh",
            "$(HOST_DIR)/bin/x",
            "-c/x",
            "a/$x",
        ] {
            assert!(!is_own(word), "{word}");
        }
    }
}
