//! Files of layers and projects: each example is put where it belongs, and read by skiff as a user's would be.

use std::fs;

use serde_json::Value;
use skiff_tests::TestEnvironment;
use skiff_tests::guests;

use super::Kind;
use super::block::Block;
use super::blocks;
use crate::environment;

/// A package with a part of a layer in it.
const PACKAGE: &str = "my/board";

#[test]
fn examples_of_files_are_read_as_what_they_are_examples_of() {
    for block in blocks(Kind::Yaml) {
        match block.mark.as_str() {
            "skiff.yaml" => project(&block),
            "metadata/prebuilt.yaml" => prebuilt(&block),
            "metadata/layout.yaml" => layout(&block),
            "metadata/plugins.yaml" => manifest(&block, &block.text),
            "capabilities" => manifest(&block, &capabilities(&block)),
            other => panic!("{}: say behind `yaml` which file it belongs into, and not `{other}`", block.place()),
        }
    }
}

/// A layer of its own with the block as one of its files.
fn layer(block: &Block, text: &str) -> TestEnvironment {
    let env = environment();
    let file = if block.mark == "capabilities" { "metadata/plugins.yaml" } else { &block.mark };
    env.write(&format!("layers/{PACKAGE}/{file}"), text);
    env
}

fn succeed(env: &TestEnvironment, block: &Block, arguments: &[&str]) -> String {
    let ran = env.run(arguments);
    assert_eq!(ran.code, 0, "{}: skiff {arguments:?} said:\n{}", block.place(), ran.stderr);
    ran.stdout
}

/// Every workspace that the project names has a plan, and what it names beside itself is found.
fn project(block: &Block) {
    let env = environment();
    env.write("our-layers/our/thing/metadata/description", "Found through the project");
    env.write("keys/me.pub", super::PUBLIC_KEY);
    env.write("project/skiff.yaml", &block.text);
    let run = |arguments: &[&str]| {
        let mut command = env.command(arguments);
        command.current_dir(env.path("project")).env_remove("SKIFF_EXTRA_CONFIGS_PATH");
        let ran = env.ran(&command.output().unwrap());
        assert_eq!(ran.code, 0, "{}: skiff {arguments:?} said:\n{}", block.place(), ran.stderr);
        ran.stdout
    };
    let listed: Value = serde_json::from_str(&run(&["workspace", "list", "--json"])).unwrap();
    for workspace in listed.as_array().unwrap() {
        run(&["-w", workspace["name"].as_str().unwrap(), "plan"]);
    }
    if block.text.contains("extra_layers:") {
        assert!(run(&["list"]).contains("our/thing"), "{}", block.place());
    }
    let names = block.text.lines().filter(|line| line.contains("{chain:")).count();
    assert_eq!(listed.as_array().unwrap().len(), names, "{}", block.place());
}

fn prebuilt(block: &Block) {
    let env = layer(block, &block.text);
    env.write(&format!("layers/{PACKAGE}/resources/early.sh"), "echo early\n");
    let plan: Value = serde_json::from_str(&succeed(&env, block, &["-c", PACKAGE, "plan", "--json"])).unwrap();
    assert!(!plan["prebuilt"]["packages"].as_array().unwrap().is_empty(), "{}", block.place());
}

/// The plugin of boards proposes it, and it fits onto a medium.
fn layout(block: &Block) {
    let env = layer(block, &block.text);
    let pi = TestEnvironment::checkout().join("configs/pi/common");
    for file in ["metadata/plugins.yaml", "metadata/dependencies"] {
        env.write(&format!("layers/{PACKAGE}/{file}"), fs::read(pi.join(file)).unwrap());
    }
    succeed(&env, block, &["layout", PACKAGE, "--size", "64GiB"]);
}

/// It says what it says to everybody who reads manifests: the schema, help, documentation, the list of what is wanted.
fn manifest(block: &Block, text: &str) {
    let env = layer(block, text);
    let schema = fs::read_to_string(TestEnvironment::checkout().join("configs/plugins.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let value: Value = serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{}: {error}", block.place()));
    let errors: Vec<String> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{}: {errors:?}", block.place());
    let uses = value["uses"].as_array().into_iter().flatten();
    let packages: Vec<&str> = uses.map(|used| used["plugin"].as_str().unwrap().rsplit_once('/').unwrap().0).collect();
    env.write(&format!("layers/{PACKAGE}/metadata/dependencies"), packages.join(" "));
    for plugin in value["plugins"].as_array().into_iter().flatten() {
        let component = format!("layers/{PACKAGE}/{}", plugin["component"].as_str().unwrap());
        env.write(&component, fs::read(guests::OK_COMMAND_ECHOES).unwrap());
    }
    for arguments in [["show", PACKAGE].as_slice(), &["grant", "list", PACKAGE], &["cmd", PACKAGE]] {
        succeed(&env, block, arguments);
    }
    if value["plugins"].is_array() {
        succeed(&env, block, &["plugin", "doc", PACKAGE]);
    }
}

/// A manifest with the block as what its plugin may do.
fn capabilities(block: &Block) -> String {
    let head = "schema: 1\nplugins:\n  - name: p\n    version: 1.0.0\n    component: plugins/p.wasm\n    \
                interface: ^1.0\n    hooks: [pre]\n    capabilities:\n";
    let lines: String = block.text.lines().map(|line| format!("      {line}\n")).collect();
    format!("{head}      - {{read: images, why: finds what it wraps}}\n{lines}")
}
