//! What strangers can change is not obeyed: scripts, trees, workspaces, compilers, questions. Needs root, as `attacks` does.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use skiff_tests::TestEnvironment;
use skiff_tests::guests;

use crate::attacks::give_away;
use crate::attacks::refused;
use crate::environment;
use crate::plugins::with_guest;

/// Scripts find packages by the ends of variables' names, which two packages can share.
#[test]
fn a_script_is_led_to_no_other_package_of_the_same_variable() {
    let env = environment();
    let variable = "SKIFF_CONFIG_PATH_MY_LIB_X";
    env.write("layers/my/app/extensions/Makefile", format!("include $({variable})/common.mk\ngo:\n\t@$(SAY)\n"));
    env.write("layers/my/lib_x/common.mk", "SAY=echo mine\n");
    env.succeed(&["grant", "add", "my/app", "shell"]);
    assert!(env.succeed(&["-c", "my/app", "cmd", "my/app", "go"]).stdout.contains("mine"));
    env.write("layers/my_lib/x/common.mk", "SAY=echo planted\n");
    let said = env.run(&["-c", "my/app", "cmd", "my/app", "go"]);
    assert!(said.code != 0 && !said.stdout.contains("planted"), "{}", said.stdout);
    assert!(!env.succeed(&["-c", "my/app", "env"]).stdout.contains(variable));
    // The one that is in the chain is meant.
    assert!(env.succeed(&["-c", "my/app,my/lib_x", "cmd", "my/app", "go"]).stdout.contains("mine"));
    let said = env.fail(1, &["-c", "my/lib_x,my_lib/x", "plan"]);
    assert!(
        said.contains("`my/lib_x` and `my_lib/x` use the same variable for scripts, SKIFF_CONFIG_PATH_MY_LIB_X"),
        "{said}"
    );
    // A stranger's package is no place for a script, be it the only one.
    fs::remove_dir_all(env.path("layers/my/lib_x")).unwrap();
    give_away(&env.path("layers/my_lib/x"));
    let said = env.run(&["-c", "my/app", "cmd", "my/app", "go"]);
    assert!(said.code != 0 && !said.stdout.contains("planted"), "{}", said.stdout);
    refused(&env, &["-c", "my/app,my_lib/x", "cmd", "my/app", "go"], "the layer that scripts can read");
}

#[test]
fn a_tree_of_buildroot_is_examined_with_all_that_lies_in_it() {
    let mut env = crate::buildroot::with_tree("BR2_PACKAGE_HELLO=y\n");
    env.succeed(&["configure"]);
    let tree = TestEnvironment::checkout().join("tests/fixtures/buildroot");
    let copied = std::process::Command::new("cp").arg("-r").arg(&tree).arg(env.path("tree")).status();
    assert!(copied.unwrap().success());
    env.set("SKIFF_BUILDROOT_DIR", env.path("tree").to_str().unwrap());
    give_away(&env.path("tree/Makefile"));
    refused(&env, &["configure"], "the Buildroot tree");
}

#[test]
fn what_is_run_in_a_workspace_is_the_users_own() {
    let env = crate::buildroot::with_tree("BR2_PACKAGE_HELLO=y\n");
    env.write("layers/my/board/extensions/Makefile", "go:\n\t@echo went\n");
    env.succeed(&["grant", "add", "my/board", "shell"]);
    env.succeed(&["configure"]);
    let go = ["cmd", "my/board", "go"];
    assert!(env.succeed(&go).stdout.contains("went"));
    env.write("workspaces/default/host/bin/make", "#!/bin/sh\necho planted\n");
    give_away(&env.path("workspaces/default/host/bin/make"));
    refused(&env, &go, "the workspace");
    fs::remove_dir_all(env.path("workspaces/default/host")).unwrap();
    env.write("workspaces/default/local.mk", "X := $(shell touch planted)\n");
    give_away(&env.path("workspaces/default/local.mk"));
    refused(&env, &["compile"], "the workspace");
}

#[test]
fn a_compiler_of_plugins_is_the_users_own() {
    let mut env = with_guest(guests::OK_COMMAND_ECHOES, "    hooks: [pre]\n");
    env.write("layers/my/board/plugins/p/plugin.c", "int x;\n");
    env.set("SKIFF_CACHE_DIR", env.path("cache").to_str().unwrap());
    env.write("cache/toolchain-c/complete", "");
    env.write("cache/toolchain-c/bin/cc", "#!/bin/sh\ntouch planted\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(env.path("cache"), mode).unwrap();
    give_away(&env.path("cache/toolchain-c/bin/cc"));
    refused(&env, &["plugin", "build", "my/board/p", "--trust"], "the compiler of plugins");
}

/// The target has a directory that is open to everybody, on the machine that it is for.
#[test]
fn nobody_else_gets_into_the_target() {
    let env = environment();
    env.succeed(&["-c", "virt/qemu", "build"]);
    let mode = |path: &str| fs::metadata(env.path(path)).unwrap().mode() & 0o7777;
    assert_eq!(mode("workspaces/default/target/tmp"), 0o1777);
    assert_eq!(mode("workspaces/default/target"), 0o700);
}

/// skiff makes whatever it makes in a workspace its own, so that no command refuses what another has made.
#[test]
fn what_skiff_leaves_in_a_workspace_is_in_nobodys_way() {
    let env = environment();
    env.succeed(&["-c", "virt/qemu", "graph", "layers"]);
    env.succeed(&["-c", "virt/qemu", "configure"]);
    env.succeed(&["clean", "--yes"]);
    let env = with_guest(guests::OK_BOARD_PLANS, "    board: true\n");
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    let said = env.fail(1, &["-c", "my/board", "cmd", "my/board", "buildimage", "--size", "300MB"]);
    assert!(said.contains("is not there"), "{said}");
    env.succeed(&["-c", "my/board", "configure"]);
}
