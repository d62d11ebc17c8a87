//! Trees that are believed with all that lies in them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;

use crate::Reason;
use crate::Trust;
use crate::Untrusted;
use crate::walk::Step;

/// Files and directories that a tree may have which is examined.
const MAX_ENTRIES: usize = 1_000_000;

/// The links of a directory that lead to what is read. It depends on the way to the directory, so it is handed from there on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Links {
    /// None: nobody reads through them.
    Ignored,
    /// Those with relative targets: absolute targets are places of another system.
    Relative,
    /// All of them.
    Followed,
    /// All of them, at the top of a tree, reached by its own name: only there are overlays what they are.
    Top,
}

impl Links {
    fn follow(self, link: &Path) -> bool {
        match self {
            Self::Ignored => false,
            Self::Relative => fs::read_link(link).is_ok_and(|target| target.is_relative()),
            Self::Followed | Self::Top => true,
        }
    }
}

impl Trust {
    /// As [`Self::check`], for a path and everything below it. Links below it are not followed. `stopped` says whether the
    /// user still wants to know.
    ///
    /// # Errors
    /// [`Untrusted`] names the first thing that somebody else can change.
    pub fn check_tree(&self, path: &Path, stopped: &dyn Fn() -> bool) -> Result<(), Untrusted> {
        self.check_below(path, Links::Ignored, &[], stopped)
    }

    /// As [`Self::check_tree`], for a tree that is read through its links: what they lead to is checked, too. In the directories at
    /// its top that are `overlays`, absolute links mean places of another system, and are not followed.
    ///
    /// # Errors
    /// [`Untrusted`] names the first thing that somebody else can change.
    pub fn check_linked_tree(
        &self,
        path: &Path,
        overlays: &[&str],
        stopped: &dyn Fn() -> bool,
    ) -> Result<(), Untrusted> {
        self.check_below(path, Links::Top, overlays, stopped)
    }

    fn check_below(
        &self,
        path: &Path,
        links: Links,
        overlays: &[&str],
        stopped: &dyn Fn() -> bool,
    ) -> Result<(), Untrusted> {
        self.check(path)?;
        if self.lists(path) {
            return Ok(());
        }
        let unknown = |at: &Path, source| Reason::Unknown { at: at.to_owned(), source };
        let untrusted = |reason| Untrusted { path: path.to_owned(), reason };
        let overlays: Vec<PathBuf> = overlays.iter().map(|part| path.join(part)).collect();
        let real_overlays: Vec<PathBuf> = overlays.iter().filter_map(|overlay| overlay.canonicalize().ok()).collect();
        let (mut seen, mut left) = (BTreeSet::new(), MAX_ENTRIES);
        let mut directories = vec![(path.to_owned(), links)];
        while let Some((directory, links)) = directories.pop() {
            let metadata = match fs::metadata(&directory) {
                // What leads nowhere, or is removed meanwhile, is read by nobody.
                Err(_) => continue,
                Ok(metadata) => metadata,
            };
            // By its number: many links can lead to one directory. Where other links of it are followed, it is read once more.
            if !metadata.is_dir() || !seen.insert((metadata.dev(), metadata.ino(), links)) {
                continue;
            }
            let entries = fs::read_dir(&directory).map_err(|error| untrusted(unknown(&directory, error)))?;
            for entry in entries {
                left = usize::checked_sub(left, 1).filter(|_| !stopped()).ok_or_else(|| {
                    let kind = if stopped() { io::ErrorKind::Interrupted } else { io::ErrorKind::FileTooLarge };
                    untrusted(unknown(&directory, kind.into()))
                })?;
                let entry = entry.map_err(|error| untrusted(unknown(&directory, error)))?.path();
                let metadata = match fs::symlink_metadata(&entry) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    metadata => metadata.map_err(|error| untrusted(unknown(&entry, error)))?,
                };
                let (is_link, is_dir) = (metadata.is_symlink(), metadata.is_dir());
                self.check_step(&Step::at(entry.clone(), metadata, true)).map_err(untrusted)?;
                let below = match links {
                    Links::Top if overlays.contains(&entry) => Links::Relative,
                    Links::Top => Links::Followed,
                    links => links,
                };
                if is_dir {
                    directories.push((entry, below));
                } else if is_link && links.follow(&entry) {
                    self.check(&entry)?;
                    directories.push(match below {
                        Links::Relative => led_to(entry, &real_overlays),
                        _ => (entry, below),
                    });
                }
            }
        }
        Ok(())
    }
}

