//! Removing what has to be built again. Whatever is removed first makes what comes after count as missing, so that a
//! killed run leaves nothing that looks complete and is not.

use std::fs;
use std::path::Path;

use walkdir::WalkDir;

use super::info::Packages;
use super::installed;
use super::rebuild::Rebuild;
use crate::FileError;
use crate::mounted::remove_tree;
use crate::workspace::output_directories;

/// Removes what is to be made again from a workspace whose packages are `built`. Returns what was done, in words.
pub(crate) fn remove(rebuild: &Rebuild, folder: &Path, built: &Packages) -> Result<Vec<String>, FileError> {
    let (packages, target) = match rebuild {
        Rebuild::All(_) if !is_built(folder) => return Ok(Vec::new()),
        Rebuild::All(_) => {
            output_directories().try_for_each(|name| remove_tree(&folder.join(name)))?;
            return Ok(rebuild.lines());
        }
        Rebuild::Some { packages, target } => (packages, target),
    };
    let stamps = |name: &String| {
        let stamps = built.get(name).map(|info| &info.stamp_dir).filter(|stamps| !stamps.is_empty());
        stamps.map(|stamps| folder.join(stamps)).filter(|path| path.is_dir())
    };
    let packages: Vec<_> = packages.iter().filter_map(|(name, reason)| Some((name, reason, stamps(name)?))).collect();
    let mut target = target.clone().filter(|_| folder.join("target").exists());
    let names = packages.iter().map(|(name, ..)| name.as_str()).collect();
    installed::remove_from_host(folder, &names, built)?;
    if target.is_none() {
        target = installed::remove_from_target(folder, &names, built)?;
    }
    // Before the stamps of the packages, by which the next run would decide the same.
    if target.is_some() {
        put_together_again(folder)?;
    }
    for (name, _, stamps) in &packages {
        remove_tree(stamps)?;
        remove_tree(&folder.join("per-package").join(name))?;
    }
    let packages = packages.into_iter().map(|(name, reason, _)| (name.clone(), reason.clone())).collect();
    Ok(Rebuild::Some { packages, target }.lines())
}

/// Whether anything was built: Kconfig's own program, which configuring leaves, does not count.
fn is_built(folder: &Path) -> bool {
    let in_build = fs::read_dir(folder.join("build")).into_iter().flatten().flatten();
    let kconfig = ["buildroot-config", ".br2-external.in.paths"];
    let mut packages =
        in_build.filter(|entry| entry.path().is_dir() && !kconfig.iter().any(|own| entry.file_name() == *own));
    packages.next().is_some() || output_directories().any(|name| name != "build" && folder.join(name).exists())
}

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

/// Empties the target and has every package install itself again, without compiling.
fn put_together_again(folder: &Path) -> Result<(), FileError> {
    // With a directory for each package, Buildroot copies those of the packages that there are.
    if !folder.join("per-package").exists() {
        // The stamps first: a target without its files must not look complete.
        remove_stamps(folder, |package, name| {
            let is_libc = package.to_string_lossy().contains("/host-gcc-final-");
            matches!(name, ".stamp_target_installed" | ".stamp_installed") || is_libc && name == ".stamp_host_installed"
        })?;
    }
    remove_tree(&folder.join("target"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::buildroot::info::PackageInfo;

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (file, text) in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    fn some(packages: &[&str], target: Option<&str>) -> Rebuild {
        let packages: BTreeMap<_, _> = packages.iter().map(|name| ((*name).to_owned(), "r".to_owned())).collect();
        Rebuild::Some { packages, target: target.map(str::to_owned) }
    }

    fn built(names: &[&str]) -> Packages {
        let info = |name: &str| PackageInfo { stamp_dir: format!("build/{name}"), ..PackageInfo::default() };
        names.iter().map(|name| ((*name).to_owned(), info(name))).collect()
    }

    #[test]
    fn what_only_a_package_has_installed_goes_with_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path();
        let files = |list: &[u8]| {
            write(
                folder,
                &[
                    ("build/a/.stamp_target_installed", ""),
                    ("build/b/.stamp_target_installed", ""),
                    ("build/b/.files-list.txt", "b,./bin/b\n"),
                    ("build/a/.stamp_staging_installed", ""),
                    ("build/b/.stamp_staging_installed", ""),
                    ("build/a/.stamp_host_installed", ""),
                    ("build/a/.files-list-staging.txt", "a,./usr/include/a.h\na,./usr/include/both.h\n"),
                    ("build/b/.files-list-staging.txt", "b,./usr/include/both.h\n"),
                    ("build/a/.files-list-host.txt", "a,./bin/tool\n"),
                    ("host/x/sysroot/usr/include/a.h", ""),
                    ("host/x/sysroot/usr/include/both.h", ""),
                    ("host/bin/tool", ""),
                    ("target/bin/a", ""),
                    ("target/bin/b", ""),
                    ("target/etc/a/own", ""),
                ],
            );
            fs::write(folder.join("build/a/.files-list.txt"), list).unwrap();
        };
        let there = |path: &str| folder.join(path).exists();
        files(b"a,./bin/a\na,./bin/gone\n");
        let said = remove(&some(&["a"], None), folder, &built(&["a", "b"])).unwrap();
        assert_eq!(said, ["r: the package `a` is built again"]);
        assert!(!there("target/bin/a") && !there("build/a"));
        assert!(there("target/bin/b") && there("build/b/.stamp_target_installed"));
        assert!(!there("host/x/sysroot/usr/include/a.h") && there("host/x/sysroot/usr/include/both.h"));
        assert!(!there("host/bin/tool"));
        for list in [&b"a,./bin/b\n"[..], b"a,../outside\n", b"a,./etc/a/own\n", b"a,./bin/line\nend\n"] {
            files(list);
            write(folder, &[("outside", "")]);
            let said = remove(&some(&["a"], None), folder, &built(&["a", "b"])).unwrap();
            assert!(said[1].ends_with(": the target is put together again"), "{said:?}");
            assert!(!there("target") && there("outside") && !there("build/b/.stamp_target_installed"));
        }
    }

    #[test]
    fn a_target_is_put_together_again_without_its_stamps() {
        let root = tempfile::tempdir().unwrap();
        for file in ["build/x-1/.stamp_target_installed", "build/x-1/.stamp_built", "target/etc/old"] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        remove(&some(&[], Some("x")), root.path(), &Packages::new()).unwrap();
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
