//! The house itself: who may depend on whom, and what is written twice on purpose.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use skiff_build::ENGINES;
use skiff_layers::Layer;
use skiff_tests::TestEnvironment;

/// The crates that each crate may use. ARCHITECTURE.md draws the same.
const ALLOWED: [(&str, &[&str]); 22] = [
    ("skiff-text", &[]),
    ("skiff-file", &[]),
    ("skiff-digest", &[]),
    ("skiff-report", &[]),
    ("skiff-trust", &["skiff-text"]),
    ("skiff-debian", &["skiff-text"]),
    ("skiff-kconfig", &["skiff-file", "skiff-text"]),
    ("skiff-kmod", &["skiff-text"]),
    ("skiff-layers", &["skiff-debian", "skiff-digest", "skiff-file", "skiff-layout", "skiff-text"]),
    ("skiff-layout", &["skiff-text"]),
    ("skiff-flash", &["skiff-file", "skiff-layout", "skiff-text", "skiff-tree"]),
    ("skiff-plan", &["skiff-digest", "skiff-kconfig", "skiff-layers", "skiff-report", "skiff-text"]),
    ("skiff-tree", &["skiff-text"]),
    (
        "skiff-runtime",
        &[
            "skiff-digest",
            "skiff-file",
            "skiff-kconfig",
            "skiff-layers",
            "skiff-layout",
            "skiff-plan",
            "skiff-report",
            "skiff-text",
            "skiff-tree",
        ],
    ),
    (
        "skiff-build",
        &[
            "skiff-debian",
            "skiff-digest",
            "skiff-file",
            "skiff-kconfig",
            "skiff-kmod",
            "skiff-layers",
            "skiff-plan",
            "skiff-report",
            "skiff-text",
            "skiff-tree",
            "skiff-trust",
        ],
    ),
    ("skiff-draw", &["skiff-flash", "skiff-layout", "skiff-text"]),
    (
        "skiff-project",
        &[
            "skiff-build",
            "skiff-digest",
            "skiff-file",
            "skiff-flash",
            "skiff-kconfig",
            "skiff-layers",
            "skiff-layout",
            "skiff-plan",
            "skiff-report",
            "skiff-runtime",
            "skiff-text",
            "skiff-trust",
        ],
    ),
    (
        "skiff-author",
        &[
            "skiff-build",
            "skiff-digest",
            "skiff-file",
            "skiff-kconfig",
            "skiff-layers",
            "skiff-plan",
            "skiff-project",
            "skiff-report",
            "skiff-runtime",
            "skiff-text",
            "skiff-tree",
        ],
    ),
    (
        "skiff-cli",
        &[
            "skiff-author",
            "skiff-build",
            "skiff-digest",
            "skiff-draw",
            "skiff-file",
            "skiff-flash",
            "skiff-kconfig",
            "skiff-layers",
            "skiff-layout",
            "skiff-plan",
            "skiff-project",
            "skiff-report",
            "skiff-runtime",
            "skiff-text",
            "skiff-trust",
        ],
    ),
    (
        "skiff-fuzz",
        &[
            "skiff-build",
            "skiff-flash",
            "skiff-kconfig",
            "skiff-layers",
            "skiff-layout",
            "skiff-plan",
            "skiff-runtime",
            "skiff-tree",
        ],
    ),
    ("skiff-sdk", &[]),
    (
        "skiff-tests",
        &[
            "skiff-build",
            "skiff-cli",
            "skiff-digest",
            "skiff-file",
            "skiff-flash",
            "skiff-kconfig",
            "skiff-layers",
            "skiff-layout",
            "skiff-plan",
            "skiff-report",
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
        let opens_devices = matches!(
            package.name.as_str(),
            "skiff-flash" | "skiff-draw" | "skiff-project" | "skiff-cli" | "skiff-tests" | "skiff-fuzz"
        );
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
            if entry.file_type().is_dir() || entry.file_name() == "tests.rs" {
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
    let (mut shipped, mut used) = (BTreeSet::new(), BTreeSet::new());
    let configs = TestEnvironment::checkout().join("configs");
    for entry in walkdir::WalkDir::new(&configs).into_iter().filter_map(Result::ok) {
        let Some(root) = entry.path().to_str().and_then(|path| path.strip_suffix("/metadata/plugins.yaml")) else {
            continue;
        };
        let root = Path::new(root);
        let name = root.strip_prefix(&configs).unwrap().to_str().unwrap();
        let manifest = Layer::open(name, root).unwrap().manifest().unwrap();
        shipped.extend(manifest.plugins.iter().map(|plugin| format!("{name}/{}", plugin.name)));
        used.extend(manifest.uses.iter().map(|used| used.plugin.to_string()));
        let listed = environment.succeed(&["grant", "list", name]).stdout;
        let works = |plugin: &String| listed.contains(&format!("{plugin} "));
        let mut working =
            manifest.plugins.iter().filter(|plugin| !plugin.shared).map(|plugin| format!("{name}/{}", plugin.name));
        assert!(working.all(|plugin| works(&plugin)) && !listed.contains("MISSING"), "{name}: {listed}");
        assert!(manifest.uses.iter().all(|used| works(&used.plugin.to_string())), "{name}: {listed}");
    }
    assert!(shipped.len() >= 10 && used.is_subset(&shipped) && !used.is_empty(), "{shipped:?} {used:?}");
    let script = std::process::Command::new(TestEnvironment::checkout().join("plugins/layers")).output().unwrap();
    let of_script: BTreeSet<String> = String::from_utf8(script.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(plugin, layer)| format!("{layer}/{plugin}"))
        .collect();
    assert_eq!(of_script, shipped, "each plugin lies in one package");
}

/// Returns the sources below a directory of the checkout, by their paths.
fn sources(folder: &str) -> BTreeMap<String, String> {
    let checkout = TestEnvironment::checkout();
    let files = walkdir::WalkDir::new(checkout.join(folder)).into_iter().filter_map(Result::ok);
    let files = files.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "rs"));
    files
        .map(|entry| {
            let name = entry.path().strip_prefix(&checkout).unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}

/// A row of HOSTILE.md says what holds it: a test of the whole, one of a guest, a file with unit tests, or a fuzz target. What
/// it names is there; a gap is called one.
#[test]
fn what_holds_a_hostile_case_is_a_test_that_exists() {
    let text = fs::read_to_string(TestEnvironment::checkout().join("tests/HOSTILE.md")).unwrap();
    let (whole, units) = (sources("tests/it"), sources("host"));
    let has_test = |file: &str, name: &str| {
        let known = name.trim_end_matches('…');
        let ends = if known == name { "(" } else { "" };
        let wanted = format!("fn {known}{ends}");
        whole.iter().chain(&units).any(|(path, text)| {
            path.rsplit('/').next() == Some(&format!("{file}.rs")) && text.contains("#[test]") && text.contains(&wanted)
        })
    };
    let has_guest = |name: &str| {
        let constant = format!("guests::{}", name.to_uppercase());
        whole.values().any(|text| text.contains(&constant))
    };
    let has_units = |path: &str| {
        // Long tests lie in a file of their own.
        let module = path.strip_suffix("/mod.rs").or_else(|| path.strip_suffix(".rs")).unwrap_or(path);
        units.iter().any(|(known, text)| {
            let is_it = known.ends_with(&format!("/{path}"))
                || known.ends_with(&format!("/{module}/tests.rs"))
                || known.starts_with(&format!("{path}/"));
            is_it && text.contains("#[test]")
        })
    };
    let has_fuzz =
        |name: &str| TestEnvironment::checkout().join(format!("tests/fuzz/fuzz_targets/{name}.rs")).is_file();
    let mut rows = 0;
    for line in
        text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |") && !line.starts_with("| -"))
    {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [_, _, _, held] = cells.as_slice() else { panic!("{line}") };
        rows += 1;
        if held.starts_with("the same") || held.starts_with("gap: ") || *held == "—" {
            continue;
        }
        let names: Vec<&str> = held.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "{line}");
        for name in names {
            let is_there = match name.split_once("::") {
                Some((file, test)) => has_test(file, test),
                None => has_guest(name) || has_units(name) || has_fuzz(name),
            };
            assert!(is_there, "`{name}` is not a test: {line}");
        }
    }
    assert!(rows > 90, "{rows}");
}

/// The registry of engines is what arguments, help, completion, `doctor`, errors and the manual go by.
#[test]
fn each_engine_is_parsed_helped_completed_examined_and_described() {
    let env = crate::environment();
    let manual = fs::read_to_string(TestEnvironment::checkout().join("docs/engines.md")).unwrap();
    let help = env.succeed(&["--help"]).stdout;
    let option = help.split("--engine <ENGINE>").nth(1).unwrap().split("--locked").next().unwrap();
    let refused = env.fail(2, &["--engine", "no-such-engine", "status"]);
    for kind in ENGINES {
        let name = kind.name.as_str();
        assert!(option.contains(&format!("`{name}`")), "{option}");
        assert!(refused.contains(&format!("`{name}`")), "{refused}");
        assert!(manual.contains(&format!("\n## {name}\n")), "docs/engines.md describes `{name}`");
        let mut command = env.command(&["--", "skiff", "--engine", ""]);
        command.env("SKIFF_COMPLETE", "fish").env("_CLAP_COMPLETE_INDEX", "2");
        let offered = env.ran(&command.output().unwrap()).stdout;
        assert!(offered.lines().any(|line| line == format!("{name}\t{}", kind.about)), "{offered}");
        let examined = env.run(&["--engine", name, "doctor", "--json"]).stdout;
        let examined: serde_json::Value = serde_json::from_str(&examined).unwrap();
        assert_eq!(examined["engine"], name);
        for requirement in kind.requirements {
            let is_it = |finding: &&serde_json::Value| finding["what"] == requirement.program;
            let finding = examined["findings"].as_array().unwrap().iter().find(is_it).unwrap();
            assert_eq!(finding["package"], requirement.package, "{name}");
        }
    }
}

/// What a new engine touches outside its directory is `lib.rs` and these files: ARCHITECTURE.md says the same.
#[test]
fn engines_are_told_apart_in_the_registry_and_where_they_are_made_and_their_errors_explained() {
    let may = ["host/build/src/engines.rs", "host/project/src/engines.rs", "host/cli/src/command_error/engine.rs"];
    for (path, text) in sources("host") {
        let product = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for kind in ENGINES {
            let (name, variant) = (kind.name.as_str(), format!("{:?}", kind.name));
            if may.contains(&path.as_str()) || path.starts_with(&format!("host/build/src/{name}/")) {
                continue;
            }
            for word in [format!("EngineName::{variant}"), format!("EngineError::{variant}")] {
                assert!(!product.contains(&word), "{path} tells engines apart: {word}");
            }
        }
    }
}

#[test]
fn the_help_screen_is_what_was_reviewed() {
    let help = crate::environment().succeed(&["--help"]).stdout;
    insta::assert_snapshot!(help);
}
