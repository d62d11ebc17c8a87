//! Digests over everything that is read, so that a change of content, and nothing else, means work.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

use skiff_layers::Layer;
use walkdir::WalkDir;

use crate::Digest;
use crate::DigestBuilder;
use crate::PlanError;

/// The digests of what a plan was made from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fingerprint {
    /// Everything that configuring depends on, the checkout's place included, since the merged
    /// configuration names paths.
    pub configuration: Digest,
    /// What the layers hold, wherever they lie. Part of the digest of every image.
    pub layers: Digest,
    /// Each part of each layer, to say which of them has changed: `pi/4: kernel`.
    #[serde(skip)]
    pub inputs: Vec<(String, Digest)>,
}

/// The parts of a layer whose files skiff reads.
const READ: [&str; 7] = ["buildroot", "busybox", "cflags", "kernel", "metadata", "uboot", "users"];

/// Returns the digests of the contents of all layers' parts, in order.
pub(crate) fn of_layers(layers: &[Layer]) -> Result<Vec<(String, Digest)>, PlanError> {
    let mut inputs = Vec::new();
    for layer in layers {
        for (part, folder) in layer.input_folders() {
            // skiff itself reads these through links; whatever else a link leads to, nobody reads through it.
            let links = if READ.contains(&part) { Links::Followed } else { Links::Kept };
            inputs.push((format!("{}: {part}", layer.name), of_tree(&folder, links)?));
        }
    }
    Ok(inputs)
}

/// Makes one digest of many.
pub(crate) fn of_inputs(inputs: &[(String, Digest)]) -> Digest {
    let mut builder = DigestBuilder::default();
    for (name, digest) in inputs {
        builder.field(name).field(digest.bytes());
    }
    builder.finish()
}

/// The parts of a layer that hold its scripts and what they run.
const SCRIPTS: [&str; 4] = ["extensions", "hooks", "resources", "scripts"];

/// Whether the digest of a layer's scripts covers one of its parts: in a package everything but what skiff itself takes
/// apart line by line, and in the user's own overrides, which change often, what holds scripts.
fn is_covered(layer: &str, part: &OsStr) -> bool {
    // No package has such a name: theirs have two parts.
    let own = layer == "overrides" || layer.starts_with("overrides/workspaces/");
    match own {
        true => SCRIPTS.iter().any(|known| *known == part),
        false => !READ.iter().any(|known| *known == part),
    }
}

/// Returns whether [`of_scripts`] covers a file of a layer, relative to the layer.
pub fn scripts_cover(layer: &str, inner: &Path) -> bool {
    inner.components().next().is_some_and(|part| is_covered(layer, part.as_os_str()))
}

/// Returns the digest of everything that the scripts of a layer can run.
///
/// # Errors
/// [`PlanError::Input`] names what cannot be read.
pub fn of_scripts(layer: &str, root: &Path) -> Result<Digest, PlanError> {
    let mut builder = DigestBuilder::default();
    for entry in WalkDir::new(root).min_depth(1).max_depth(1).sort_by_file_name() {
        let entry = entry.map_err(at(root))?;
        if !is_covered(layer, entry.file_name()) {
            continue;
        }
        // The links of an overlay belong to the system that is built: here they lead anywhere.
        let runs = SCRIPTS.iter().any(|part| *part == entry.file_name());
        let links = if runs { Links::Followed } else { Links::Kept };
        let digest = of_tree(entry.path(), links)?;
        builder.field(entry.file_name().as_encoded_bytes()).field(digest.bytes());
    }
    Ok(builder.finish())
}

/// What is made of symbolic links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// They are digested as links.
    Kept,
    /// The file or the folder that they lead to is digested; as a link what leads to neither.
    Followed,
}