/// Returns what a link in an overlay, or in the place of one, leads to. Behind a link that leads out of the overlay, absolute
/// targets are places of this machine.
fn led_to(link: PathBuf, overlays: &[PathBuf]) -> (PathBuf, Links) {
    // A link that leads nowhere is skipped when its turn comes.
    let real = link.canonicalize().unwrap_or(link);
    let stays = overlays.iter().any(|overlay| real.starts_with(overlay));
    (real, if stays { Links::Relative } else { Links::Followed })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::fs::symlink;

    use super::*;

    fn trust() -> Trust {
        Trust::of(rustix::process::geteuid().as_raw(), None)
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn other_names_of_the_top_do_not_make_it_an_overlay() {
        for target in [".", "../layer", "sub/.."] {
            let root = tempfile::tempdir().unwrap();
            let at = |inner: &str| root.path().join(inner);
            for directory in ["layer/overlay", "layer/sub", "open"] {
                fs::create_dir_all(at(directory)).unwrap();
            }
            fs::write(at("open/evil"), "").unwrap();
            mode(&at("open"), 0o777);
            symlink(at("open/evil"), at("layer/overlay/evil")).unwrap();
            let check = || trust().check_linked_tree(&at("layer"), &["overlay"], &|| false);
            assert!(check().is_ok(), "in the overlay, the link means a place of another system");
            symlink(target, at("layer/ext")).unwrap();
            assert!(check().is_err(), "{target}: layer/ext/overlay/evil is read as what it leads to");
        }
    }

    #[test]
    fn links_are_followed_once_and_not_where_nobody_reads_them() {
        let root = tempfile::tempdir().unwrap();
        let at = |inner: &str| root.path().join(inner);
        let deep = (0..60).fold(at("layer/deep"), |path, number| path.join(number.to_string()));
        fs::create_dir_all(&deep).unwrap();
        (0..3000).for_each(|number| symlink("../../..", deep.join(format!("l{number}"))).unwrap());
        let check = || trust().check_linked_tree(&at("layer"), &["overlay"], &|| false);
        check().unwrap();
        fs::create_dir_all(at("bob/tree")).unwrap();
        fs::create_dir_all(at("layer/overlay")).unwrap();
        symlink(at("bob/tree"), at("layer/overlay/link")).unwrap();
        mode(&at("bob/tree"), 0o777);
        check().unwrap();
        symlink("../../bob/tree", at("layer/overlay/relative")).unwrap();
        assert!(check().is_err(), "scripts read through it");
        fs::remove_file(at("layer/overlay/relative")).unwrap();
        symlink("../../bob/tree", at("layer/deep/link")).unwrap();
        assert!(check().is_err());
        fs::remove_file(at("layer/deep/link")).unwrap();
        fs::remove_dir_all(at("layer/overlay")).unwrap();
        symlink("../bob/tree", at("layer/overlay")).unwrap();
        assert!(check().is_err(), "the directory itself is read");
        let stopped = trust().check_linked_tree(&at("layer"), &[], &|| true).unwrap_err();
        assert!(
            matches!(&stopped.reason, Reason::Unknown { source, .. } if source.kind() == io::ErrorKind::Interrupted)
        );
    }

    /// Makes files and directories, and links, in the given order. Where a file system lists names by time, the order decides.
    fn make(root: &Path, entries: &[(&str, Option<&Path>)]) {
        for (name, target) in entries {
            match target {
                Some(target) => symlink(target, root.join(name)).unwrap(),
                None => fs::create_dir_all(root.join(name)).unwrap(),
            }
        }
    }

    #[test]
    fn no_order_of_a_directory_hides_what_is_behind_a_link() {
        let root = tempfile::tempdir().unwrap();
        let bob = root.path().join("bob");
        fs::create_dir_all(bob.join("lib")).unwrap();
        symlink(bob.join("lib"), bob.join("beside")).unwrap();
        let open = bob.join("lib");
        mode(&open, 0o777);
        mode(&bob, 0o755);
        let believes = |layer: &Path| trust().check_linked_tree(layer, &["overlay"], &|| false).is_ok();
        // File systems list names by their hash or by their age: several names and both ages come in every order.
        for number in 0..12 {
            let layer = |kind: &str| root.path().join(format!("{kind}{number}"));
            let common = format!("common{number}");
            let (lib, back) = (format!("{common}/lib"), PathBuf::from(format!("../{common}")));
            let mut entries = [
                (common.as_str(), None),
                (lib.as_str(), Some(open.as_path())),
                ("overlay", None),
                ("overlay/x", Some(&*back)),
            ];
            make(&layer("early"), &[("", None)]);
            make(&layer("early"), &entries);
            entries.rotate_left(2);
            make(&layer("late"), &[("", None)]);
            make(&layer("late"), &entries);
            assert!(!believes(&layer("early")) && !believes(&layer("late")), "{common} is also read by its own name");
            // The overlay is the directory, and another name of it is not the overlay.
            let link = Path::new("overlay");
            make(&layer("named"), &[("overlay", None), ("overlay/lib", Some(&open))]);
            assert!(believes(&layer("named")));
            make(&layer("named"), &[(&common, Some(link))]);
            assert!(!believes(&layer("named")), "{common} is read as a directory of this machine");
            make(&layer("led"), &[(&common, None), (&lib, Some(&open)), ("overlay", Some(Path::new(&common)))]);
            assert!(!believes(&layer("led")), "{common} is the overlay and itself");
        }
        // Links of a place outside of the overlay mean places of this machine, also where only the overlay leads there.
        let layer = root.path().join("layer");
        make(&layer, &[("overlay/etc", None), ("overlay/etc/x", Some(&open)), ("overlay/y", Some(Path::new("etc")))]);
        assert!(believes(&layer), "it stays in the overlay");
        make(&root.path().join("shared"), &[("", None), ("lib", Some(&open))]);
        make(&layer, &[("overlay/out", Some(Path::new("../../shared")))]);
        assert!(!believes(&layer));
    }

    #[test]
    fn a_tree_is_believed_with_all_that_lies_in_it() {
        let root = tempfile::tempdir().unwrap();
        let tree = root.path().join("tree");
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::write(tree.join("a/b/f"), "").unwrap();
        symlink("/tmp", tree.join("link")).unwrap();
        trust().check_tree(&tree, &|| false).unwrap();
        trust().check_tree(&root.path().join("none"), &|| false).unwrap();
        for (path, bits) in [("a/b", 0o1777), ("a/b/f", 0o646), ("a", 0o757)] {
            let path = tree.join(path);
            let before = fs::metadata(&path).unwrap().permissions().mode();
            mode(&path, bits);
            trust().check(&tree).unwrap();
            let error = trust().check_tree(&tree, &|| false).unwrap_err();
            assert!(matches!(&error.reason, Reason::Writable { at, .. } if *at == path), "{error}");
            mode(&path, before);
        }
    }
}
