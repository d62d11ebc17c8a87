//! What a command may do: keep to the lock, or look and write nothing.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use skiff_tests::TestEnvironment;
use skiff_tests::guests;

use crate::buildroot::with_tree;
use crate::environment;
use crate::plugins::with_guest;

/// Commands that change a workspace or run what layers bring, each with arguments: `--locked` holds them to the lock.
const BUILD: [&[&str]; 11] = [
    &["configure"],
    &["fetch"],
    &["compile"],
    &["build"],
    &["br", "say-x"],
    &["check"],
    &["legal-info"],
    &["shell", "true"],
    &["cmd", "my/board", "go"],
    &["cmd", "my/disk", "buildimage", "-o", "image"],
    &["cmd", "my/make", "go"],
];

/// Commands that look: they write nothing, and call no plugin.
const LOOK: [&[&str]; 14] = [
    &["status"],
    &["list"],
    &["show", "my/board"],
    &["plan"],
    &["plan", "--json"],
    &["explain", "BR2_PACKAGE_HTOP"],
    &["diff", "virt/qemu", "my/board"],
    &["why", "my/board"],
    &["env"],
    &["workspace", "list"],
    &["grant", "list"],
    &["device", "list"],
    &["audit"],
    &["cmd", "my/board"],
];

/// Commands of other kinds: they change what they name, need no chain, or try out the machine with a file that they remove.
const OTHER: [&str; 9] = ["clean", "completions", "doctor", "flash", "graph", "layout", "man", "plugin", "trust"];

fn words(commands: &[&[&str]]) -> BTreeSet<String> {
    commands.iter().map(|words| words[0].to_owned()).collect()
}

/// A command that is in none of the lists has not been thought about.
#[test]
fn every_command_is_known_to_these_tests() {
    let help = environment().succeed(&["--help"]).stdout;
    let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let commands: BTreeSet<String> = commands
        .lines()
        .filter_map(|line| line.strip_prefix("  ").filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase())))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|name| name != "help")
        .collect();
    let other: BTreeSet<String> = OTHER.iter().map(|name| (*name).to_owned()).collect();
    let known: BTreeSet<String> = &(&words(&BUILD) | &words(&LOOK)) | &other;
    assert!(commands.len() > 20, "{help}");
    assert_eq!(commands.difference(&known).collect::<Vec<_>>(), [""; 0]);
}

/// Everything in the environment: modes, sizes, inodes and the times of the last change.
fn everything(env: &TestEnvironment) -> BTreeSet<(String, u32, u64, u64, i64, i64)> {
    let mut found = BTreeSet::new();
    let mut directories = vec![env.path("")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let data = fs::symlink_metadata(&path).unwrap();
            let name = path.display().to_string();
            found.insert((name, data.mode(), data.len(), data.ino(), data.mtime(), data.mtime_nsec()));
            if data.is_dir() {
                directories.push(path);
            }
        }
    }
    found
}

/// A chain with a plugin's command, a board and scripts, for a small Buildroot tree.
fn chain() -> TestEnvironment {
    let mut env = with_tree("BR2_PACKAGE_HELLO=y\n");
    let head = "schema: 1\nplugins:\n  - {name: p, version: 1.0.0, component: plugins/p.wasm, interface: ^1.0";
    let command = format!(
        "{head}, commands: [{{name: go, summary: Goes, arguments: []}}], \
                          capabilities: [{{write: state, why: keeps a file}}]}}\n"
    );
    for (layer, manifest, guest) in [
        ("board", command, guests::OK_COMMAND_ECHOES),
        ("disk", format!("{head}, board: true}}\n"), guests::OK_BOARD_PLANS),
    ] {
        env.write(&format!("layers/my/{layer}/metadata/plugins.yaml"), manifest);
        env.write(&format!("layers/my/{layer}/plugins/p.wasm"), fs::read(guest).unwrap());
        env.succeed(&["grant", "add", "--all", &format!("my/{layer}/p")]);
    }
    env.write("layers/my/make/extensions/Makefile", "go:\n\t@echo ran\n");
    env.succeed(&["grant", "add", "my/make", "shell"]);
    env.set("SKIFF_CONFIG", "my/board,my/disk,my/make");
    env
}

#[test]
fn every_command_that_builds_keeps_to_the_lock() {
    let mut env = chain();
    env.succeed(&["build"]);
    env.succeed(&["--locked", "fetch"]);
    env.succeed(&["--locked", "br", "say-x"]);
    env.write("layers/my/board/buildroot/more", "BR2_PACKAGE_SLOW=y\n");
    let before = everything(&env);
    for command in BUILD {
        let said = env.fail(1, &[&["--locked"], command].concat());
        assert!(said.contains("layer `my/board` has changed"), "{command:?}: {said}");
        assert_eq!(everything(&env), before, "{command:?}");
    }
    // Buildroot calls skiff for hooks, which keeps to it, too.
    fs::remove_file(env.path("layers/my/board/buildroot/more")).unwrap();
    env.succeed(&["build"]);
    env.succeed(&["grant", "revoke", "my/board/p"]);
    env.set("SKIFF_LOCKED", "1");
    env.set("TARGET_DIR", env.path("workspaces/default/target").to_str().unwrap());
    env.set("BINARIES_DIR", env.path("workspaces/default/images").to_str().unwrap());
    assert!(env.fail(1, &["hooks", "pre"]).contains("plugin `my/board/p` has other grants"));
}

