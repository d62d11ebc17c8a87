//! Comparison with `depmod` and `modprobe` of kmod. `SKIFF_TEST_MODULES` names a directory with `lib/modules/RELEASE`, as
//! `dpkg -x linux-image-….deb` makes it; `depmod` writes its files there.

#![allow(clippy::disallowed_methods, reason = "tests name their own files")]
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use skiff_kmod::Lists;
use skiff_kmod::ModuleInfo;
use skiff_kmod::ModuleSet;
use skiff_kmod::Modules;

fn root() -> PathBuf {
    PathBuf::from(std::env::var_os("SKIFF_TEST_MODULES").unwrap())
}

fn releases(root: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(root.join("lib/modules")).unwrap().map(|entry| entry.unwrap());
    let releases: Vec<_> = entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.path())).collect();
    assert!(!releases.is_empty());
    releases
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "ko") {
            files.push(path);
        }
    }
}

/// Reads the modules of a kernel, and returns the time that it took without opening files.
fn read(folder: &Path) -> (Modules, Duration) {
    let mut files = Vec::new();
    walk(folder, &mut files);
    let (mut set, mut took) = (ModuleSet::default(), Duration::ZERO);
    for file in &files {
        let bytes = fs::read(file).unwrap();
        let start = Instant::now();
        let module = ModuleInfo::read(file.strip_prefix(folder).unwrap(), &bytes);
        set.add(module.unwrap_or_else(|error| panic!("{}: {error}", file.display()))).unwrap();
        took += start.elapsed();
    }
    let list = |name: &str| fs::read(folder.join(name)).unwrap_or_default();
    let (order, builtin, builtin_info) =
        (list("modules.order"), list("modules.builtin"), list("modules.builtin.modinfo"));
    let text = |bytes| std::str::from_utf8(bytes).unwrap();
    let lists = Lists { order: text(&order), builtin: text(&builtin), builtin_info: &builtin_info };
    (set.arrange(&lists), took)
}

#[test]
#[ignore = "needs kmod, and the modules of a kernel in the directory SKIFF_TEST_MODULES"]
fn the_files_are_those_of_depmod() {
    let root = root();
    for (release, folder) in releases(&root) {
        let (modules, took) = read(&folder);
        let start = Instant::now();
        let files = modules.files().unwrap();
        println!("{release}: reading took {took:?}, writing {:?}", start.elapsed());
        let empty = tempfile::tempdir().unwrap();
        let mut depmod = Command::new("depmod");
        depmod.arg("-C").arg(empty.path()).arg("-b").arg(&root).arg(&release);
        assert!(depmod.status().unwrap().success());
        for (name, ours) in &files {
            let theirs = fs::read(folder.join(name)).unwrap();
            if *name == "modules.symbols" {
                let lines = |bytes: &[u8]| -> BTreeSet<Vec<u8>> {
                    bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
                };
                assert!(lines(ours) == lines(&theirs) && ours.len() == theirs.len(), "{release}: {name}");
            } else {
                assert!(*ours == theirs, "{release}: {name} differs");
            }
        }
    }
}

/// Makes a root that has only the modules and the files of this crate, and returns what `modprobe` says there.
fn modprobe(files: &BTreeMap<&'static str, Vec<u8>>, modules: &Path, release: &str, arguments: &[&str]) -> String {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("lib/modules").join(release);
    fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(modules.join("kernel").canonicalize().unwrap(), folder.join("kernel")).unwrap();
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".bin") || **name == "modules.softdep") {
        fs::write(folder.join(name), bytes).unwrap();
    }
    let mut command = Command::new("modprobe");
    command.arg("-C").arg("/dev/null").arg("-d").arg(root.path()).args(["-S", release]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    said.replace(&format!("{}/lib/modules/{release}/", root.path().display()), "")
}

#[test]
#[ignore = "needs kmod, and the modules of a cloud kernel in the directory SKIFF_TEST_MODULES"]
fn modprobe_finds_modules_through_these_files_alone() {
    for (release, folder) in releases(&root()) {
        let files = read(&folder).0.files().unwrap();
        let said = |arguments: &[&str]| modprobe(&files, &folder, &release, arguments);
        assert_eq!(said(&["-R", "virtio:d00000001v00000000"]).trim(), "virtio_net");
        assert_eq!(said(&["-R", "nf-nat"]).trim(), "nf_nat");
        assert_eq!(said(&["-R", "ext4"]).trim(), "ext4");
        for name in ["br_netfilter", "br-netfilter"] {
            let lines = said(&["--show-depends", name]);
            assert!(lines.ends_with("insmod kernel/net/bridge/br_netfilter.ko \n"), "{lines}");
            assert!(lines.contains("insmod kernel/net/bridge/bridge.ko "), "{lines}");
        }
        assert_eq!(said(&["-R", "symbol:br_fdb_find_port"]).trim(), "bridge");
    }
}
