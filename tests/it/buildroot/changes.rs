//! What is built again after a change, and that nothing of what was before stays.

use std::fs;
use std::process::Command;

use insta::assert_snapshot;
use skiff_tests::TestEnvironment;

use super::Granting as _;
use super::hook;
use super::rebuild;
use super::with_tree;

#[test]
fn what_a_change_reaches_is_built_again_and_status_says_so_before() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\nBR2_LINUX_KERNEL=y\n");
    env.write("layers/my/board/kernel/k", "CONFIG_A=y\nCONFIG_NOT_THERE=y\n# CONFIG_NOT_THERE_EITHER is not set\n");
    env.write("layers/my/board/root_overlay/etc/motd", "Ahoy\n");
    let said = env.succeed(&["build"]).stderr;
    assert!(
        said.contains(
            "1 came to nothing:\n  [ROOT]/layers/my/board/kernel/k:2: CONFIG_NOT_THERE=y: it depends on BRINGER, which is n\n"
        ),
        "{said}"
    );
    assert_snapshot!(env.succeed(&["explain", "CONFIG_NOT_THERE"]).stdout, @"
    CONFIG_NOT_THERE = y  (kernel)
      set by   my/board                 [ROOT]/layers/my/board/kernel/k:2
      Kconfig  does not follow; it is absent: it depends on BRINGER, which is n
    ");
    let changed = |file: &str, text: &str| {
        env.write(file, text);
        env.succeed(&["configure"]);
        let status = env.succeed(&["status"]).stdout;
        let said = env.succeed(&["compile"]).stderr;
        let lines = |text: &str, with: &str| {
            text.lines().filter(|line| line.contains(with)).map(str::trim).collect::<Vec<_>>().join("\n")
        };
        let foreseen = lines(&status, "again      ").replace("again      ", "");
        assert_eq!(foreseen, lines(&said, " again"));
        format!("{}\n--\n{foreseen}", lines(&status, "to build"))
    };
    assert_snapshot!(changed("overrides/kernel/k", "CONFIG_A=m\n"), @"
    to build   kernel       kernel configuration (changed)
    to build   boot loader  an earlier stage is rebuilt
    to build   system       an earlier stage is rebuilt
    to build   images       an earlier stage is rebuilt
    --
    kernel configuration is changed: the package `linux` is built again
    ");
    assert!(env.read("workspaces/default/build/linux-1.0/.config").contains("CONFIG_A=m"));
    assert_snapshot!(changed("overrides/buildroot/x", "# BR2_PACKAGE_HELLO is not set\n"), @"
    to build   packages     BR2_PACKAGE_HELLO (gone)
    to build   kernel       an earlier stage is rebuilt
    to build   boot loader  an earlier stage is rebuilt
    to build   system       an earlier stage is rebuilt
    to build   images       an earlier stage is rebuilt
    --
    BR2_PACKAGE_HELLO is gone: the target is put together again
    ");
    assert!(!env.path("workspaces/default/target/usr/bin/hello").exists());
    assert_snapshot!(changed("overrides/buildroot/x", "BR2_GCC_FLAVOUR=\"other\"\n"), @"
    to build   toolchain    BR2_GCC_FLAVOUR (changed)
    to build   packages     BR2_PACKAGE_HELLO (new)
    to build   kernel       an earlier stage is rebuilt
    to build   boot loader  an earlier stage is rebuilt
    to build   system       an earlier stage is rebuilt
    to build   images       an earlier stage is rebuilt
    --
    BR2_GCC_FLAVOUR is changed: everything is built again
    ");
    assert!(env.path("workspaces/default/target/usr/bin/hello").exists());
    fs::remove_file(env.path("layers/my/board/root_overlay/etc/motd")).unwrap();
    assert_snapshot!(changed("layers/my/board/root_overlay/etc/issue", "Hi\n"), @r#"
    to build   system       my/board: root_overlay (changed)
    to build   images       an earlier stage is rebuilt
    --
    "etc/motd" is gone from the overlays: the target is put together again
    "#);
    assert!(!env.path("workspaces/default/target/etc/motd").exists());
}

#[test]
fn another_tree_and_a_damaged_config_are_configured_again() {
    let mut env = with_tree("BR2_PACKAGE_HELLO=y\nBR2_PACKAGE_SLOW=y\n");
    let script = format!("cp -r {} tree", TestEnvironment::checkout().join("tests/fixtures/buildroot").display());
    assert!(Command::new("sh").args(["-c", &script]).current_dir(env.path("")).status().unwrap().success());
    env.set("SKIFF_BUILDROOT_DIR", "tree");
    rebuild(&env);
    fs::write(env.path("workspaces/default/.config"), "").unwrap();
    assert!(env.succeed(&["configure"]).stderr.starts_with("Configured"));
    assert!(env.read("workspaces/default/.config").contains("BR2_PACKAGE_HELLO=y"));
    env.write("tree/package/slow/Config.in", "config BR2_PACKAGE_SLOW\n\tbool \"slow\"\n\tdepends on BR2_arm\n");
    let said = env.succeed(&["configure"]).stderr;
    assert!(said.contains("BR2_PACKAGE_SLOW=y: it depends on BR2_arm, which is n"), "{said}");
    assert!(rebuild(&env).contains("Buildroot is changed: everything is built again"));
}

#[test]
fn every_patch_and_recipe_of_every_layer_counts() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    env.write("layers/my/board/metadata/dependencies", "my/other\n");
    for layer in ["board", "other"] {
        env.write(&format!("layers/my/{layer}/buildroot_patches/hello/1.patch"), "1");
    }
    rebuild(&env);
    for layer in ["board", "other"] {
        env.write(&format!("layers/my/{layer}/buildroot_patches/hello/1.patch"), "2");
        assert!(rebuild(&env).contains("the package `hello` is built again"), "{layer}");
    }
    // A package that is off for a while is built again when it is on and its patches are others.
    env.write("overrides/buildroot/off", "# BR2_PACKAGE_HELLO is not set\n");
    rebuild(&env);
    env.write("layers/my/board/buildroot_patches/hello/1.patch", "3");
    rebuild(&env);
    assert!(!env.path("workspaces/default/build/hello-1.0").exists());
}

#[test]
fn what_hooks_have_left_goes_with_them() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    hook(&env, "layers/my/board/hooks/pre.sh", "echo left >\"$TARGET_DIR/etc/left\"");
    hook(&env, "layers/my/board/hooks/post.sh", "echo left >\"$BINARIES_DIR/left.img\"");
    env.succeed(&["grant", "add", "my/board", "shell"]);
    rebuild(&env);
    assert!(env.path("workspaces/default/images/left.img").exists());
    fs::remove_dir_all(env.path("layers/my/board/hooks")).unwrap();
    rebuild(&env);
    assert!(!env.path("workspaces/default/target/etc/left").exists());
    assert!(!env.read("workspaces/default/images/SHA256SUMS").contains("left.img"));
}

#[test]
fn a_target_made_by_hand_makes_the_next_build_a_real_one() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    rebuild(&env);
    env.succeed(&["br", "say-x"]);
    assert!(!env.succeed(&["build"]).stderr.contains("are current"));
}

#[test]
fn what_was_built_without_a_record_is_not_trusted() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    env.write("layers/my/board/root_overlay/etc/backdoor", "x");
    env.succeed(&["br", "world"]);
    fs::remove_dir_all(env.path("layers/my/board/root_overlay")).unwrap();
    rebuild(&env);
    assert!(!env.path("workspaces/default/target/etc/backdoor").exists());
    // A record that cannot be read is not one that is not there: nothing is thrown away.
    fs::write(env.path("workspaces/default/build.json"), "{}").unwrap();
    env.write("workspaces/default/target/etc/backdoor", "x");
    assert_snapshot!(env.fail(1, &["build"]), @"
    Workspace `default` is configured for my/board already; nothing to do
    error: cannot read the build record `[ROOT]/workspaces/default/build.json`: missing field `version` at line 1 column 2
    hint: remove the outputs, then build again: skiff clean && skiff compile
    ");
    assert!(env.succeed(&["status"]).stdout.contains("built      unknown"));
    fs::remove_file(env.path("workspaces/default/build.json")).unwrap();
    assert!(rebuild(&env).contains("there is no record of what was built here: everything is built again"));
    assert!(!env.path("workspaces/default/target/etc/backdoor").exists());
}

#[test]
fn downloads_come_before_a_build_and_are_none() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    env.succeed(&["fetch"]);
    assert!(!rebuild(&env).contains(" again"));
}

