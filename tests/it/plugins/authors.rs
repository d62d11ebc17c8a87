//! The road of those who write plugins: from a template to a working command, and tests that are recorded and played back.

use insta::assert_snapshot;
use skiff_tests::guests;

use super::*;

/// Runs skiff with the variables of the machine besides its own: compilers and package managers need them.
fn with_machine(env: &TestEnvironment, arguments: &[&str]) -> String {
    let mut command = env.command(arguments);
    let known: Vec<_> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
    command.envs(std::env::vars_os().filter(|(name, _)| {
        !known.contains(name)
            && !name.to_string_lossy().starts_with("SKIFF_")
            && !name.to_string_lossy().starts_with("CARGO")
    }));
    let ran = env.ran(&command.output().unwrap());
    assert_eq!(ran.code, 0, "skiff {arguments:?} said:\n{}{}", ran.stdout, ran.stderr);
    ran.stdout
}

#[test]
fn a_vendor_gets_from_a_template_to_a_working_command_in_four_languages() {
    let env = environment();
    for language in ["rust", "c", "python", "javascript"] {
        let layer = format!("vendor/{language}");
        let plugin = format!("{layer}/hello");
        let made = env.succeed(&["plugin", "new", &layer, "--name", "hello", "--lang", language]).stdout;
        // What it prints is what to do.
        assert!(made.contains(&format!("skiff cmd {layer} greet --name Alice")), "{made}");
        // What lies above the sources is somebody else's, and tells no compiler what to run.
        env.write(&format!("layers/{layer}/.cargo/config.toml"), "[build]\nrustc-wrapper = \"/nowhere/evil\"\n");
        with_machine(&env, &["plugin", "build", &plugin]);
        assert!(env.succeed(&["plugin", "check", &plugin]).stdout.contains("as its manifest says"));
        env.fail(77, &["cmd", &layer, "greet", "--name", "Alice"]);
        env.succeed(&["grant", "add", &plugin, "--all"]);
        let ran = env.succeed(&["cmd", &layer, "greet", "--name", "Alice"]);
        assert_eq!(ran.stdout, "Ahoy, Alice!\n", "{language}");
        assert_eq!(ran.stderr, format!("[{plugin}] greeted somebody\n"), "{language}");
        env.succeed(&["plugin", "test", &plugin, "--record", "bob", "--", "greet", "--name", "Bob"]);
        let tested = with_machine(&env, &["plugin", "test", &plugin]);
        assert!(tested.contains(&format!("{plugin}: bob ok")), "{tested}");
        let inspected = env.succeed(&["plugin", "inspect", &plugin]).stdout;
        assert!(inspected.contains("skiff:host/report@1.0.0") && !inspected.contains("BUT"), "{inspected}");
        let described = env.succeed(&["plugin", "doc", &plugin]).stdout;
        assert!(described.contains(&format!("## skiff cmd {layer} greet")), "{described}");
    }
}

#[test]
fn a_hook_in_each_language_writes_a_file() {
    let env = environment();
    let languages = ["rust", "c", "python", "javascript"];
    for language in languages {
        let layer = format!("vendor/{language}");
        env.succeed(&["plugin", "new", &layer, "--name", "hello", "--kind", "hook", "--lang", language]);
        with_machine(&env, &["plugin", "build", &layer]);
        env.succeed(&["grant", "add", &format!("{layer}/hello"), "--all"]);
        env.succeed(&["plugin", "test", &layer, "--record", "writes", "--", "pre"]);
        let written = format!("layers/{layer}/plugins/hello/tests/writes/after/target/etc/hello");
        assert_eq!(env.read(&written), "Ahoy.\n", "{language}");
        with_machine(&env, &["plugin", "test", &layer]);
    }
}

/// A layer has each command once.
#[test]
fn a_layer_may_have_two_plugins_of_the_template() {
    let env = environment();
    for name in ["one", "two"] {
        env.succeed(&["plugin", "new", "vendor/board", "--name", name]);
        env.write(&format!("layers/vendor/board/plugins/{name}.wasm"), fs::read(guests::OK_COMMAND_ECHOES).unwrap());
    }
    let listed = env.succeed(&["cmd", "vendor/board"]).stdout;
    assert!(listed.contains("  greet ") && listed.contains("  two "), "{listed}");
    assert!(env.read("layers/vendor/board/plugins/two/src/lib.rs").contains("\"two\" =>"));
    let said = env.fail(2, &["plugin", "test", "vendor/board", "--record", "a", "--", "greet"]);
    assert!(said.contains("has several plugins"), "{said}");
}

