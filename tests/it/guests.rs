//! Plugins that behave, that want too much, and that are hostile: each guest of tests/plugins has a test of its
//! own name here, or this file does not compile.

use std::fs;

use insta::assert_snapshot;
use skiff_tests::Host;
use skiff_tests::TestEnvironment;
use skiff_tests::guests;

use crate::environment;

macro_rules! assert_test_exists {
    ($name:ident) => {
        #[expect(unused_imports, reason = "naming the test is the check")]
        use self::$name as _;
    };
}
foreach_guest!(assert_test_exists);

/// Makes a layer `my/board` with one plugin `p`; `rest` is what its manifest says besides names and versions.
fn with_guest(component: &str, rest: &str) -> TestEnvironment {
    let env = environment();
    let manifest = format!(
        "schema: 1\nplugins:\n  - name: p\n    version: 1.0.0\n    component: plugins/p.wasm\n    interface: ^1.0\n{rest}"
    );
    env.write("layers/my/board/metadata/plugins.yaml", manifest);
    env.write("layers/my/board/plugins/p.wasm", fs::read(component).unwrap());
    env.write("layers/my/board/parts/data", "data");
    env
}

const COMMAND: &str = "    commands:\n      - name: go\n        summary: Goes\n        arguments:\n          \
    - {name: text, kind: text, env: MY_TEXT, default: none, help: A text}\n          \
    - {name: choice, kind: choice, choices: [one, two], help: A choice}\n          \
    - {name: flag, kind: flag, help: A flag}\n          \
    - {name: words, kind: words, help: Words}\n          \
    - {name: status, kind: integer, help: The exit status}\n";

const HEAD: &str = "    capabilities:\n      - {write: state, why: keeps a file}\n      \
    - {read: layer, path: parts, why: reads}\n      \
    - {tool: head, why: reads a file, arguments: ['-c {int}', '{path:state}', '{path:layer}', '{given:words}']}\n";

/// Grants all that the manifest declares and runs the command.
fn go(env: &TestEnvironment, code: i32, arguments: &[&str]) -> String {
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    let all: Vec<&str> = ["cmd", "my/board/go"].iter().chain(arguments).copied().collect();
    env.fail(code, &all)
}

