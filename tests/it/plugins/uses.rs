//! Plugins that work for other layers than the one that ships them.

use skiff_tests::guests;

use super::*;

/// Makes a layer `lib/tools` with a shared plugin `p`, and two layers that need it and say of plugins what is given.
fn shared(component: &str, rest: &str, uses: &str) -> TestEnvironment {
    let env = environment();
    let head = "schema: 1\nplugins:\n  - name: p\n    version: 1.2.0\n    component: p.wasm\n    interface: ^1.0\n";
    env.write("layers/lib/tools/metadata/plugins.yaml", format!("{head}    shared: true\n{rest}"));
    env.write("layers/lib/tools/p.wasm", fs::read(component).unwrap());
    for user in ["my/one", "my/two"] {
        env.write(&format!("layers/{user}/metadata/dependencies"), "lib/tools\n");
        env.write(&format!("layers/{user}/metadata/plugins.yaml"), format!("schema: 1\nuses:\n{uses}"));
        env.write(&format!("layers/{user}/parts/data"), format!("data of {user}"));
    }
    env
}

const USE: &str = "  - {plugin: lib/tools/p, version: ^1.1}\n";

#[test]
fn a_command_is_offered_by_the_layers_that_use_it_and_granted_once() {
    let env = shared(guests::OK_COMMAND_RUNS_TOOL, &format!("{COMMAND}{HEAD}"), USE);
    let refused = env.fail(77, &["cmd", "my/one", "go"]);
    assert!(refused.contains("skiff grant add lib/tools/p"), "{refused}");
    env.succeed(&["grant", "add", "--all", "lib/tools/p"]);
    for user in ["my/one", "my/two"] {
        assert!(env.succeed(&["cmd", user, "go"]).stderr.contains("status 0: inside"), "{user}");
        assert!(env.succeed(&["cmd", user]).stdout.contains("go               Goes"), "{user}");
        let shown = env.succeed(&["show", user]).stdout;
        assert!(
            shown.contains("uses         lib/tools/p 1.2.0") && shown.contains(&format!("cmd {user} go")),
            "{shown}"
        );
    }
    let states = fs::read_dir(env.path("workspaces/default/state")).unwrap().flatten();
    let states = states.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b".lock+")).count();
    assert_eq!(states, 2, "each layer has a state of its own");
    assert!(env.succeed(&["audit", "lib/tools/p"]).stdout.contains("head"), "audited under the name of its layer");
    let listed = env.succeed(&["-c", "my/one,my/two", "grant", "list"]).stdout;
    assert_eq!(listed.matches("lib/tools/p 1.2.0").count(), 1, "{listed}");
    // For the layer that ships it, it does nothing.
    assert!(env.fail(2, &["cmd", "lib/tools", "go"]).contains("`lib/tools` has no command `go`"));
    let plan = env.succeed(&["-c", "my/one,my/two", "plan", "--json"]).stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let commands: Vec<&str> = plan["commands"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(commands, ["my/one", "my/two"]);
}

#[test]
fn hooks_run_in_the_place_of_the_layer_that_uses_them() {
    let rest = "    hooks: [pre]\n    capabilities:\n      - {read: layer, path: parts, why: reads}\n      \
                - {write: target, path: etc, why: writes}\n";
    let env = shared(guests::OK_HOOK_AND_COMMAND, &format!("{rest}{COMMAND}"), USE);
    env.succeed(&["grant", "add", "--all", "lib/tools/p"]);
    let built = env.succeed(&["-c", "virt/qemu,my/two,my/one", "build"]).stderr;
    assert_eq!(built.matches("[lib/tools/p] as a hook").count(), 2, "{built}");
    let plan: serde_json::Value = serde_json::from_str(&env.succeed(&["plan", "--json"]).stdout).unwrap();
    let hooks: Vec<(&str, &str)> = plan["hooks"]["pre"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hook| (hook["layer"].as_str().unwrap(), hook["plugin"].as_str().unwrap()))
        .collect();
    assert_eq!(hooks, [("my/two", "lib/tools/p"), ("my/one", "lib/tools/p")]);
    let lock = env.read("workspaces/default/skiff.lock");
    assert_eq!(lock.matches("plugin: lib/tools/p\n").count(), 1, "{lock}");
    env.succeed(&["--locked", "build"]);
    // What a user of the plugin says is an input of its own layer, and the plugin's bytes are one of each user.
    env.write("layers/my/one/metadata/plugins.yaml", format!("schema: 1\nuses:\n{USE}    # other bytes\n"));
    assert!(env.fail(1, &["--locked", "build"]).contains("my/one"));
}

