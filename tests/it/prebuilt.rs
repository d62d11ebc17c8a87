//! The engine `prebuilt`: equal bytes from equal inputs, and what its tree holds.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use skiff_tests::TestEnvironment;

use crate::environment;

/// Builds one system for each architecture from a checkout of its own and returns the digests of all images.
fn sums(umask: u32) -> String {
    let checkout = environment();
    let copied = checkout.path("a checkout, elsewhere");
    copy(&TestEnvironment::checkout().join("configs"), &copied.join("configs"), umask);
    fs::copy(TestEnvironment::checkout().join("skiff.lock"), copied.join("skiff.lock")).unwrap();
    let mut sums = String::new();
    for chain in ["virt/qemu,skiff/core", "virt/qemu_arm64,skiff/core"] {
        let mut env = environment();
        env.set("SKIFF_ROOT_DIR", copied.to_str().unwrap());
        env.set("TZ", if umask == 0 { "UTC" } else { "Asia/Tokyo" });
        env.write("overrides/root_overlay/etc/note", "same");
        env.write("overrides/users/table", "alice -1 alice -1 =secret /home/alice /bin/sh - Alice\n");
        let shell = format!("umask {umask:03o}; exec \"$0\" \"$@\"");
        let mut command = std::process::Command::new("sh");
        let build = env.command(&["-c", chain, "build"]);
        command.arg("-c").arg(shell).arg(build.get_program()).args(build.get_args()).env_clear();
        command.envs(build.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(env.path(""));
        let ran = env.ran(&command.output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        sums += &env.read("workspaces/default/images/SHA256SUMS");
    }
    sums
}

/// Copies a tree as a checkout under another umask would have it.
fn copy(from: &Path, to: &Path, umask: u32) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.unwrap();
        let path = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(&path).unwrap();
        } else {
            fs::copy(entry.path(), &path).unwrap();
            let mode = if entry.metadata().unwrap().permissions().mode() & 0o100 != 0 { 0o777 } else { 0o666 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode & !umask)).unwrap();
        }
    }
}

#[test]
fn two_checkouts_with_other_umasks_give_identical_images() {
    let first = sums(0o000);
    assert_eq!(first, sums(0o077));
    for name in ["bzImage", "Image", "rootfs.cpio.zst", "rootfs.squashfs", "rootfs.tar"] {
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
    assert!(said.contains("build settings (virt/qemu): BR2_PACKAGE_HOST_QEMU"), "{said}");
    let gaps = env.read("workspaces/default/gaps.txt");
    assert!(gaps.contains("init system: BR2_INIT_SYSTEMD (base/pre buildroot/system:1)"), "{gaps}");
    assert!(said.contains("Writing rootfs.squashfs"), "{said}");
    let target = |path: &str| env.read(&format!("workspaces/default/target/{path}"));
    assert_eq!(target("etc/hostname"), "tree\n");
    assert_eq!(target("etc/note"), "hello");
    assert!(target("etc/shadow").contains("root:$5$"));
    assert!(target("etc/passwd").contains("alice:x:100:100:Alice:/home/alice:/bin/sh"));
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
