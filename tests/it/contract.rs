//! The contract: what was released stays, and what is written about it elsewhere is what it says.

use std::fs;
use std::path::PathBuf;

use skiff_tests::TestEnvironment;
use wit_parser::Resolve;

fn wit(inner: &str) -> PathBuf {
    TestEnvironment::checkout().join("wit").join(inner)
}

/// The versions of a package that were released, lowest first: the directories of `wit/released`.
fn released() -> Vec<semver::Version> {
    let entries = fs::read_dir(wit("released")).unwrap().flatten();
    let mut versions: Vec<semver::Version> =
        entries.map(|entry| entry.file_name().to_str().unwrap().parse().unwrap()).collect();
    versions.sort();
    versions
}

/// Puts two states of the contract side by side: the released one keeps its version, the present one gets a later one.
fn side_by_side(version: &semver::Version) -> (Resolve, wit_parser::PackageId, wit_parser::PackageId) {
    let mut resolve = Resolve::default();
    let mut read = |folder: PathBuf, later: Option<&semver::Version>| {
        let mut text = String::new();
        let mut files: Vec<_> = fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path()).collect();
        files.sort();
        for (number, file) in files.iter().enumerate() {
            let mut one = fs::read_to_string(file).unwrap();
            if let Some(version) = later {
                let next = semver::Version::new(version.major, version.minor + 1, 0);
                one = one.replace(&format!("@{}", skiff_runtime::INTERFACES[0].1), &format!("@{next}"));
            }
            // One package in one text has its name at the top, once.
            let body = if number == 0 { one } else { one.split_once('\n').unwrap().1.to_owned() };
            text += &body;
        }
        resolve.push_str(&folder, &text).unwrap()
    };
    read(wit(&format!("released/{version}/host")), None);
    let before = read(wit(&format!("released/{version}/plugin")), None);
    read(wit("host"), Some(version));
    let after = read(wit("plugin"), Some(version));
    (resolve, before, after)
}

/// What was released, with the digest of its files. A line is added with a release and never changed afterwards.
const RELEASED: &[(&str, &str)] = &[("1.0.0", "4ce2aa8f44f7fb4e9b68a3a57431790a86b039cdd479cf13c332d2d56bdd6b41")];

/// Otherwise a change of both the contract and its released copy would be seen by nobody.
#[test]
fn what_was_released_is_not_edited() {
    let digest = |version: &semver::Version| {
        let mut builder = skiff_digest::DigestBuilder::default();
        for package in ["host", "plugin"] {
            let folder = wit(&format!("released/{version}/{package}"));
            let mut files: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
            files.sort();
            for file in files {
                builder.field(file.file_name().unwrap().to_str().unwrap()).field(fs::read(file).unwrap());
            }
        }
        builder.finish().to_string()
    };
    let present: Vec<_> = released().iter().map(|version| (version.to_string(), digest(version))).collect();
    let known: Vec<_> = RELEASED.iter().map(|(version, digest)| (version.to_string(), digest.to_string())).collect();
    assert_eq!(present, known);
}

#[test]
fn plugins_built_for_the_last_released_contract_still_fit() {
    let Some(version) = released().pop() else { panic!("wit/released is empty") };
    let (resolve, before, after) = side_by_side(&version);
    for (name, world) in &resolve.packages[before].worlds {
        let Some(present) = resolve.packages[after].worlds.get(name) else { panic!("the world `{name}` is gone") };
        if let Err(error) = wit_component::semver_check(resolve.clone(), *world, *present) {
            panic!("the world `{name}` does not fit plugins built for {version} any more: {error:#}");
        }
    }
    for (package, id) in resolve.packages.iter().map(|(id, package)| (&package.name, id)) {
        if package.version.as_ref() != Some(&version) || package.name != "host" {
            continue;
        }
        for interface in resolve.packages[id].interfaces.keys() {
            let present = wit("host").join(format!("{interface}.wit"));
            assert!(present.is_file(), "the interface `{interface}` is gone");
        }
    }
    // What plugins export is what hosts call: not one function more or less.
    assert_eq!(exported(&resolve, after), exported(&resolve, before));
}

/// Returns what the worlds of a package export: world, interface, function.
fn exported(resolve: &Resolve, package: wit_parser::PackageId) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for (world, id) in &resolve.packages[package].worlds {
        for item in resolve.worlds[*id].exports.values() {
            let wit_parser::WorldItem::Interface { id, .. } = item else { panic!("`{world}` exports no interface") };
            let interface = &resolve.interfaces[*id];
            let name = interface.name.clone().unwrap_or_default();
            all.extend(interface.functions.keys().map(|function| (world.clone(), name.clone(), function.clone())));
        }
    }
    all.sort();
    all
}

/// Everything says since when it is there, so that an older host can be told what a newer plugin needs.
#[test]
fn everything_says_since_when_it_is_there() {
    let mut resolve = Resolve::default();
    for package in ["host", "plugin"] {
        resolve.push_dir(wit(package)).unwrap();
    }
    let stable = |stability: &wit_parser::Stability| matches!(stability, wit_parser::Stability::Stable { .. });
    for (_, interface) in &resolve.interfaces {
        assert!(stable(&interface.stability), "{:?}", interface.name);
    }
    for (_, world) in &resolve.worlds {
        assert!(stable(&world.stability), "{}", world.name);
    }
}

