//! Components that no compiler would make: cut, changed, or written by hand.

use skiff_tests::guests;

use super::*;

/// Grants everything and runs the command of a component with these bytes.
fn run(bytes: &[u8]) -> String {
    let env = with_bytes(bytes);
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    env.fail(1, &["cmd", "my/board", "go"])
}

fn with_bytes(bytes: &[u8]) -> TestEnvironment {
    let env = with_guest(guests::OK_COMMAND_ECHOES, COMMAND);
    env.write("layers/my/board/plugins/p.wasm", bytes);
    env
}

fn text(component: &str) -> Vec<u8> {
    wat::parse_str(component).unwrap()
}

#[test]
fn what_is_no_component_is_refused_before_anybody_is_asked() {
    let good = fs::read(guests::OK_COMMAND_ECHOES).unwrap();
    let elf = fs::read("/bin/true").unwrap();
    for bytes in [&b""[..], b"rubbish", &good[..4], &text("(module)"), &elf] {
        let env = with_bytes(bytes);
        let said = env.fail(1, &["grant", "add", "--all", "my/board/p"]);
        assert!(said.contains("is not a WebAssembly component"), "{said}");
        assert!(!env.path("overrides/grants.yaml").exists());
    }
}

#[test]
fn a_component_that_was_cut_or_changed_is_refused() {
    let good = fs::read(guests::OK_COMMAND_ECHOES).unwrap();
    for length in [8, 100, good.len() / 2, good.len() - 1] {
        let said = run(&good[..length]);
        assert!(said.contains("error: ") && !said.contains("panicked"), "{length}: {said}");
    }
    for at in (8..good.len()).step_by(good.len() / 12) {
        let mut changed = good.clone();
        changed[at] ^= 0x55;
        let env = with_bytes(&changed);
        let ran = env.run(&["--allow", "my/board/p=all", "cmd", "my/board", "go"]);
        assert!([0, 1].contains(&ran.code) && !ran.stderr.contains("panicked"), "{at}: {}", ran.stderr);
    }
}

#[test]
fn names_in_a_component_cannot_look_like_a_message() {
    for name in ["url=<https://x/\nerror: forged\u{202e}>", "url=<https://x/\u{1b}[2J>"] {
        let env = with_bytes(&text(&format!("(component (import {name:?} (func)))")));
        let inspected = env.run(&["plugin", "inspect", "my/board/p"]);
        let checked = env.fail(1, &["plugin", "check", "my/board"]);
        assert!(inspected.stdout.contains("url=<https://x/\\"), "{}", inspected.stdout);
        for said in [inspected.stdout, inspected.stderr, checked] {
            assert!(said.contains("url=<https://x/\\") || said.is_empty(), "{said}");
            assert!(!said.contains(['\u{1b}', '\u{202e}']) && !said.contains("\nerror: forged"), "{said}");
        }
    }
}

/// Files that the kernel makes up say that they have no size, and have no end.
#[test]
fn what_has_no_end_is_not_read_to_its_end() {
    let env = with_guest(guests::OK_COMMAND_ECHOES, COMMAND);
    let endless = |inner: &str| {
        let path = env.path(inner);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("/proc/self/pagemap", path).unwrap();
    };
    endless("layers/my/texts/metadata/description");
    let said = env.run(&["list"]);
    assert!(said.stderr.contains("64 MiB") || said.stdout.contains("my/board"), "{}", said.stderr);
    env.write("layers/my/scripts/hooks/pre.sh", "#!/bin/sh\n");
    endless("layers/my/scripts/scripts/endless");
    let said = env.fail(1, &["-c", "virt/qemu,my/scripts", "grant", "list"]);
    assert!(said.contains("scripts/endless` is a link to `/proc/self/pagemap`, which lies outside"), "{said}");
}

#[test]
fn a_file_that_is_too_large_is_not_even_read() {
    let env = with_bytes(b"\0asm\x0d\0\x01\0");
    fs::File::options()
        .write(true)
        .open(env.path("layers/my/board/plugins/p.wasm"))
        .unwrap()
        .set_len(200 << 20)
        .unwrap();
    let said = env.fail(1, &["grant", "add", "--all", "my/board/p"]);
    assert!(said.contains("has 209715200 bytes, more than 67108864"), "{said}");
}

