//! Digests over everything that is read, so that a change of content, and nothing else, means work.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use skiff_layers::Layer;
use skiff_layers::LayerDir;

use crate::LayerInput;
use crate::LayerPart;
use crate::PlanError;
use crate::tree_digest::Budget;
use crate::tree_digest::Links;
use crate::tree_digest::TreeDigest;
use skiff_digest::Digest;
use skiff_digest::DigestBuilder;
use skiff_report::Cancel;

/// The digests of what a plan was made from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fingerprint {
    /// Everything that configuring depends on, the checkout's place included, since the merged
    /// configuration names paths.
    pub configuration: Digest,
    /// What the layers hold, wherever they lie. Part of the digest of every image.
    pub layers: Digest,
    /// Each part of each layer, to say which of them has changed.
    #[serde(skip)]
    pub inputs: Vec<(LayerInput, Digest)>,
}

/// The parts of a layer that skiff takes apart line by line: a line that is not a setting is an error.
const SETTINGS: [&str; 6] = ["buildroot", "busybox", "cflags", "kernel", "uboot", "users"];

/// The parts of a layer whose files skiff or Buildroot reads whatever else the layer has: no link in them may lead out of the
/// layer's tree. Of other parts, nobody reads through such a link without a grant.
fn is_read(part: &str) -> bool {
    SETTINGS.contains(&part) || part == "metadata" || part == "buildroot_ext" || part.ends_with("_patches")
}

/// Returns the digests of the contents of all layers' parts, in order.
pub(crate) fn of_layers(
    layers: &[Layer],
    budget: &mut Budget,
    cancel: &Cancel,
) -> Result<Vec<(LayerInput, Digest)>, PlanError> {
    let mut inputs = Vec::new();
    for layer in layers {
        for part in layer.input_folders()? {
            // The links of an overlay go into the system as links. All else is read through links.
            let links = if part == "root_overlay" { Links::Kept } else { Links::Followed };
            let tree = TreeDigest::new(&layer.dir, links, budget, cancel);
            let tree = if is_read(part) { tree } else { tree.keeping_links_out() };
            let digest = tree.of(Path::new(part))?;
            inputs.push((LayerInput::new(&layer.name, LayerPart::Directory(part.to_owned())), digest));
        }
    }
    Ok(inputs)
}

/// Makes one digest of many.
pub(crate) fn of_inputs(inputs: &[(LayerInput, Digest)]) -> Digest {
    let mut builder = DigestBuilder::default();
    for (input, digest) in inputs {
        builder.field(input.to_string()).field(digest.bytes());
    }
    builder.finish()
}

/// The parts of a layer that hold its scripts and what they run.
const SCRIPTS: [&str; 4] = ["extensions", "hooks", "resources", "scripts"];

/// Whether the digest of a layer's scripts covers one of its parts: in a package everything but settings, and in the
/// user's own overrides, which change often, what holds scripts.
fn is_covered(layer: &str, part: &OsStr) -> bool {
    // No package has such a name: theirs have two parts.
    let own = layer == "overrides" || layer.starts_with("overrides/workspaces/");
    match own {
        true => SCRIPTS.iter().any(|known| *known == part),
        false => !SETTINGS.iter().any(|known| *known == part),
    }
}

/// Returns whether [`of_scripts`] covers a file of a layer, relative to the layer.
pub fn scripts_cover(layer: &str, inner: &Path) -> bool {
    inner.components().next().is_some_and(|part| is_covered(layer, part.as_os_str()))
}

/// Returns the digest of everything that the scripts of a layer can run.
///
/// # Errors
/// [`PlanError`] names what cannot be read, and links that lead out of the layer's tree.
pub fn of_scripts(layer: &str, dir: &LayerDir, cancel: &Cancel) -> Result<Digest, PlanError> {
    of_scripts_within(layer, dir, &mut Budget::default(), cancel)
}

/// As [`of_scripts`], as a part of a larger walk.
pub(crate) fn of_scripts_within(
    layer: &str,
    dir: &LayerDir,
    budget: &mut Budget,
    cancel: &Cancel,
) -> Result<Digest, PlanError> {
    let mut builder = DigestBuilder::default();
    let mut names = dir.names()?.unwrap_or_default();
    names.sort();
    for name in names.iter().filter(|name| is_covered(layer, name)) {
        let tree = TreeDigest::new(dir, Links::Followed, budget, cancel);
        // In an overlay, links that lead out of the tree belong to the system that is built.
        let tree = if name == "root_overlay" { tree.keeping_links_out() } else { tree };
        let digest = tree.of(Path::new(name))?;
        builder.field(name.as_encoded_bytes()).field(digest.bytes());
    }
    Ok(builder.finish())
}

