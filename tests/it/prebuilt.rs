//! The engine `prebuilt`: equal bytes from equal inputs, and what its tree holds.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::environment;

#[test]
fn two_folders_give_identical_images() {
    let sums = || {
        let env = environment();
        env.write("overrides/root_overlay/etc/note", "same");
        env.write("overrides/users/table", "alice -1 alice -1 =secret /home/alice /bin/sh - Alice\n");
        env.succeed(&["-c", "virt/qemu,skiff/core", "build"]);
        env.read("workspaces/default/images/SHA256SUMS")
    };
    let first = sums();
    assert_eq!(first, sums());
    for name in ["bzImage", "rootfs.cpio.zst", "rootfs.squashfs", "rootfs.tar"] {
        assert!(first.contains(name), "{first}");
    }
}

#[test]
fn the_tree_follows_the_layers_and_a_second_build_does_nothing() {
    let env = environment();
    env.write("overrides/buildroot/x", "BR2_TARGET_GENERIC_HOSTNAME=\"tree\"\nBR2_TARGET_GENERIC_ROOT_PASSWD=\"pw\"\n");
    env.write("overrides/root_overlay/etc/note", "hello");
    env.write("overrides/users/table", "alice -1 alice -1 * /home/alice /bin/sh video Alice\n");
    let said = env.succeed(&["-c", "virt/qemu", "build"]).stderr;
    assert!(said.contains("init system (base/pre): BR2_INIT_SYSTEMD"), "{said}");
    assert!(said.contains("Writing rootfs.squashfs"), "{said}");
    let target = |path: &str| env.read(&format!("workspaces/default/target/{path}"));
    assert_eq!(target("etc/hostname"), "tree\n");
    assert_eq!(target("etc/note"), "hello");
    assert!(target("etc/shadow").contains("root:$5$"));
    assert!(target("etc/passwd").contains("alice:x:1001:1001:Alice:/home/alice:/bin/sh"));
    let shadow = fs::metadata(env.path("workspaces/default/target/etc/shadow")).unwrap();
    assert_eq!(shadow.permissions().mode() & 0o777, 0o600);
    let lock = env.read("workspaces/default/skiff.lock");
    assert!(lock.contains("busybox-static") && lock.contains("sha256: "), "{lock}");
    assert!(env.succeed(&["compile"]).stderr.contains("are current; nothing to do"));

    fs::write(env.path("workspaces/default/images/bzImage"), "damaged").unwrap();
    assert!(env.succeed(&["compile"]).stderr.contains("The images are in"));
    env.write("overrides/root_overlay/etc/note", "changed");
    assert!(env.succeed(&["compile"]).stderr.contains("The images are in"));
    assert_eq!(target("etc/note"), "changed");
    env.succeed(&["clean", "--yes"]);
    assert!(!env.path("workspaces/default/images").exists());
}

#[test]
fn a_package_that_does_not_exist_and_a_module_that_does_not() {
    let env = environment();
    env.write("layers/my/board/metadata/prebuilt.yaml", "packages: [no-such-package-at-all]\n");
    let said = env.fail(1, &["-c", "virt/qemu,my/board", "build"]);
    assert!(said.contains("error: The distribution has no package `no-such-package-at-all` for amd64"), "{said}");
    env.write("layers/my/board/metadata/prebuilt.yaml", "initramfs_modules: [no_such_module]\n");
    let said = env.fail(1, &["-c", "virt/qemu,my/board", "build"]);
    assert!(said.contains("has no module `no_such_module`"), "{said}");
    env.write("layers/my/board/metadata/prebuilt.yaml", "package: [x]\n");
    let said = env.fail(1, &["-c", "virt/qemu,my/board", "build"]);
    assert!(said.contains("metadata/prebuilt.yaml") && said.contains("unknown field `package`"), "{said}");
}

#[test]
fn a_host_name_that_is_none_is_refused() {
    let env = environment();
    env.write("overrides/buildroot/x", "BR2_TARGET_GENERIC_HOSTNAME=\"$(reboot)\"\n");
    let said = env.fail(1, &["-c", "virt/qemu", "build"]);
    assert!(said.contains("The host name `$(reboot)`"), "{said}");
}