#[test]
fn what_nobody_offers_cannot_be_imported() {
    for (import, reason) in [
        ("(import \"evil:x/y@1.0.0\" (instance))", "imports `evil:x/y@1.0.0`, which skiff does not offer"),
        (
            "(import \"wasi:http/types@0.2.0\" (instance))",
            "imports `wasi:http/types@0.2.0`, which skiff does not offer",
        ),
        ("(import \"wasi:sockets/tcp@0.2.0\" (instance))", "imports `wasi:sockets/tcp@0.2.0`, which skiff does"),
        ("(import \"wasi:cli/run@0.2.0\" (instance))", "imports `wasi:cli/run@0.2.0`, which skiff does not offer"),
        ("(import \"a-name\" (func))", "imports `a-name`, which skiff does not offer"),
        ("(import \"skiff:host/other@1.0.0\" (instance))", "imports `skiff:host/other@1.0.0`, which skiff does not"),
        ("(import \"skiff:host/tools@1.0.0\" (instance))", "imports `skiff:host/tools@1.0.0` and declares no `tool`"),
        ("(import \"skiff:host/fetch@1.0.0\" (instance))", "imports `skiff:host/fetch@1.0.0` and declares no `fetch`"),
        (
            "(import \"skiff:host/storage@1.0.0\" (instance))",
            "imports `skiff:host/storage@1.0.0` and declares no files",
        ),
    ] {
        let said = run(&text(&format!("(component {import})")));
        assert!(said.contains(reason), "{import}: {said}");
    }
}

