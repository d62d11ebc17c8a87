//! The indexes of kernel modules, compared with what the real `depmod` and `modprobe` make of them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use skiff_tests::TestEnvironment;

use crate::environment;

const INDEXES: [&str; 10] = [
    "modules.alias",
    "modules.alias.bin",
    "modules.builtin.alias.bin",
    "modules.builtin.bin",
    "modules.dep",
    "modules.dep.bin",
    "modules.devname",
    "modules.softdep",
    "modules.symbols",
    "modules.symbols.bin",
];

/// Runs a program of kmod without the configuration of this machine, and returns what it prints.
fn kmod(env: &TestEnvironment, program: &str, arguments: &[&str]) -> String {
    let empty = env.path("no configuration");
    fs::create_dir_all(&empty).unwrap();
    let output = Command::new(program).arg("-C").arg(empty).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Copies the modules of a target, without their indexes, to a directory of their own. Returns it and its root.
fn copy(env: &TestEnvironment, modules: &Path, release: &str) -> (PathBuf, PathBuf) {
    let root = env.path("depmod");
    let copied = root.join("usr/lib/modules").join(release);
    for entry in walkdir::WalkDir::new(modules) {
        let entry = entry.unwrap();
        let path = copied.join(entry.path().strip_prefix(modules).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(path).unwrap();
        } else if !INDEXES.contains(&entry.file_name().to_str().unwrap()) {
            fs::copy(entry.path(), path).unwrap();
        }
    }
    std::os::unix::fs::symlink("usr/lib", root.join("lib")).unwrap();
    (copied, root)
}

#[test]
fn the_indexes_of_modules_are_those_of_depmod_and_modprobe_finds_modules_in_them() {
    let env = environment();
    env.succeed(&["-c", "virt/qemu", "build"]);
    let target = env.path("workspaces/default/target");
    let modules = fs::read_dir(target.join("usr/lib/modules")).unwrap().next().unwrap().unwrap().path();
    let release = modules.file_name().unwrap().to_str().unwrap();
    let (copied, root) = copy(&env, &modules, release);
    kmod(&env, "depmod", &["-b", root.to_str().unwrap(), release]);
    for name in INDEXES {
        let (ours, theirs) = (fs::read(modules.join(name)).unwrap(), fs::read(copied.join(name)).unwrap());
        let is_same = match name {
            // The order of its lines is that of a hash table, and means nothing.
            "modules.symbols" => ours.len() == theirs.len() && lines(&ours) == lines(&theirs),
            _ if name.ends_with(".bin") => is_same_index(&ours, &theirs),
            _ => ours == theirs,
        };
        assert!(is_same && !ours.is_empty(), "{name} differs from that of depmod");
    }
    let said = |arguments: &[&str]| {
        let place = ["-d", target.to_str().unwrap(), "-S", release];
        kmod(&env, "modprobe", &[&place[..], arguments].concat())
    };
    assert_eq!(said(&["-R", "virtio:d00000001v00001AF4"]), "virtio_net\n");
    let needs = said(&["--show-depends", "br-netfilter"]);
    let at = |file: &str| needs.find(file).unwrap_or_else(|| panic!("{file}: {needs}"));
    assert!(at("/kernel/net/bridge/bridge.ko") < at("/kernel/net/bridge/br_netfilter.ko"), "{needs}");
}

fn lines(text: &[u8]) -> BTreeSet<&[u8]> {
    text.split(|byte| *byte == b'\n').collect()
}

/// Compares bytes. From version 34, depmod writes a node before its children; then the entries are compared.
fn is_same_index(ours: &[u8], theirs: &[u8]) -> bool {
    let root_is_first = number(theirs, 8) & 0x0FFF_FFFF == 12;
    ours == theirs || (root_is_first && ours.len() == theirs.len() && entries(ours) == entries(theirs))
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Reads all keys of an index, each with its values and their priorities. `host/kmod/src/index.rs` describes the format.
fn entries(bytes: &[u8]) -> BTreeMap<Vec<u8>, Vec<(u32, Vec<u8>)>> {
    let string = |at: usize| bytes[at..].split(|byte| *byte == 0).next().unwrap().to_vec();
    let (mut found, mut open) = (BTreeMap::new(), vec![(number(bytes, 8), Vec::new())]);
    while let Some((position, mut key)) = open.pop() {
        let mut at = (position & 0x0FFF_FFFF) as usize;
        if position & 0x8000_0000 != 0 {
            let prefix = string(at);
            at += prefix.len() + 1;
            key.extend(prefix);
        }
        if position & 0x2000_0000 != 0 {
            let characters = bytes[at]..=bytes[at + 1];
            at += 2;
            for character in characters {
                if number(bytes, at) != 0 {
                    open.push((number(bytes, at), [&key[..], &[character]].concat()));
                }
                at += 4;
            }
        }
        if position & 0x4000_0000 != 0 {
            let mut values = Vec::new();
            let count = number(bytes, at);
            at += 4;
            for _ in 0..count {
                values.push((number(bytes, at), string(at + 4)));
                at += 4 + values.last().unwrap().1.len() + 1;
            }
            found.insert(key, values);
        }
    }
    found
}