#[test]
fn ok_hook_writes_target() {
    let rest = "    hooks: [pre]\n    capabilities:\n      - {write: target, path: etc, why: writes a file}\n";
    let env = with_guest(guests::OK_HOOK_WRITES_TARGET, rest);
    let refused = env.fail(77, &["-c", "virt/qemu,my/board", "build"]);
    assert!(refused.contains("skiff grant add my/board/p write:target/etc"), "{refused}");
    assert!(!env.path("workspaces/default/images").exists());
    // The line that skiff prints is the line that works.
    let line = refused.split_once("run: skiff ").unwrap().1.trim().to_owned();
    env.succeed(&line.split(' ').collect::<Vec<_>>());
    let built = env.succeed(&["compile"]).stderr;
    assert!(built.contains("[my/board/p] written"), "{built}");
    assert_snapshot!(env.read("workspaces/default/target/etc/guest"), @r#"
    Stage::Pre
    base/pre util/rootlogin virt/qemu my/board overrides overrides/workspaces/default base/post
    [Some("y"), None]
    skiff
    "#);
}

#[test]
fn ok_hook_rewrites_file() {
    let env = environment();
    env.write("target/etc/in", "this is HOSTNAME\n");
    let host = Host::new(&env, crate::PROGRAM, &[guests::OK_HOOK_REWRITES_FILE]);
    assert_eq!(host.hook(guests::OK_HOOK_REWRITES_FILE), "");
    assert_eq!(env.read("target/etc/out"), "this is nobody\n");
}

#[test]
fn ok_command_echoes() {
    let mut env = with_guest(guests::OK_COMMAND_ECHOES, COMMAND);
    assert_snapshot!(go(&env, 0, &[]), @r#"[my/board/p] go text=Some("none") choice=None flag=false words=[] status=0"#);
    assert_snapshot!(go(&env, 3, &["--status", "3", "--flag", "--choice", "two", "--words", "a 'b c' --d"]), @r#"[my/board/p] go text=Some("none") choice=Some("two") flag=true words=["a", "b c", "--d"] status=3"#);
    assert_eq!(env.succeed(&["cmd", "my/board/go"]).stdout, "to stdout\n");
    env.set("MY_TEXT", "from the environment");
    assert_snapshot!(go(&env, 0, &[]), @r#"[my/board/p] go text=Some("from the environment") choice=None flag=false words=[] status=0"#);
    assert_snapshot!(env.succeed(&["cmd", "my/board", "go", "--help"]).stdout, @"
    Goes

    Usage: skiff cmd my/board go [OPTIONS]

    Options:
          --text <TEXT>      A text [env: MY_TEXT] [default: none]
          --choice <choice>  A choice [possible values: one, two]
          --flag             A flag
          --words <WORDS>    Words
          --status <NUMBER>  The exit status
      -h, --help             Print help
    ");
}

#[test]
fn ok_command_runs_tool() {
    let env = with_guest(guests::OK_COMMAND_RUNS_TOOL, &format!("{COMMAND}{HEAD}"));
    assert_snapshot!(go(&env, 0, &[]), @"[my/board/p] status 0: inside");
    let left: Vec<_> =
        fs::read_dir(env.path("workspaces/default/state")).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(left, ["my"], "the view of the folders is gone");
}

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
    error: Plugin `my/board/p`: the tool `sh` is neither declared nor granted
    hint: (from the plugin) add `- tool: sh` to the capabilities in its layer's metadata/plugins.yaml, then run: skiff grant add my/board/p tool:sh
    ");
    for (way, reason) in [
        ("path", "the tool `/usr/bin/head` is neither declared nor granted"),
        ("host-path", "argument 3 of `head`, `/etc/passwd`, fits no pattern"),
        ("escape", "is not an absolute path without `.`, `..`"),
        ("elsewhere", "is in none of the folders that the plugin was granted"),
        ("link", "a path led outside of the filesystem"),
        ("terminal", "the manifest does not ask to connect `head` to the terminal"),
    ] {
        let said = go(&env, 77, &["--text", way]);
        assert!(said.contains(reason), "{way}: {said}");
    }
    assert_snapshot!(go(&env, 77, &["--text", "argument"]), @"
    error: Plugin `my/board/p`: argument 1 of `head`, `--version`, fits no pattern of the manifest
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
    assert!(said.contains("is not granted `tool:head#") && !said.contains("write:state"), "{said}");
}

#[test]
fn other_bytes_have_no_grants() {
    let env = with_guest(guests::OK_COMMAND_RUNS_TOOL, &format!("{COMMAND}{HEAD}"));
    go(&env, 0, &[]);
    env.write("layers/my/board/plugins/p.wasm", fs::read(guests::DENY_TOOLS).unwrap());
    let said = env.fail(77, &["cmd", "my/board", "go"]);
    assert!(said.contains("write:state"), "{said}");
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

/// Runs a hostile guest with one second of time and 16 MiB of memory, which skiff stops.
fn hostile(component: &str, arguments: &[&str]) -> String {
    let env = with_guest(component, &format!("{COMMAND}    limits: {{memory_mib: 16, time_s: 1}}\n"));
    go(&env, 1, arguments)
}

#[test]
fn hostile_infinite_loop() {
    assert_snapshot!(hostile(guests::HOSTILE_INFINITE_LOOP, &[]), @"
    error: Plugin `my/board/p` was stopped: it worked longer than the 1 s that it may
    hint: if it needs more, raise `time_s` (now 1) under `limits` in its manifest
    ");
}

#[test]
fn hostile_sleep() {
    assert_snapshot!(hostile(guests::HOSTILE_SLEEP, &[]), @"
    error: Plugin `my/board/p` was stopped: it worked longer than the 1 s that it may
    hint: if it needs more, raise `time_s` (now 1) under `limits` in its manifest
    ");
}

#[test]
fn hostile_memory() {
    assert_snapshot!(hostile(guests::HOSTILE_MEMORY, &[]), @"
    error: Plugin `my/board/p` was stopped: it wanted more than the 16 MiB of memory that it may
    hint: if it needs more, raise `memory_mib` (now 16) under `limits` in its manifest
    ");
}

#[test]
fn hostile_panic() {
    let said = hostile(guests::HOSTILE_PANIC, &[]);
    assert!(said.contains("on purpose") && said.contains("error: Plugin `my/board/p` crashed"), "{said}");
}

#[test]
fn hostile_recursion() {
    let said = hostile(guests::HOSTILE_RECURSION, &[]);
    assert!(said.contains("error: Plugin `my/board/p` crashed: "), "{said}");
}

#[test]
fn hostile_image_links() {
    for stages in ["pre", "post", "pre, post"] {
        let rest = format!("    hooks: [{stages}]\n    capabilities:\n      - {{write: images, why: adds an image}}\n");
        let env = with_guest(guests::HOSTILE_IMAGE_LINKS, &rest);
        env.write("victim", "precious");
        env.succeed(&["grant", "add", "--all", "my/board/p"]);
        let ran = env.run(&["-c", "virt/qemu,my/board", "build"]);
        assert_eq!(env.read("victim"), "precious", "{stages}");
        // A link where skiff writes an image is replaced by the image; one that is left at the end is refused.
        assert_eq!(ran.code, if stages == "pre" { 0 } else { 1 }, "{}", ran.stderr);
    }
}

#[test]
fn hostile_log_flood() {
    let said = hostile(guests::HOSTILE_LOG_FLOOD, &["--flag"]);
    assert!(said.len() < 3 << 20, "{} bytes", said.len());
    assert!(said.contains("the rest of its messages is left out"));
    assert!(!said.contains('\x1b') && !said.contains('\r') && !said.contains('\x07'));
    assert!(said.lines().all(|line| !line.starts_with("error: forged")));
}

/// One process that loads a hostile and a good plugin: the good one works after the hostile one was stopped.
#[test]
fn the_host_goes_on_after_a_hostile_plugin() {
    let rest = "    hooks: [pre]\n    capabilities:\n      - {write: target, path: etc, why: writes a file}\n";
    let env = with_guest(guests::OK_HOOK_WRITES_TARGET, rest);
    let runner = Host::new(&env, crate::PROGRAM, &[guests::HOSTILE_INFINITE_LOOP, guests::OK_HOOK_WRITES_TARGET]);
    for _ in 0..3 {
        let stopped = runner.command(guests::HOSTILE_INFINITE_LOOP);
        assert!(stopped.contains("it worked longer than the 1 s"), "{stopped}");
        assert_eq!(runner.hook(guests::OK_HOOK_WRITES_TARGET), "");
    }
}

#[test]
fn a_plugin_that_asks_for_nothing_needs_consent_to_run() {
    let env = with_guest(guests::HOSTILE_PANIC, "    commands: [{name: go, summary: Goes}]\n");
    assert_snapshot!(env.fail(77, &["cmd", "my/board", "go"]), @"
    error: Plugin `my/board/p` is not granted to run (it asks for nothing else)
    hint: if you want that, run: skiff grant add my/board/p --all
    ");
}