#[test]
fn a_layer_gives_a_plugin_no_more_than_it_names() {
    let rest = "    hooks: [pre]\n    capabilities:\n      - {read: layer, path: parts, why: reads}\n      \
                - {write: target, path: etc/one, why: writes}\n      - {write: target, path: etc/two, why: writes}\n";
    let env = shared(guests::OK_HOOK_AND_COMMAND, &format!("{rest}{COMMAND}"), USE);
    env.write(
        "layers/my/one/metadata/plugins.yaml",
        "schema: 1\nuses:\n  - {plugin: lib/tools/p, version: '1', files: ['write:target/etc/one']}\n",
    );
    let refused = env.fail(77, &["cmd", "my/one", "go"]);
    assert!(refused.contains("write:target/etc/one") && !refused.contains("etc/two"), "{refused}");
    env.succeed(&["grant", "add", "lib/tools/p", "write:target/etc/one", "variable:MY_TEXT"]);
    env.succeed(&["cmd", "my/one", "go"]);
    assert!(env.fail(77, &["cmd", "my/two", "go"]).contains("write:target/etc/two"));
    env.succeed(&["-c", "virt/qemu,my/one", "build"]);
    assert!(env.path("workspaces/default/target/etc/one").is_dir());
    assert!(!env.path("workspaces/default/target/etc/two").exists());
    // Other bytes take over all that was granted, also where they are first called for a layer that gives them less.
    env.succeed(&["grant", "add", "--all", "lib/tools/p"]);
    let mut other = fs::read(guests::OK_HOOK_AND_COMMAND).unwrap();
    other.extend([0, 2, 1, b'x']);
    env.write("layers/lib/tools/p.wasm", other);
    assert!(env.succeed(&["cmd", "my/one", "go"]).stderr.contains("has changed and asks for no more"));
    env.succeed(&["cmd", "my/two", "go"]);
    let listed = env.succeed(&["-c", "my/one,my/two", "grant", "list"]).stdout;
    assert!(listed.contains("write:target/etc/two") && !listed.contains("MISSING"), "{listed}");
}

#[test]
fn settings_and_the_board_of_the_layer_reach_the_plugin() {
    let env = shared(
        guests::OK_BOARD_PLANS,
        "    board: true\n",
        "  - {plugin: lib/tools/p, version: ^1, board: {device: MY_SD, image: MY_IMAGE}}\n",
    );
    env.succeed(&["grant", "add", "--all", "lib/tools/p"]);
    env.succeed(&["layout", "my/one", "--size", "4G"]);
    assert!(env.succeed(&["cmd", "my/one", "format", "--help"]).stdout.contains("MY_SD"));
}

#[test]
fn what_cannot_be_used_is_said_with_its_line() {
    let env = shared(guests::OK_COMMAND_ECHOES, COMMAND, USE);
    env.write(
        "layers/lib/own/metadata/plugins.yaml",
        "schema: 1\nplugins: [{name: p, version: 1.0.0, component: p.wasm, interface: ^1.0, hooks: [pre]}]\n",
    );
    env.write("layers/my/one/metadata/dependencies", "lib/tools lib/own\n");
    for (used, message) in [
        ("{plugin: lib/tools, version: ^1}", "`lib/tools` does not name a plugin (want `namespace/package/plugin`)"),
        ("{plugin: lib/tools/q, version: ^1}", "`lib/tools` ships no plugin `q`"),
        ("{plugin: lib/tools/p, version: ^2}", "`lib/tools/p` has the version 1.2.0, and ^2 is wanted"),
        ("{plugin: lib/own/p, version: ^1}", "`lib/own/p` is not `shared: true` in"),
        (
            "{plugin: skiff/board/board, version: '*'}",
            "`skiff/board/board` is not in the chain; add `skiff/board` to metadata/dependencies of my/one",
        ),
        (
            "{plugin: lib/tools/p, version: ^1, board: true}",
            "`lib/tools/p` does not know boards: `board` says nothing to it",
        ),
        (
            "{plugin: lib/tools/p, version: ^1, files: ['read:target']}",
            "`read:target` is not a directory that `lib/tools/p` declares",
        ),
    ] {
        env.write("layers/my/one/metadata/plugins.yaml", format!("schema: 1\nuses:\n  - {used}\n"));
        let said = env.fail(1, &["-c", "my/one", "plan"]);
        assert!(said.contains(&format!("layers/my/one/metadata/plugins.yaml:3: {message}")), "{said}");
    }
    env.write(
        "layers/my/one/metadata/plugins.yaml",
        "schema: 1\nuses:\n  - {plugin: lib/tools/p, version: ^1}\n  - {plugin: lib/own/p, version: ^1}\n",
    );
    assert!(env.fail(1, &["-c", "my/one", "plan"]).contains("plugins.yaml:4: two plugins are called `p`"));
}