#[test]
fn files_that_settings_name_are_locked() {
    let mut env = with_tree("BR2_PACKAGE_HELLO=y\n");
    env.write("layers/my/named/buildroot/x", "BR2_GLOBAL_PATCH_DIR=\"SKIFF_CONFIG_ROOT/files\"\n");
    env.write("layers/my/external/buildroot_ext/external.desc", "name: X\n");
    env.write("layers/my/external/buildroot_ext/external.mk", "");
    env.write("layers/my/external/buildroot_ext/Config.in", "source \"$(BR2_EXTERNAL_X_PATH)/../files/Config.in\"\n");
    env.write("layers/my/plain/buildroot/x", "BR2_PACKAGE_HELLO=y\n");
    for layer in ["named", "external", "plain"] {
        env.write(&format!("layers/my/{layer}/files/Config.in"), "config BR2_ONE\n\tbool\n");
        env.set("SKIFF_CONFIG", &format!("my/{layer}"));
        env.set("SKIFF_WORKSPACE", layer);
        env.succeed(&["build"]);
        env.succeed(&["--locked", "fetch"]);
        env.write(&format!("layers/my/{layer}/files/Config.in"), "config BR2_TWO\n\tbool\n");
        // Nothing reads it in a layer that says nothing of it.
        let ran = env.run(&["--locked", "fetch"]);
        assert_eq!(ran.code, i32::from(layer != "plain"), "{layer}: {}", ran.stderr);
        assert_eq!(ran.stderr.contains("has changed"), layer != "plain", "{layer}: {}", ran.stderr);
    }
}

#[test]
fn a_menu_and_a_lock_exclude_each_other() {
    let env = chain();
    env.succeed(&["fetch"]);
    let said = env.fail(2, &["--locked", "br", "config"]);
    assert!(said.contains("a menu changes what is locked"), "{said}");
}

const CONTRIBUTES: &str = "    hooks: [configure]\n    capabilities: [{read: layer, path: parts, why: reads a name}]\n";

#[test]
fn looking_writes_nothing_and_calls_no_plugin() {
    let mut env = with_guest(guests::OK_CONFIGURE_CONTRIBUTES, CONTRIBUTES);
    env.set("SKIFF_CONFIG", "virt/qemu,my/board");
    env.set("SKIFF_CACHE_DIR", env.path("cache").to_str().unwrap());
    env.set("HOME", env.path("home").to_str().unwrap());
    env.write("overrides/buildroot/htop", "BR2_PACKAGE_HTOP=y\n");
    let look = |env: &TestEnvironment, missing: bool| {
        let before = everything(env);
        for command in LOOK {
            let ran = env.run(command);
            assert_eq!(ran.code, 0, "{command:?}: {}", ran.stderr);
            let warned = ran.stderr.contains("settings that plugins add (my/board/p) are missing here");
            let shows_settings = matches!(command[0], "status" | "plan" | "explain" | "env");
            // The chains that are compared are not that of the workspace.
            let expected = (missing && shows_settings) || command[0] == "diff";
            assert_eq!(warned, expected, "{command:?}: {}", ran.stderr);
            assert_eq!(everything(env), before, "{command:?}");
        }
    };
    // Nobody has agreed to the plugin, and nobody is asked for that.
    look(&env, true);
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    look(&env, true);
    env.succeed(&["configure"]);
    look(&env, false);
    let explained = env.succeed(&["explain", "BR2_PACKAGE_OF"]).stdout;
    assert!(explained.contains("my/board/p:hello:3"), "{explained}");
    // What the plugin reads is another thing now, and it may add something else.
    env.write("layers/my/board/parts/data", "other");
    look(&env, true);
    assert!(env.fail(1, &["explain", "BR2_PACKAGE_OF"]).contains("no layer of the chain sets `BR2_PACKAGE_OF`"));
}

/// A shell asks what could be typed: the answer comes without a word of anything else, and nothing is written.
#[test]
fn completion_reads_and_is_silent() {
    let commands = "    commands: [{name: go, summary: Goes, arguments: []}]\n";
    let mut env = with_guest(guests::OK_CONFIGURE_CONTRIBUTES, &format!("{CONTRIBUTES}{commands}"));
    env.set("SKIFF_CONFIG", "virt/qemu,my/board");
    env.set("SKIFF_CACHE_DIR", env.path("cache").to_str().unwrap());
    // A warning in every other command.
    env.write("layers/my/board/metadata/dependencies", "my/late\n");
    env.write("layers/my/late/metadata/description", "Late\n");
    env.set("SKIFF_COMPLETE", "bash");
    env.set("_CLAP_COMPLETE_IFS", "\n");
    let before = everything(&env);
    for (words, offered) in [
        (&["cmd", "virt/qemu/"][..], &["virt/qemu/run"][..]),
        (&["cmd", "my/board/"], &["my/board/go"]),
        (&["cmd", "my/board", ""], &["go"]),
        (&["cmd", "pi/4", ""], &["format", "install", "rollback", "buildimage"]),
        (&["cmd", "pi/"], &["pi/4/format", "pi/0/buildimage"]),
        (&["-c", "virt/qemu,my/la"], &["virt/qemu,my/late"]),
        (&["show", "my/"], &["my/board", "my/late"]),
    ] {
        let index = words.len().to_string();
        let mut command = env.command(&[]);
        command.env("_CLAP_COMPLETE_INDEX", index).args(["--", "skiff"]).args(words);
        let ran = env.ran(&command.output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{words:?}");
        let lines: BTreeSet<&str> = ran.stdout.lines().collect();
        assert!(offered.iter().all(|word| lines.contains(word)), "{words:?}: {lines:?}");
    }
    assert_eq!(everything(&env), before);
}
