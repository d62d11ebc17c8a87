//! Plugins that want more than they were granted: each guest whose name starts with `deny_` has a test of its name
//! here.

use insta::assert_snapshot;
use skiff_tests::guests;

use super::*;

macro_rules! assert_test_exists {
    ($name:ident) => {
        #[expect(unused_imports, reason = "naming the test is the check")]
        use self::$name as _;
    };
}
foreach_deny_guest!(assert_test_exists);

#[test]
fn deny_directories() {
    let rest = format!("{COMMAND}    capabilities:\n      - {{read: layer, path: parts, why: reads}}\n");
    let env = with_guest(guests::DENY_DIRECTORIES, &rest.replace("path: parts, ", ""));
    env.write("layers/my/board/data", "data");
    env.write("layers/my/secret", "secret");
    std::os::unix::fs::symlink("/etc/passwd", env.path("layers/my/board/link-out")).unwrap();
    std::os::unix::fs::symlink("../../../../../etc", env.path("layers/my/board/link-dir")).unwrap();
    let said = go(&env, 0, &[]);
    assert_eq!(said, "");
    assert_eq!(env.read("layers/my/board/data"), "data");
}

#[test]
fn deny_network() {
    let env = with_guest(guests::DENY_NETWORK, COMMAND);
    let said = go(&env, 1, &[]);
    assert!(said.contains("imports `wasi:sockets/"), "{said}");
}