/// To build or to test natively is to run what the sources say: cargo runs build scripts.
#[test]
fn sources_of_a_stranger_are_not_run_unasked() {
    let env = with_guest(guests::OK_COMMAND_ECHOES, COMMAND);
    env.write("layers/my/board/plugins/p/Cargo.toml", "[package]\nname = \"p\"\nbuild = \"build.rs\"\n");
    env.write("layers/my/board/plugins/p/build.rs", "fn main() {}\n");
    let refused = env.fail(77, &["plugin", "build", "my/board/p"]);
    assert!(env.fail(77, &["plugin", "test", "my/board/p"]).ends_with(&refused));
    assert_snapshot!(refused, @"
    error: the sources of `my/board/p` in `[ROOT]/layers/my/board/plugins/p` are not trusted
    hint: to build or test them is to run what they say, with all of your rights; read them first
    hint: if you want that, run: skiff plugin build my/board/p --trust
    ");
    assert!(!env.path("overrides/grants.yaml").exists());
    let said = env.fail(1, &["plugin", "test", "my/board/p", "--trust"]);
    assert!(said.contains("the native tests"), "{said}");
    assert!(env.fail(1, &["plugin", "test", "my/board/p"]).contains("the native tests"), "it is trusted from then on");
    assert!(env.succeed(&["audit"]).stdout.contains("may be built from its sources"));
}

/// A case comes with a layer, from anybody.
#[test]
fn a_case_leads_nowhere_else() {
    let env = with_guest(guests::OK_COMMAND_ECHOES, COMMAND);
    env.write("layers/my/board/plugins/p/main.c", "");
    let case = "layers/my/board/plugins/p/tests/a";
    env.write(&format!("{case}/case.yaml"), "command: go\nexpect: {status: 0}\n");
    let cases = env.path(case);
    for (link, leads_to) in [("before", "/etc"), ("after", "/etc"), ("tool-1", "/etc")] {
        std::os::unix::fs::symlink(leads_to, cases.join(link)).unwrap();
        let said = env.fail(1, &["plugin", "test", "my/board/p"]);
        assert!(said.contains(&format!("{case}/{link}` is a link, which no case may hold")), "{said}");
        fs::remove_file(cases.join(link)).unwrap();
    }
    fs::create_dir_all(cases.join("before/target")).unwrap();
    let pipe = cases.join("before/target/pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(env.fail(1, &["plugin", "test", "my/board/p"]).contains("is neither file nor directory nor link"));
    fs::remove_file(pipe).unwrap();
    let run = "tools: [{tool: x, arguments: [], status: 0, files: ../../../../..}]\n";
    env.write(&format!("{case}/case.yaml"), format!("command: go\n{run}"));
    assert!(env.fail(1, &["plugin", "test", "my/board/p"]).contains("is not a directory of the files of a tool"));
    let said = env.fail(2, &["plugin", "test", "my/board/p", "--record", "../a", "--", "go"]);
    assert!(said.contains("`../a` cannot be the name of a case"), "{said}");
}

#[test]
fn a_new_plugin_keeps_off_what_is_there() {
    let env = with_guest(guests::OK_COMMAND_ECHOES, COMMAND);
    env.succeed(&["plugin", "new", "my/board", "--name", "second"]);
    let manifest = env.read("layers/my/board/metadata/plugins.yaml");
    assert!(manifest.contains("name: p\n") && manifest.contains("name: second\n"), "{manifest}");
    assert_snapshot!(env.fail(1, &["plugin", "new", "my/board", "--name", "second"]), @"
    error: `[ROOT]/layers/my/board/plugins/second` is there already
    hint: choose another name: --name
    ");
    assert_snapshot!(env.fail(2, &["plugin", "new", "my/board", "--name", "../x"]), @"
    error: `../x` cannot be the name of a plugin
    hint: lower-case letters, digits and `-`, which every language takes: --name hello
    ");
    assert_snapshot!(env.fail(1, &["plugin", "build", "my/board/p"]), @"
    error: there are no sources of plugin `my/board/p` in `[ROOT]/layers/my/board/plugins/p`
    hint: sources are a directory with Cargo.toml, plugin.py, plugin.js or C files; `skiff plugin new` makes one
    ");
    assert_snapshot!(env.fail(1, &["plugin", "build", "my/board/none"]), @"
    error: there is no plugin `my/board/none`
    hint: metadata/plugins.yaml of the layer declares plugins; `skiff plugin new` makes one
    ");
    env.write("layers/my/board/plugins/second/src/lib.rs", "fn broken(");
    let ran = env.command(&["plugin", "build", "my/board/second"]).envs(std::env::vars_os()).output().unwrap();
    let said = env.ran(&ran).stderr;
    assert!(ran.status.code() == Some(1) && said.contains("this file contains an unclosed delimiter"), "{said}");
    assert!(!env.path("layers/my/board/plugins/second.wasm").exists());
    env.write("odd/layer/metadata/plugins.yaml", "schema: 1\nplugins: []\n");
    let said = env.fail(1, &["plugin", "new", "odd/layer", "--layers", env.path("").to_str().unwrap()]);
    assert!(said.contains("cannot be added to by skiff"), "{said}");
    assert_eq!(env.read("odd/layer/metadata/plugins.yaml"), "schema: 1\nplugins: []\n");
}

#[test]
fn tools_are_recorded_and_played_back() {
    let rest = format!(
        "{COMMAND}    capabilities:\n      - {{write: state, why: keeps a file}}\n      \
         - {{tool: head, why: reads a file, arguments: ['-c {{int}}', '{{path:state}}', '{{given:words}}']}}\n"
    );
    let mut env = with_guest(guests::OK_COMMAND_RUNS_TOOL, &rest);
    env.write("layers/my/board/plugins/p/p.c", "");
    env.write("bin/head", "#!/bin/sh\necho changed > state/made\necho an answer\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(env.path("bin/head"), mode).unwrap();
    env.set("PATH", &format!("{}:{}", env.path("bin").display(), std::env::var("PATH").unwrap()));
    env.fail(77, &["plugin", "test", "my/board", "--record", "one", "--", "go"]);
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    env.succeed(&["plugin", "test", "my/board", "--record", "one", "--", "go", "--words", "-q"]);
    let case = |name: &str| format!("layers/my/board/plugins/p/tests/one/{name}");
    assert_snapshot!(env.read(&case("case.yaml")), @"
    command: go
    arguments:
      words:
      - -q
    tools:
    - tool: head
      arguments:
      - -c
      - '6'
      - /state/a-file+with@odd.chars
      - -q
      status: 0
      stdout: |
        an answer
      files: tool-1
    expect:
      status: 0
      messages:
      - |
        status 0: an answer
    ");
    assert_eq!(env.read(&case("tool-1/state/made")), "changed\n");
    // The tool is gone; what it did is not.
    fs::remove_file(env.path("bin/head")).unwrap();
    env.unset("PATH");
    env.set("PATH", "/nowhere");
    env.succeed(&["grant", "revoke", "my/board/p"]);
    let ran = env.run(&["plugin", "test", "my/board"]);
    assert!(ran.stdout.contains("my/board/p: one ok"), "{}{}", ran.stdout, ran.stderr);
    let recorded = env.read(&case("case.yaml"));
    for (from, to, said) in [
        (
            "- -q\n  status",
            "- -v\n  status",
            "it runs `head -c 6 /state/a-file+with@odd.chars -q`, and `head -c 6 /state/a-file+with@odd.chars -v` was recorded",
        ),
        ("an answer", "another", "messages: expected"),
        ("  status: 0\n  stdout", "  status: 4\n  stdout", "status: expected Some(0), and it is Some(4)"),
    ] {
        let changed = recorded.replacen(from, to, 1);
        assert_ne!(changed, recorded, "{from}");
        env.write(&case("case.yaml"), changed);
        let ran = env.run(&["plugin", "test", "my/board"]);
        assert!(ran.code == 1 && ran.stdout.contains(said), "{from}: {}", ran.stdout);
    }
    env.write(&case("case.yaml"), recorded);
    fs::write(env.path(&case("after/state/made")), "other").unwrap();
    let ran = env.run(&["plugin", "test", "my/board"]);
    assert!(ran.stdout.contains("state/made: it is another than was recorded"), "{}", ran.stdout);
}

/// One plugin of a layer is declared and not built: the layer's others, and their commands, go on working.
#[test]
fn a_plugin_that_is_not_built_disables_nothing_else() {
    let env = with_guest(guests::OK_COMMAND_ECHOES, COMMAND);
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    let manifest = env.read("layers/my/board/metadata/plugins.yaml");
    let second = "  - name: q\n    version: 1.0.0\n    component: plugins/q.wasm\n    interface: ^1.0\n";
    let command = "    commands:\n      - {name: other, summary: Does something}\n";
    env.write("layers/my/board/metadata/plugins.yaml", format!("{manifest}{second}{command}"));
    env.succeed(&["cmd", "my/board", "go"]);
    let ran = env.succeed(&["-c", "virt/qemu,my/board", "plan"]);
    assert!(ran.stderr.contains("plugin `my/board/q` is not built"), "{}", ran.stderr);
    for arguments in [&["cmd", "my/board", "other"][..], &["grant", "add", "--all", "my/board/q"]] {
        let said = env.fail(1, arguments);
        assert!(said.contains("plugin `my/board/q` is not built: there is no file"), "{said}");
    }
    assert!(env.succeed(&["show", "my/board"]).stdout.contains("q 1.0.0 (0 capabilities, not built)"));
    env.succeed(&["-c", "virt/qemu,my/board", "configure"]);
    assert!(env.succeed(&["-c", "virt/qemu,my/board", "status"]).stdout.contains("my/board/q is not built"));
    // A build must not lack what its hooks would do.
    env.write("layers/my/board/metadata/plugins.yaml", format!("{manifest}{second}    hooks: [pre]\n"));
    for command in ["configure", "build"] {
        let said = env.fail(1, &["-c", "virt/qemu,my/board", command]);
        assert!(said.contains("plugin `my/board/q` is not built"), "{said}");
    }
    env.succeed(&["cmd", "my/board", "go"]);
}