/// A fetched file goes into a tree, so `fetch` lets a plugin import `storage`: where it is loaded, and where it is inspected.
#[test]
fn storage_may_be_imported_with_fetch_alone() {
    let fetches = format!("{COMMAND}    capabilities: [{{fetch: 'https://e.org/', why: fetches}}]\n");
    let env = with_guest(guests::OK_COMMAND_ECHOES, &fetches);
    env.write(
        "layers/my/board/plugins/p.wasm",
        text(
            "(component
               (import \"skiff:host/storage@1.0.0\" (instance))
               (import \"skiff:host/fetch@1.0.0\" (instance))
               (instance $i) (export \"skiff:plugin/commands@1.0.0\" (instance $i)))",
        ),
    );
    let inspected = env.succeed(&["plugin", "inspect", "my/board/p"]).stdout;
    assert!(inspected.contains("skiff:host/storage@1.0.0") && !inspected.contains("BUT"), "{inspected}");
    assert_eq!(env.succeed(&["plugin", "check", "my/board"]).stdout, "my/board/p 1.0.0: as its manifest says\n");
    let manifest = env.read("layers/my/board/metadata/plugins.yaml");
    env.write("layers/my/board/metadata/plugins.yaml", manifest.replace("{fetch: 'https://e.org/'", "{tool: head"));
    let refused = env.fail(1, &["plugin", "check", "my/board"]);
    assert!(refused.contains("/storage@1.0.0` and declares no files (`read`, `write`) and no `fetch`\n"), "{refused}");
    let inspected = env.succeed(&["plugin", "inspect", "my/board/p"]).stdout;
    assert_eq!(inspected.matches("BUT does not declare what it takes").count(), 2, "{inspected}");
}

#[test]
fn another_version_says_what_is_needed_what_is_there_and_what_would_fit() {
    insta::assert_snapshot!(run(&text("(component (import \"skiff:host/report@1.7.0\" (instance)))")), @"
    error: plugin `my/board/p` needs `skiff:host/report@1.7.0`; this skiff provides skiff:host 1.0.0
    hint: what would fit: a newer skiff, with skiff:host 1.7.0, or the plugin built for skiff:host 1.0.0
    ");
    insta::assert_snapshot!(run(&text("(component (import \"skiff:host/report@2.0.0\" (instance)))")), @"
    error: plugin `my/board/p` needs `skiff:host/report@2.0.0`; this skiff provides skiff:host 1.0.0
    hint: what would fit: a newer skiff, with skiff:host 2.0.0, or the plugin built for skiff:host 1.0.0
    ");
    insta::assert_snapshot!(run(&text("(component (import \"skiff:host/report@1.0.0-rc.1\" (instance)))")), @"
    error: plugin `my/board/p` needs `skiff:host/report@1.0.0-rc.1`; this skiff provides skiff:host 1.0.0
    hint: what would fit: the plugin built for skiff:host 1.0.0
    ");
    let exports = "(component (instance $i) (export \"skiff:plugin/commands@3.0.0\" (instance $i)))";
    insta::assert_snapshot!(run(&text(exports)), @"
    error: plugin `my/board/p` needs `skiff:plugin/commands@3.0.0`; this skiff provides skiff:plugin 1.0.0
    hint: what would fit: a newer skiff, with skiff:plugin 3.0.0, or the plugin built for skiff:plugin 1.0.0
    ");
}

#[test]
fn an_interface_with_other_functions_is_refused() {
    let said = run(&text(
        "(component
           (import \"skiff:host/report@1.0.0\" (instance (export \"log\" (func (param \"message\" string)))))
           (instance $i) (export \"skiff:plugin/commands@1.0.0\" (instance $i)))",
    ));
    assert!(said.contains("does not fit this skiff's interfaces"), "{said}");
    let said = run(&text("(component (instance $i) (export \"skiff:plugin/commands@1.0.0\" (instance $i)))"));
    assert!(said.starts_with("error: plugin `my/board/p` ") && !said.contains("panicked"), "{said}");
}

#[test]
fn a_start_function_that_does_not_end_is_stopped() {
    let env = with_bytes(&text(
        "(component
           (core module $m (func $f (loop br 0)) (start $f))
           (core instance (instantiate $m))
           (instance $i) (export \"skiff:plugin/commands@1.0.0\" (instance $i)))",
    ));
    let manifest = env.read("layers/my/board/metadata/plugins.yaml") + "    limits: {time_s: 1}\n";
    env.write("layers/my/board/metadata/plugins.yaml", manifest);
    let said = env.fail(1, &["--allow", "my/board/p=all", "cmd", "my/board", "go"]);
    assert!(said.contains("error: plugin `my/board/p` "), "{said}");
}

#[test]
fn many_memories_tables_and_instances_are_refused() {
    let memories = "(core module $m (memory 1)) ".to_owned() + &"(core instance (instantiate $m)) ".repeat(200);
    let tables = "(core module $m (table 9000000 funcref)) (core instance (instantiate $m))".to_owned();
    let large = "(core module $m (memory 65536)) (core instance (instantiate $m))".to_owned();
    for body in [memories, tables, large] {
        let said = run(&text(&format!(
            "(component {body} (instance $i) (export \"skiff:plugin/commands@1.0.0\" (instance $i)))"
        )));
        assert!(said.contains("error: plugin `my/board/p` "), "{said}");
    }
}

/// The compiler has bounds: what takes longer or more is ended, and the host goes on.
#[test]
fn what_cannot_be_compiled_in_bounds_is_refused() {
    let nested = format!("(module (func {}{}))", "block ".repeat(50_000), "end ".repeat(50_000));
    let functions = format!("(module {})", "(func (result i32) i32.const 1) ".repeat(100_000));
    for core in [nested, functions] {
        let bytes = text(&format!(
            "(component (core {} (core instance (instantiate $m)) (instance $i)
              (export \"skiff:plugin/commands@1.0.0\" (instance $i)))",
            core.replacen("(module", "module $m", 1)
        ));
        let env = with_bytes(&bytes);
        let ran = env.run(&["--allow", "my/board/p=all", "cmd", "my/board", "go"]);
        assert!(ran.code == 1 && !ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
}

#[test]
fn compiled_code_that_was_changed_is_not_used() {
    let mut env = with_guest(guests::OK_COMMAND_ECHOES, COMMAND);
    env.set("SKIFF_CACHE_DIR", env.path("cache").to_str().unwrap());
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    env.succeed(&["cmd", "my/board", "go"]);
    let entries: Vec<_> = fs::read_dir(env.path("cache/plugins")).unwrap().flatten().map(|e| e.path()).collect();
    let entry = entries.iter().find(|path| !path.ends_with("key")).unwrap();
    let good = fs::read(entry).unwrap();
    for at in [0, 40, good.len() / 2, good.len() - 1] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fs::write(entry, &bytes).unwrap();
        env.succeed(&["cmd", "my/board", "go"]);
        assert!(fs::read(entry).unwrap() == good, "it was compiled and kept again");
    }
    // Several processes that find nothing there get on with each other.
    fs::remove_dir_all(env.path("cache/plugins")).unwrap();
    let running: Vec<_> = (0..4).map(|_| env.command(&["cmd", "my/board", "go"]).spawn().unwrap()).collect();
    assert!(running.into_iter().all(|mut child| child.wait().unwrap().success()));
}

#[test]
fn a_manifest_that_grows_when_it_is_read_is_refused() {
    let env = with_guest(guests::OK_COMMAND_ECHOES, COMMAND);
    let bomb: String = (1..60).map(|n| format!("a{n}: &a{n} [{}]\n", format!("*a{},", n - 1).repeat(9))).collect();
    env.write("layers/my/board/metadata/plugins.yaml", format!("schema: 1\na0: &a0 [x]\n{bomb}plugins: *a59\n"));
    let said = env.fail(1, &["cmd", "my/board", "go"]);
    assert!(said.contains("plugins.yaml"), "{said}");
    // Forty gigabytes in 160 kilobytes.
    let (long, many) = ("x".repeat(100_000), "*a, ".repeat(14_000));
    let rows: String = (0..20).map(|row| format!(", c{row}: *b")).collect();
    let settings = format!("    settings: {{a: &a {long}, b: &b [{many}]{rows}}}\n");
    let manifest =
        "schema: 1\nplugins:\n  - name: p\n    version: 1.0.0\n    component: plugins/p.wasm\n    interface: ^1.0\n";
    env.write("layers/my/board/metadata/plugins.yaml", format!("{manifest}{settings}"));
    let said = env.fail(1, &["cmd", "my/board", "go"]);
    assert!(said.contains("with its aliases it has more than 16 MiB"), "{said}");
    env.write("layers/my/board/metadata/plugins.yaml", vec![b'#'; 300 << 20]);
    let said = env.fail(1, &["cmd", "my/board", "go"]);
    assert!(said.contains("plugins.yaml"), "{said}");
}