/// Returns the digest of a tree, or of a single file: names, kinds, the executable bit, link targets and contents.
/// Times and owners do not count.
///
/// # Errors
/// [`PlanError::Input`] names what cannot be read.
pub fn of_tree(root: &Path, links: Links) -> Result<Digest, PlanError> {
    let mut builder = DigestBuilder::default();
    for entry in WalkDir::new(root).follow_links(links == Links::Followed).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) if entry.depth() == 0 && entry.file_type().is_dir() => continue,
            Ok(entry) => entry,
            // It leads nowhere, or to a folder that it lies in.
            Err(error) if error.path().is_some_and(Path::is_symlink) => {
                let link = error.path().unwrap_or(root);
                builder.field(name_in(root, link));
                add_link(&mut builder, link).map_err(|source| PlanError::Input { path: link.to_owned(), source })?;
                continue;
            }
            Err(error) => return Err(at(root)(error)),
        };
        builder.field(name_in(root, entry.path()));
        add_entry(&mut builder, &entry).map_err(|source| PlanError::Input { path: entry.path().to_owned(), source })?;
    }
    Ok(builder.finish())
}

fn name_in<'a>(root: &Path, path: &'a Path) -> &'a [u8] {
    path.strip_prefix(root).unwrap_or(path).as_os_str().as_encoded_bytes()
}

fn at(root: &Path) -> impl FnOnce(walkdir::Error) -> PlanError {
    let root = root.to_owned();
    move |error| {
        let path = error.path().map_or(root, Path::to_owned);
        PlanError::Input { path, source: error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into()) }
    }
}

fn add_entry(builder: &mut DigestBuilder, entry: &walkdir::DirEntry) -> io::Result<()> {
    let kind = entry.file_type();
    if kind.is_dir() {
        builder.field("dir");
    } else if kind.is_file() {
        builder.field(if is_executable(entry)? { "program" } else { "file" });
        builder.field(Digest::of_file(fs::File::open(entry.path())?)?.bytes());
    } else if entry.path_is_symlink() {
        add_link(builder, entry.path())?;
    } else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a file nor a folder nor a symbolic link"));
    }
    Ok(())
}

fn add_link(builder: &mut DigestBuilder, path: &Path) -> io::Result<()> {
    builder.field("link").field(fs::read_link(path)?.as_os_str().as_encoded_bytes());
    Ok(())
}

fn is_executable(entry: &walkdir::DirEntry) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(entry.metadata()?.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_and_mode_count_and_time_does_not() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("f");
        fs::write(&file, "x").unwrap();
        let first = of_tree(root.path(), Links::Kept).unwrap();
        fs::write(&file, "x").unwrap();
        assert_eq!(of_tree(root.path(), Links::Kept).unwrap(), first);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        let second = of_tree(root.path(), Links::Kept).unwrap();
        assert_ne!(second, first);
        fs::write(&file, "y").unwrap();
        assert_ne!(of_tree(root.path(), Links::Kept).unwrap(), second);
    }

    #[test]
    fn links_that_lead_to_no_file_count_as_links() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        symlink("/dev/null", root.path().join("masked")).unwrap();
        symlink("nowhere", root.path().join("dangling")).unwrap();
        symlink(".", root.path().join("loop")).unwrap();
        let first = of_tree(root.path(), Links::Followed).unwrap();
        fs::remove_file(root.path().join("dangling")).unwrap();
        symlink("elsewhere", root.path().join("dangling")).unwrap();
        assert_ne!(of_tree(root.path(), Links::Followed).unwrap(), first);
    }

    #[test]
    fn scripts_count_through_links_and_overlays_with_their_links() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        let elsewhere = root.path().join("elsewhere");
        let layer = root.path().join("layer");
        for folder in ["hooks", "root_overlay"] {
            fs::create_dir_all(layer.join(folder)).unwrap();
            symlink(&elsewhere, layer.join(folder).join("linked")).unwrap();
        }
        symlink("/dev/null", layer.join("root_overlay/masked")).unwrap();
        fs::write(&elsewhere, "one").unwrap();
        let first = of_scripts("my/layer", &layer).unwrap();
        fs::write(&elsewhere, "two").unwrap();
        assert_ne!(of_scripts("my/layer", &layer).unwrap(), first);
    }
}
