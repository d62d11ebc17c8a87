//! What runs of a layer's scripts, and only under a grant.

use std::fs;

use insta::assert_snapshot;

use super::Granting as _;
use super::hook;
use super::rebuild;
use super::with_tree;

#[test]
fn scripts_run_only_under_a_grant_to_their_present_bytes() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    hook(&env, "layers/my/board/hooks/pre.sh", "echo ran >\"$TARGET_DIR/etc/ran\"");
    env.write("layers/my/board/metadata/commands", "flash Flashes something\n");
    env.write(
        "layers/my/board/extensions/Makefile",
        "flash:\n\t@echo \"flashed $$SKIFF_CURRENT_CONF_NAME\"\nsecret:\n\t@exit 3\n",
    );
    assert_snapshot!(env.fail(77, &["build"]), @"
    Configured workspace `default` for my/board (engine `buildroot`)
    warning: layers have hooks that are scripts, which may not run yet; once you have read them: skiff grant add my/board shell
    error: layers have scripts that the build would run with all of your rights:
      my/board
    hint: read them, and if you want that, run: skiff grant add my/board shell
    hint: better, ask the layers' authors for plugins, which can do only what you grant
    ");
    assert_snapshot!(env.fail(77, &["cmd", "my/board", "flash"]), @"
    error: `[ROOT]/layers/my/board/extensions/Makefile` of layer `my/board` is a script that would run with all of your rights
    hint: read what the scripts of the layer do, and if you want that, run: skiff grant add my/board shell
    hint: better, ask the layer's author for a plugin, which can do only what you grant
    ");
    // Whatever makes Buildroot run scripts is refused, and what does not is not.
    for command in [&["br", "all"][..], &["br", "hello-patch", "show-info"], &["fetch"], &["legal-info"], &["check"]] {
        assert!(env.fail(77, command).contains("skiff grant add my/board shell"), "{command:?}");
    }
    assert!(!env.path("workspaces/default/build/hello-1.0").exists());
    env.succeed(&["br", "show-info"]);
    env.set_grant();
    assert_eq!(env.succeed(&["cmd", "my/board/flash"]).stdout, "flashed my/board\n");
    // As in SkiffOS, a target need not be listed; make says 2 when a command fails.
    env.fail(2, &["cmd", "my/board", "secret"]);
    env.succeed(&["build"]);
    assert_eq!(env.read("workspaces/default/target/etc/ran"), "ran\n");
    env.write("layers/my/board/scripts/other.sh", "evil\n");
    assert!(env.fail(77, &["compile"]).contains("skiff grant add my/board shell"));
    assert!(env.succeed(&["grant", "list"]).stdout.contains("MISSING  shell"));
}

#[test]
fn values_reach_scripts_as_they_are() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    hook(
        &env,
        "layers/my/board/hooks/pre.sh",
        "printf %s \"$SKIFF_ODD\" >\"$TARGET_DIR/etc/odd\"; env >\"$TARGET_DIR/etc/env\"",
    );
    env.set_grant();
    let odd = "$(touch /tmp/evil) `id` \"quoted\" $HOME\nnext line \\";
    let mut command = env.command(&["build"]);
    let ran = env.ran(&command.env("SKIFF_ODD", odd).env("MAKEFLAGS", "k").output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(env.read("workspaces/default/target/etc/odd"), odd);
    let seen = env.read("workspaces/default/target/etc/env");
    let workspace = env.path("workspaces/default").display().to_string();
    for (name, value) in [
        ("SKIFF_CONFIG", "my/board"),
        ("SKIFF_CONFIG_NAME_MY_BOARD", "my/board"),
        ("SKIFF_WORKSPACE", "default"),
        ("BUILDROOT_DIR", &workspace),
        ("SKIFF_BUILDROOT_DIR", &workspace),
    ] {
        assert!(seen.lines().any(|line| line == format!("{name}={value}")), "{name} in:\n{seen}");
    }
}

#[test]
fn values_and_targets_that_make_would_run_are_refused() {
    let env = with_tree("BR2_TARGET_GENERIC_HOSTNAME=\"$(shell touch evil)\"\n");
    assert_snapshot!(env.fail(1, &["configure"]), @r#"
    error: [ROOT]/layers/my/board/buildroot/packages:1: make would run a command when it reads this: BR2_TARGET_GENERIC_HOSTNAME="$(shell touch evil)"
    hint: write the value itself; a plugin can compute one
    "#);
    env.write("layers/my/board/buildroot/packages", "BR2_PACKAGE_HELLO=y\n");
    env.write("layers/my/board/metadata/buildtarget", "SHELL=/evil\n");
    assert_snapshot!(env.fail(1, &["configure"]), @"
    error: [ROOT]/layers/my/board/metadata/buildtarget: `SHELL=/evil` is not one target of make
    hint: configs/README.md describes this file
    ");
    env.write("layers/my/board/metadata/buildtarget", "world\n");
    rebuild(&env);
    env.write("overrides/workspaces/default/buildroot/x", "BR2_ROOTFS_POST_BUILD_SCRIPT=\"/evil\"\n");
    fs::remove_file(env.path("base/post/buildroot/paths")).unwrap();
    env.fail(77, &["build"]);
}

#[test]
fn no_script_runs_that_no_grant_covers() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    fs::remove_file(env.path("base/post/buildroot/paths")).unwrap();
    hook(&env, "layers/my/board/run.sh", "echo ran >\"$1/etc/ran\"");
    hook(&env, "elsewhere/run.sh", "echo ran >\"$1/etc/ran\"");
    let elsewhere = env.path("elsewhere/run.sh").display().to_string();
    let named =
        |value: &str| env.write("layers/my/board/buildroot/h", format!("BR2_ROOTFS_POST_BUILD_SCRIPT={value}\n"));
    // However the value is written that Kconfig takes.
    for value in
        ["\"SKIFF_CONFIG_ROOT/run.sh\"", "\"SKIFF_CONFIG_ROOT/run.sh\" # mine", "\"SKIFF_CONFIG_ROOT/run.sh\"x"]
    {
        named(value);
        env.fail(77, &["build"]);
        env.fail(77, &["br", "V=1"]);
    }
    assert!(!env.path("workspaces/default/target/etc/ran").exists());
    env.set_grant();
    named("\"SKIFF_CONFIG_ROOT/run.sh\"");
    env.succeed(&["build"]);
    assert_eq!(env.read("workspaces/default/target/etc/ran"), "ran\n");
    // A grant to the layer says nothing of what lies elsewhere.
    named(&format!("\"{elsewhere}\""));
    env.set_grant();
    let said = env.fail(77, &["build"]);
    assert!(said.contains("elsewhere/run.sh` is not a script of a layer"), "{said}");
}

#[test]
fn a_grant_lasts_while_settings_change() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    hook(&env, "layers/my/board/hooks/pre.sh", "true");
    env.set_grant();
    rebuild(&env);
    env.write("layers/my/board/buildroot/more", "BR2_TARGET_GENERIC_HOSTNAME=\"boat\"\n");
    assert!(!rebuild(&env).contains(" again"));
}