/// A change that would break plugins is found: the check is one that can fail.
#[test]
fn a_field_more_in_a_record_is_a_break() {
    let mut resolve = Resolve::default();
    for (part, field, number) in [("before", "", "1.0.0"), ("after", "extra: u32,", "1.1.0")] {
        let text = format!(
            "package test:check@{number};
             interface i {{ record r {{ a: u32, {field} }} f: func() -> r; }}
             world w {{ import i; }}"
        );
        resolve.push_str(part, &text).unwrap();
    }
    let worlds: Vec<_> = resolve.worlds.iter().map(|(id, _)| id).collect();
    assert!(wit_component::semver_check(resolve, worlds[0], worlds[1]).is_err());
}

/// The text of the present version may differ from what was released in comments only.
#[test]
fn a_change_of_the_contract_gets_a_version_of_its_own() {
    let version = released().pop().unwrap();
    let present: semver::Version = skiff_runtime::INTERFACES[0].1.parse().unwrap();
    if present == version {
        for package in ["host", "plugin"] {
            for entry in fs::read_dir(wit(&format!("released/{version}/{package}"))).unwrap().flatten() {
                let bare = |path: PathBuf| {
                    let text = fs::read_to_string(path).unwrap();
                    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.is_empty());
                    lines.map(str::to_owned).collect::<Vec<_>>()
                };
                let now = wit(package).join(entry.file_name());
                assert_eq!(bare(entry.path()), bare(now), "{version} was released: give the change a new version");
            }
        }
    }
}

#[test]
fn the_host_provides_the_versions_that_the_contract_has() {
    for (package, version) in skiff_runtime::INTERFACES {
        let folder = wit(package.strip_prefix("skiff:").unwrap());
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let text = fs::read_to_string(entry.path()).unwrap();
            assert!(text.contains(&format!("package {package}@{version};")), "{}", entry.path().display());
        }
    }
}

/// `SKIFF_BLESS=1 cargo test … contract` writes what is generated.
fn generated(file: &str, text: &str) {
    let path = TestEnvironment::checkout().join(file);
    if std::env::var_os("SKIFF_BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let present = fs::read_to_string(&path).unwrap_or_default();
    assert!(present == text, "{file} is not what it is generated from; run the tests with SKIFF_BLESS=1 and commit it");
}

#[test]
fn the_reference_is_made_from_the_contract() {
    generated("wit/REFERENCE.md", &crate::reference::document(&wit("")).unwrap());
    let printed = crate::environment().succeed(&["plugin", "doc", "--contract"]).stdout;
    assert_eq!(printed.trim_end(), fs::read_to_string(wit("REFERENCE.md")).unwrap().trim_end());
}

/// The table of wit/README.md names the capabilities that the host asks for.
#[test]
fn the_readme_says_what_each_interface_takes() {
    let text = fs::read_to_string(wit("README.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `skiff:host/"));
    let written: Vec<(String, String)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let [name, _, takes] = cells.as_slice() else { panic!("{row}") };
            (name.trim_matches('`').to_owned(), (*takes).to_owned())
        })
        .collect();
    let takes = |kinds: Vec<skiff_layers::CapabilityKind>| {
        let mut words: Vec<String> =
            kinds.iter().flat_map(|kind| kind.words()).map(|word| format!("`{word}`")).collect();
        match (words.pop(), words.is_empty()) {
            (None, _) => "none".to_owned(),
            (Some(last), true) => last,
            (Some(last), false) => format!("{} or {last}", words.join(", ")),
        }
    };
    let provided: Vec<(String, String)> =
        skiff_runtime::interfaces().into_iter().map(|(name, kinds)| (name.to_owned(), takes(kinds))).collect();
    assert_eq!(written, provided);
}

#[test]
fn the_published_schema_is_that_of_the_manifest() {
    generated("configs/plugins.schema.json", &format!("{:#}\n", skiff_layers::manifest_schema()));
}

#[test]
fn every_manifest_of_the_checkout_fits_the_schema() {
    let schema: serde_json::Value = serde_json::from_str(
        &fs::read_to_string(TestEnvironment::checkout().join("configs/plugins.schema.json")).unwrap(),
    )
    .unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut count = 0;
    for entry in walkdir::WalkDir::new(TestEnvironment::checkout().join("configs")) {
        let entry = entry.unwrap();
        if entry.file_name() != "plugins.yaml" {
            continue;
        }
        let manifest: serde_json::Value = serde_yaml::from_str(&fs::read_to_string(entry.path()).unwrap()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&manifest).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", entry.path().display());
        count += 1;
    }
    assert!(count >= 2);
    let wrong = serde_json::json!({"schema": 1, "plugins": [{"name": "p", "version": "1.0.0", "component": "p.wasm",
        "interface": "^1.0", "capabilities": [{"network": "all", "why": "w"}]}]});
    assert!(!validator.is_valid(&wrong));
}
