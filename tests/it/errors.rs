//! Every failure that a user can cause names what, where and what to do.

use insta::assert_snapshot;

use crate::environment;

#[test]
fn an_unknown_package() {
    let env = environment();
    assert_snapshot!(env.fail(1, &["-c", "virt/qenu", "configure"]), @"");
}

#[test]
fn an_unknown_dependency() {
    let env = environment();
    env.write("layers/my/board/metadata/dependencies", "virt/qemu\nno/where\n");
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"");
}

#[test]
fn a_name_that_is_none() {
    assert_snapshot!(environment().fail(1, &["-c", "virt", "configure"]), @"");
}

#[test]
fn no_chain_at_all() {
    assert_snapshot!(environment().fail(1, &["configure"]), @"");
}

#[test]
fn a_dependency_cycle() {
    let env = environment();
    env.write("layers/c/a/metadata/dependencies", "c/b\n");
    env.write("layers/c/b/metadata/dependencies", "c/a\n");
    assert_snapshot!(env.fail(1, &["-c", "c/a", "configure"]), @"");
}

#[test]
fn two_boards() {
    assert_snapshot!(environment().fail(1, &["-c", "pi/4,intel/x64", "configure"]), @"");
}

#[test]
fn a_broken_fragment_line() {
    let env = environment();
    env.write("layers/my/board/buildroot/config", "BR2_FINE=y\nBR2_BROKEN y\n BR2_LEAD=y\n");
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"");
}

#[test]
fn a_missing_external_desc() {
    let env = environment();
    env.write("layers/my/board/buildroot_ext/Config.in", "");
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"");
}

#[test]
fn a_broken_users_table() {
    let env = environment();
    env.write("layers/my/board/users/table", "\nalice x alice -1 * - - -\n");
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"");
}

const MANIFEST: &str = "schema: 1\nplugins:\n  - name: p\n    version: 1.0.0\n    component: plugins/p.wasm\n    \
                        interface: ^1.0\n    hooks: [pre]\n    capabilities:\n";

#[test]
fn an_unknown_capability() {
    let env = environment();
    env.write("layers/my/board/metadata/plugins.yaml", format!("{MANIFEST}      - network: all\n        why: fun\n"));
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"");
}

#[test]
fn an_unknown_zone_and_a_path_that_leads_out() {
    let env = environment();
    env.write("layers/my/board/metadata/plugins.yaml", format!("{MANIFEST}      - read: home\n        why: fun\n"));
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"");
    env.write(
        "layers/my/board/metadata/plugins.yaml",
        format!("{MANIFEST}      - write: target\n        path: ../..\n        why: fun\n"),
    );
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"");
}

#[test]
fn a_missing_component() {
    let env = environment();
    env.write("layers/my/board/metadata/plugins.yaml", MANIFEST);
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"");
}

#[test]
fn a_component_that_is_none() {
    let env = environment();
    let manifest = MANIFEST.replace("hooks: [pre]", "commands: [{name: go, summary: Goes}]");
    env.write("layers/my/board/metadata/plugins.yaml", manifest);
    env.write("layers/my/board/plugins/p.wasm", "not wasm");
    assert_snapshot!(env.fail(1, &["cmd", "my/board", "go"]), @"");
}

#[test]
fn a_core_module_in_the_place_of_a_component() {
    let env = environment();
    let manifest = MANIFEST.replace("hooks: [pre]", "commands: [{name: go, summary: Goes}]");
    env.write("layers/my/board/metadata/plugins.yaml", manifest);
    env.write("layers/my/board/plugins/p.wasm", b"\0asm\x01\0\0\0");
    let said = env.fail(1, &["cmd", "my/board", "go"]);
    assert!(said.contains("is no WebAssembly component"), "{said}");
}

#[test]
fn an_interface_from_the_future() {
    let env = environment();
    let manifest = MANIFEST.replace("hooks: [pre]", "commands: [{name: go, summary: Goes}]").replace("^1.0", "^9.0");
    env.write("layers/my/board/metadata/plugins.yaml", manifest);
    env.write("layers/my/board/plugins/p.wasm", "x");
    assert_snapshot!(env.fail(1, &["cmd", "my/board", "go"]), @"");
}

#[test]
fn an_unknown_command_and_a_wrong_argument() {
    let env = environment();
    assert_snapshot!(env.fail(2, &["cmd", "virt/qemu", "fly"]), @"");
    assert_snapshot!(env.fail(2, &["cmd", "virt/qemu/run", "--cpus", "many"]), @"");
}

#[test]
fn a_makefile_command_of_an_old_layer() {
    let env = environment();
    env.write("layers/my/board/metadata/commands", "run Runs it\n");
    env.write("layers/my/board/extensions/Makefile", "run:\n\ttouch /tmp/evil\n");
    assert_snapshot!(env.fail(77, &["cmd", "my/board", "run"]), @"");
}

#[test]
fn a_checkout_that_is_none() {
    let mut env = environment();
    env.set("SKIFF_ROOT_DIR", "/nonexistent");
    assert_snapshot!(env.fail(1, &["list"]), @"");
}

#[test]
fn a_workspace_name_that_leads_out() {
    assert_snapshot!(environment().fail(2, &["-w", "..", "list"]), @"");
}

#[test]
fn a_wrong_source_date_epoch() {
    let mut env = environment();
    env.set("SOURCE_DATE_EPOCH", "yesterday");
    assert_snapshot!(env.fail(2, &["-c", "virt/qemu", "compile"]), @"");
}

#[test]
fn an_engine_that_is_not_there_yet() {
    let mut env = environment();
    assert_snapshot!(env.fail(1, &["-c", "virt/qemu", "br", "menuconfig"]), @"");
    env.set("SKIFF_BUILDROOT_DIR", "/tmp");
    assert_snapshot!(env.fail(1, &["-c", "virt/qemu", "compile"]), @"");
}
