//! Digests over everything that is read, so that a change of content, and nothing else, means work.

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

/// Returns the digest of everything that the scripts of a layer can run: all of a package, and of the user's own
/// overrides, which change often, what holds scripts.
///
/// # Errors
/// [`PlanError::Input`] names what cannot be read.
pub fn of_scripts(layer: &str, root: &Path) -> Result<Digest, PlanError> {
    // No package has such a name: theirs have two parts.
    let own = layer == "overrides" || layer.starts_with("overrides/workspaces/");
    if !own {
        return of_tree(root, Links::Followed);
    }
    let mut builder = DigestBuilder::default();
    for part in ["extensions", "hooks", "resources", "scripts"] {
        let folder = root.join(part);
        if folder.is_dir() {
            builder.field(part).field(of_tree(&folder, Links::Followed)?.bytes());
        }
    }
    Ok(builder.finish())
}

/// What is made of symbolic links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// They are digested as links.
    Kept,
    /// What they lead to is digested.
    Followed,
}

/// Returns the digest of a tree: names, kinds, the executable bit, link targets and contents. Times and owners
/// do not count.
///
/// # Errors
/// [`PlanError::Input`] names what cannot be read.
pub fn of_tree(root: &Path, links: Links) -> Result<Digest, PlanError> {
    let mut builder = DigestBuilder::default();
    for entry in WalkDir::new(root).min_depth(1).follow_links(links == Links::Followed).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(root).to_owned();
            PlanError::Input { path, source: error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into()) }
        })?;
        let name = entry.path().strip_prefix(root).unwrap_or(entry.path());
        builder.field(name.as_os_str().as_encoded_bytes());
        add_entry(&mut builder, &entry).map_err(|source| PlanError::Input { path: entry.path().to_owned(), source })?;
    }
    Ok(builder.finish())
}

fn add_entry(builder: &mut DigestBuilder, entry: &walkdir::DirEntry) -> io::Result<()> {
    let kind = entry.file_type();
    if kind.is_dir() {
        builder.field("dir");
    } else if kind.is_symlink() {
        builder.field("link").field(fs::read_link(entry.path())?.as_os_str().as_encoded_bytes());
    } else if kind.is_file() {
        builder.field(if is_executable(entry)? { "program" } else { "file" });
        builder.field(Digest::of_reader(fs::File::open(entry.path())?)?.bytes());
    } else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a file nor a folder nor a symbolic link"));
    }
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
}