#[test]
fn deny_tools() {
    let env = with_guest(guests::DENY_TOOLS, &format!("{COMMAND}{HEAD}"));
    std::os::unix::fs::symlink("/etc/passwd", env.path("layers/my/board/parts/link-out")).unwrap();
    assert_snapshot!(go(&env, 77, &["--text", "undeclared"]), @"
    error: plugin `my/board/p`: the tool `sh` is neither declared nor granted
    hint: (from the plugin) add `- tool: sh` to the capabilities in its layer's metadata/plugins.yaml, then run: skiff grant add my/board/p tool:sh
    ");
    for (way, reason) in [
        ("path", "the tool `/usr/bin/head` is neither declared nor granted"),
        ("host-path", "argument 3 of `head`, `/etc/passwd`, fits no pattern"),
        ("escape", "is not an absolute path without `.`, `..`"),
        ("elsewhere", "is in none of the directories that the plugin was granted"),
        ("link", "a path led outside of the filesystem"),
        ("terminal", "the manifest does not ask to connect `head` to the terminal"),
    ] {
        let said = go(&env, 77, &["--text", way]);
        assert!(said.contains(reason), "{way}: {said}");
    }
    assert_snapshot!(go(&env, 77, &["--text", "argument"]), @"
    error: plugin `my/board/p`: argument 1 of `head`, `--version`, fits no pattern of the manifest
    hint: (from the plugin) add a pattern for it to the tool in its layer's metadata/plugins.yaml, then run: skiff grant add my/board/p tool:head
    ");
}

#[test]
fn a_manifest_with_other_patterns_asks_again() {
    let env = with_guest(guests::OK_COMMAND_RUNS_TOOL, &format!("{COMMAND}{HEAD}"));
    go(&env, 0, &[]);
    let manifest = env.read("layers/my/board/metadata/plugins.yaml").replace("'-c {int}'", "'-c {int}', '{text}'");
    env.write("layers/my/board/metadata/plugins.yaml", manifest);
    let said = env.fail(77, &["cmd", "my/board", "go"]);
    assert!(said.contains("is not granted `tool:head`") && !said.contains("write:state"), "{said}");
}

#[test]
fn other_bytes_that_ask_for_more_are_refused() {
    let env = with_guest(guests::OK_COMMAND_RUNS_TOOL, &format!("{COMMAND}{HEAD}"));
    go(&env, 0, &[]);
    env.write("layers/my/board/plugins/p.wasm", fs::read(guests::DENY_TOOLS).unwrap());
    let manifest = env.read("layers/my/board/metadata/plugins.yaml") + "      - {read: target, why: looks}\n";
    env.write("layers/my/board/metadata/plugins.yaml", manifest);
    let said = env.fail(77, &["cmd", "my/board", "go"]);
    assert!(said.contains("asks for more than it was granted: `read:target` (looks)"), "{said}");
    assert!(said.contains("skiff grant add my/board/p read:target") && !said.contains("write:state"), "{said}");
}

#[test]
fn a_tool_that_is_not_declared_cannot_be_imported() {
    let env = with_guest(guests::DENY_TOOLS, COMMAND);
    assert_snapshot!(go(&env, 1, &[]), @"
    error: [ROOT]/layers/my/board/metadata/plugins.yaml:5: plugin `my/board/p` imports `skiff:host/tools@1.0.0` and declares no `tool`
    hint: declare under `capabilities` what it needs it for, or do not use it
    ");
}

#[test]
fn a_hook_in_the_manifest_must_be_in_the_component() {
    let env = with_guest(guests::OK_COMMAND_ECHOES, "    hooks: [pre]\n");
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    let said = env.fail(1, &["-c", "virt/qemu,my/board", "build"]);
    assert!(said.contains("declares hooks and its component does not export"), "{said}");
}

#[test]
fn a_plugin_that_asks_for_nothing_needs_consent_to_run() {
    let env = with_guest(guests::HOSTILE_PANIC, "    commands: [{name: go, summary: Goes}]\n");
    assert_snapshot!(env.fail(77, &["cmd", "my/board", "go"]), @"
    error: plugin `my/board/p` is not granted to run (it asks for nothing else)
    hint: if you want that, run: skiff grant add my/board/p --all
    ");
}

/// A layer's directory with what leads out of it, and what is no file.
fn add_traps(env: &TestEnvironment) {
    let parts = env.path("layers/my/board/parts");
    std::os::unix::fs::symlink("/etc/passwd", parts.join("link-out")).unwrap();
    std::os::unix::fs::symlink("../../../../../../etc", parts.join("link-dir")).unwrap();
    env.write("victim", "precious");
    env.write("workspaces/default/.skiff-workspace", "");
    let state = env.state_of("my/board", "p");
    env.write(&format!("{state}/own"), "own");
    let pipe = env.path(&format!("{state}/pipe"));
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
}

const PARTS_AND_STATE: &str = "    capabilities:\n      - {read: layer, path: parts, why: reads}\n      \
                               - {write: state, why: keeps}\n";

#[test]
fn deny_storage() {
    let env = with_guest(guests::DENY_STORAGE, &format!("{COMMAND}{PARTS_AND_STATE}"));
    add_traps(&env);
    let said = go(&env, 0, &[]);
    assert!(!said.contains("DONE") && said.lines().all(|line| line.ends_with(": refused")), "{said}");
    // Whatever of the contract can change something was tried.
    let changing: Vec<String> = functions("storage")
        .into_iter()
        .filter(|name| !matches!(name.as_str(), "size" | "digest" | "read-at" | "subtree"))
        .collect();
    let untried: Vec<_> = changing.iter().filter(|name| !said.contains(&format!("[my/board/p] {name}: "))).collect();
    assert!(untried.is_empty(), "{untried:?} of skiff:host/storage: {said}");
}

/// Returns the names of the functions of an interface of `skiff:host`.
fn functions(interface: &str) -> Vec<String> {
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_path(TestEnvironment::checkout().join("wit/host")).unwrap();
    let id = resolve.packages[package].interfaces[interface];
    resolve.interfaces[id].functions.values().map(|function| function.item_name().to_owned()).collect()
}

#[test]
fn deny_read_only() {
    let env = with_guest(guests::DENY_READ_ONLY, &format!("{COMMAND}{PARTS_AND_STATE}"));
    add_traps(&env);
    std::os::unix::fs::symlink(env.path(""), env.path(&format!("{}/out", env.state_of("my/board", "p")))).unwrap();
    assert_eq!(go(&env, 0, &[]), "");
}

#[test]
fn texts_of_a_manifest_cannot_forge_what_the_user_is_shown() {
    for why in ["a\u{1b}[2Jb", "a\rb", "a\u{202e}b", "a\u{7}b", "a\nAllow this? [y/N] y\n", "a\u{2066}b"] {
        let quoted = serde_json::to_string(why).unwrap();
        let rest = format!("{COMMAND}    capabilities: [{{read: images, why: {quoted}}}]\n");
        let env = with_guest(guests::OK_COMMAND_ECHOES, &rest);
        let said = env.fail(1, &["grant", "add", "--all", "my/board/p"]);
        assert!(
            said.contains("invisible characters are refused") && !said.contains('\u{202e}') && !said.contains('\u{1b}'),
            "{said}"
        );
    }
}