/// Returns the digest of a tree, or of a single file: names, kinds, the executable bit, link targets and contents.
/// Times and owners do not count.
///
/// # Errors
/// [`PlanError`] names what cannot be read.
pub fn of_tree(root: &Path, links: Links, cancel: &Cancel) -> Result<Digest, PlanError> {
    let input = |source: io::Error| PlanError::Input { path: root.to_owned(), source };
    let mut budget = Budget::default();
    // From the root of all, so that links lead from tree to tree.
    let real = root.canonicalize().map_err(input)?;
    let dir = LayerDir::open(Path::new("/")).map_err(input)?;
    let inner = real.strip_prefix("/").unwrap_or(&real);
    TreeDigest::new(&dir, links, &mut budget, cancel).keeping_links_out().of(inner)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_read_through_a_link_counts() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        let folders = ["resources", "kernel_patches", "plugins", "scripts"];
        let layer = Layer::open("a/b", root.path()).unwrap();
        let digest = || of_layers(std::slice::from_ref(&layer), &mut Budget::default(), &Cancel::default());
        for folder in folders {
            fs::create_dir(at(folder)).unwrap();
            symlink("../shared", at(folder).join("linked")).unwrap();
        }
        fs::write(at("shared"), "one").unwrap();
        let before = digest().unwrap();
        fs::write(at("shared"), "two").unwrap();
        let after = digest().unwrap();
        assert!(before.len() == folders.len() && before.iter().zip(&after).all(|(before, after)| before.1 != after.1));
        // Where scripts read, a link to a file of the machine is none of skiff's; a patch is read by Buildroot.
        symlink("/etc/passwd", at("resources/out")).unwrap();
        assert!(digest().is_ok());
        symlink("/etc/passwd", at("kernel_patches/out")).unwrap();
        assert!(digest().unwrap_err().to_string().contains("kernel_patches/out` is a link to `/etc/passwd`"));
    }

    #[test]
    fn special_bits_and_files_in_the_place_of_directories_count() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("root_overlay/bin")).unwrap();
        fs::write(root.path().join("root_overlay/bin/tool"), "x").unwrap();
        fs::write(root.path().join("resources"), "one").unwrap();
        let layer = Layer::open("a/b", root.path()).unwrap();
        let digest = || of_layers(std::slice::from_ref(&layer), &mut Budget::default(), &Cancel::default()).unwrap();
        let mut known = vec![digest()];
        let set = |path: &str, mode: u32| {
            fs::set_permissions(root.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
        };
        set("root_overlay/bin/tool", 0o755);
        known.push(digest());
        set("root_overlay/bin/tool", 0o4755);
        known.push(digest());
        set("root_overlay/bin", 0o2755);
        known.push(digest());
        fs::write(root.path().join("resources"), "two").unwrap();
        known.push(digest());
        for (at, one) in known.iter().enumerate() {
            assert!(known.iter().skip(at + 1).all(|other| other != one), "{at}");
        }
    }

    #[test]
    fn content_and_mode_count_and_time_does_not() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("f");
        fs::write(&file, "x").unwrap();
        let first = of_tree(root.path(), Links::Kept, &Cancel::default()).unwrap();
        fs::write(&file, "x").unwrap();
        assert_eq!(of_tree(root.path(), Links::Kept, &Cancel::default()).unwrap(), first);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        let second = of_tree(root.path(), Links::Kept, &Cancel::default()).unwrap();
        assert_ne!(second, first);
        fs::write(&file, "y").unwrap();
        assert_ne!(of_tree(root.path(), Links::Kept, &Cancel::default()).unwrap(), second);
    }

    #[test]
    fn an_absolute_link_counts_as_what_it_leads_to() {
        let root = tempfile::tempdir().unwrap();
        let (tree, outside) = (root.path().join("tree"), root.path().join("outside"));
        fs::create_dir(&tree).unwrap();
        fs::write(&outside, "one").unwrap();
        std::os::unix::fs::symlink(&outside, tree.join("1.patch")).unwrap();
        let digest = || of_tree(&tree, Links::Followed, &Cancel::default()).unwrap();
        let before = digest();
        fs::write(&outside, "two").unwrap();
        assert_ne!(digest(), before);
    }

    #[test]
    fn links_that_lead_to_no_file_count_as_links() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        symlink("nowhere", root.path().join("dangling")).unwrap();
        symlink(".", root.path().join("loop")).unwrap();
        let first = of_tree(root.path(), Links::Followed, &Cancel::default()).unwrap();
        fs::remove_file(root.path().join("dangling")).unwrap();
        symlink("elsewhere", root.path().join("dangling")).unwrap();
        assert_ne!(of_tree(root.path(), Links::Followed, &Cancel::default()).unwrap(), first);
    }

    #[test]
    fn scripts_count_through_links_and_overlays_with_their_links() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        for folder in ["hooks", "root_overlay", "metadata", "kernel"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        symlink("../shared", root.path().join("hooks/linked")).unwrap();
        symlink("/dev/null", root.path().join("root_overlay/masked")).unwrap();
        let layer = LayerDir::open(root.path()).unwrap();
        let digest = || of_scripts("my/layer", &layer, &Cancel::default());
        let mut known = std::collections::BTreeSet::new();
        for (file, text) in [("shared", "one"), ("shared", "two"), ("metadata/x", "sourced"), ("kernel/x", "A=y")] {
            fs::write(root.path().join(file), text).unwrap();
            known.insert(digest().unwrap());
        }
        assert_eq!(known.len(), 3, "settings are not run");
        symlink("/etc/passwd", root.path().join("hooks/out")).unwrap();
        let error = digest().unwrap_err().to_string();
        assert!(error.contains("hooks/out` is a link to `/etc/passwd`"), "{error}");
    }
}
