//! The house itself: who may depend on whom, and what is written twice on purpose.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;

use skiff_tests::TestEnvironment;

/// The crates that each crate may use. ARCHITECTURE.md draws the same.
const ALLOWED: [(&str, &[&str]); 13] = [
    ("skiff-text", &[]),
    ("skiff-trust", &["skiff-text"]),
    ("skiff-kconfig", &["skiff-text"]),
    ("skiff-layers", &["skiff-text"]),
    ("skiff-layout", &["skiff-text"]),
    ("skiff-flash", &["skiff-layout", "skiff-text", "skiff-tree"]),
    ("skiff-plan", &["skiff-kconfig", "skiff-layers", "skiff-text"]),
    ("skiff-tree", &["skiff-text"]),
    ("skiff-runtime", &["skiff-kconfig", "skiff-layers", "skiff-layout", "skiff-plan", "skiff-text", "skiff-tree"]),
    ("skiff-build", &["skiff-kconfig", "skiff-layers", "skiff-plan", "skiff-text", "skiff-tree", "skiff-trust"]),
    (
        "skiff-cli",
        &[
            "skiff-build",
            "skiff-flash",
            "skiff-kconfig",
            "skiff-layers",
            "skiff-layout",
            "skiff-plan",
            "skiff-runtime",
            "skiff-text",
            "skiff-tree",
            "skiff-trust",
        ],
    ),
    ("skiff-sdk", &[]),
    (
        "skiff-tests",
        &[
            "skiff-build",
            "skiff-cli",
            "skiff-flash",
            "skiff-kconfig",
            "skiff-layers",
            "skiff-layout",
            "skiff-plan",
            "skiff-runtime",
            "skiff-tree",
        ],
    ),
];

#[test]
fn crates_depend_only_downwards() {
    let manifest = TestEnvironment::checkout().join("Cargo.toml");
    let metadata = cargo_metadata::MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap();
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ALLOWED.iter().map(|(name, uses)| (*name, uses.iter().copied().collect())).collect();
    for package in &metadata.packages {
        let uses: BTreeSet<&str> =
            package.dependencies.iter().map(|d| d.name.as_str()).filter(|name| name.starts_with("skiff-")).collect();
        let may = allowed.get(package.name.as_str()).unwrap_or_else(|| panic!("`{}` is not in the list", package.name));
        let wrong: Vec<_> = uses.difference(may).collect();
        assert!(wrong.is_empty(), "`{}` uses {wrong:?}", package.name);
        let has = |name: &str| package.dependencies.iter().any(|dependency| dependency.name == name);
        assert!(!has("wasmtime") || package.name == "skiff-runtime", "`{}` sees wasmtime", package.name);
        let opens_devices = matches!(package.name.as_str(), "skiff-flash" | "skiff-cli" | "skiff-tests");
        assert!(!uses.contains("skiff-flash") || opens_devices, "`{}` could write to devices", package.name);
        assert!(!has("clap") || package.name == "skiff-cli", "`{}` reads arguments", package.name);
    }
}

#[test]
fn only_the_command_line_reads_the_environment() {
    // The cache says when it was used last.
    let exceptions = [("runtime/src/cache.rs", "SystemTime::now")];
    let words = ["env::var", "env::current", "env::temp_dir", "SystemTime::now", "println!"];
    let host = TestEnvironment::checkout().join("host");
    for crate_name in fs::read_dir(&host).unwrap().map(|entry| entry.unwrap().file_name()) {
        if crate_name == "cli" {
            continue;
        }
        let sources = host.join(crate_name).join("src");
        for entry in walkdir::WalkDir::new(sources) {
            let entry = entry.unwrap();
            if entry.file_type().is_dir() {
                continue;
            }
            let text = fs::read_to_string(entry.path()).unwrap();
            let product = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            for word in words.into_iter().filter(|word| product.contains(word)) {
                let inner = entry.path().strip_prefix(&host).unwrap();
                assert!(exceptions.contains(&(inner.to_str().unwrap(), word)), "{} uses {word}", inner.display());
            }
        }
    }
}

#[test]
fn plugins_are_held_to_the_same_lints() {
    let lints = |file: &str| {
        let text = fs::read_to_string(TestEnvironment::checkout().join(file)).unwrap();
        let from = text.split_once("[workspace.lints.rust]").unwrap().1;
        from.split_once("[profile").unwrap().0.trim().to_owned()
    };
    assert_eq!(lints("plugins/Cargo.toml"), lints("Cargo.toml"));
}

#[test]
fn every_shipped_plugin_has_its_grants_and_fits_them() {
    let environment = crate::environment();
    let table = fs::read_to_string(TestEnvironment::checkout().join("plugins/layers")).unwrap();
    let pairs: Vec<(&str, &str)> = table.lines().filter_map(|line| line.split_once(' ')).collect();
    assert!(pairs.len() > 20, "{table}");
    for (plugin, layer) in pairs {
        let listed = environment.succeed(&["grant", "list", layer]).stdout;
        assert!(listed.contains(&format!("{layer}/{plugin} ")) && !listed.contains("MISSING"), "{layer}: {listed}");
    }
}

#[test]
fn the_help_screen_is_what_was_reviewed() {
    let help = crate::environment().succeed(&["--help"]).stdout;
    insta::assert_snapshot!(help);
}