#[test]
fn what_scripts_use_and_files_that_settings_name_count() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\nBR2_GCC_FLAVOUR=\"SKIFF_CONFIG_ROOT/flavour\"\n");
    env.write("layers/my/board/flavour", "one");
    env.write("layers/my/board/lib/x.sh", "echo one >\"$TARGET_DIR/etc/said\"\n");
    hook(&env, "layers/my/board/hooks/pre.sh", ". \"$SKIFF_CURRENT_CONF_DIR/lib/x.sh\"");
    env.set_grant();
    rebuild(&env);
    env.write("layers/my/board/lib/x.sh", "echo two >\"$TARGET_DIR/etc/said\"\n");
    env.fail(77, &["build"]);
    env.set_grant();
    rebuild(&env);
    assert_eq!(env.read("workspaces/default/target/etc/said"), "two\n");
    env.write("layers/my/board/flavour", "two");
    env.set_grant();
    assert!(rebuild(&env).contains("everything is built again"));
}

#[test]
fn files_and_folders_that_settings_name_count() {
    let env = with_tree(
        "BR2_PACKAGE_HELLO=y\nBR2_LINUX_KERNEL=y\n\
         BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES=\"$(BR2_EXTERNAL_MINE_PATH)/board/linux.frag\"\n\
         BR2_ROOTFS_OVERLAY=\"SKIFF_CONFIG_ROOT/overlay\"\n",
    );
    fs::remove_file(env.path("base/post/buildroot/paths")).unwrap();
    for (file, text) in [
        ("buildroot_ext/external.desc", "name: MINE\n"),
        ("buildroot_ext/external.mk", ""),
        ("buildroot_ext/Config.in", ""),
        ("buildroot_ext/board/linux.frag", "CONFIG_A=y\n"),
        ("overlay/etc/one", "1"),
    ] {
        env.write(&format!("layers/my/board/{file}"), text);
    }
    rebuild(&env);
    env.write("layers/my/board/buildroot_ext/board/linux.frag", "CONFIG_A=m\n");
    assert!(rebuild(&env).contains("the package `linux` is built again"));
    assert!(env.read("workspaces/default/build/linux-1.0/.config").contains("CONFIG_A=m"));
    env.write("layers/my/board/overlay/etc/one", "2");
    rebuild(&env);
    assert_eq!(env.read("workspaces/default/target/etc/one"), "2");
    fs::remove_file(env.path("layers/my/board/overlay/etc/one")).unwrap();
    rebuild(&env);
    assert!(!env.path("workspaces/default/target/etc/one").exists());
    // The kernel follows what packages want of it.
    env.write("layers/my/board/buildroot/slow", "BR2_PACKAGE_SLOW=y\n");
    assert!(rebuild(&env).contains("packages want something else of it: the package `linux` is built again"));
}

#[test]
fn images_that_somebody_has_changed_are_made_again() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    rebuild(&env);
    let sums = env.read("workspaces/default/images/SHA256SUMS");
    env.write("workspaces/default/images/junk.img", "junk");
    fs::remove_file(env.path("workspaces/default/images/rootfs.tar")).unwrap();
    rebuild(&env);
    assert_eq!(env.read("workspaces/default/images/SHA256SUMS"), sums);
}
