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
    fs::create_dir_all(copied.join("plugins")).unwrap();
    fs::copy(TestEnvironment::checkout().join("plugins/grants.yaml"), copied.join("plugins/grants.yaml")).unwrap();
    let mut sums = String::new();
    for chain in ["virt/qemu,skiff/core,skiff/system", "virt/qemu_arm64,skiff/core"] {
        let mut env = environment();
        env.set("SKIFF_ROOT_DIR", copied.to_str().unwrap());
        // Without a umask, everybody can write to the files.
        env.set("SKIFF_TRUST", copied.to_str().unwrap());
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
        } else if entry.file_type().is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path()).unwrap(), &path).unwrap();
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
    assert!(!said.contains("BR2_"), "{said}");
    assert!(said.contains("Login: a shell starts on ttyS0 without a login\nNext: skiff cmd virt/qemu run\n"), "{said}");
    let gaps = env.read("workspaces/default/gaps.txt");
    assert!(gaps.contains("init system: BR2_INIT_SYSTEMD (base/pre buildroot/system:1)"), "{gaps}");
    assert!(gaps.contains("build settings: BR2_PACKAGE_HOST_QEMU"), "{gaps}");
    assert!(said.contains("Writing rootfs.squashfs"), "{said}");
    let status = env.succeed(&["status"]).stdout;
    assert!(status.contains("skiff cmd virt/qemu run"), "{status}");
    for graph in ["size", "size-by-layer"] {
        env.succeed(&["graph", "size", "-o", "pictures"]);
        let svg = env.read(&format!("pictures/{graph}.svg"));
        assert!(svg.contains("virt/qemu") && svg.contains("base/pre") && svg.contains("overrides"), "{svg}");
    }
    let html = env.read("pictures/size.html");
    assert!(html.contains("busybox-static (base/pre)") && html.contains("root overlay of overrides"), "{html}");
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
    assert!(said.contains("error: the distribution has no package `no-such-package-at-all` for amd64"), "{said}");
    env.write("layers/my/board/metadata/prebuilt.yaml", "initramfs_modules: [no_such_module]\n");
    let said = env.fail(1, &["-c", "virt/qemu,my/board", "build"]);
    assert!(said.contains("has no module `no_such_module`"), "{said}");
    env.write("layers/my/board/boot/x.sh", "true\n");
    env.write("layers/my/board/metadata/prebuilt.yaml", "initramfs_scripts: [boot/x.sh]\n");
    let said = env.fail(1, &["-c", "virt/qemu,my/board", "build"]);
    assert!(said.contains("`boot/x.sh` is not the path of a file in `resources`"), "{said}");
    env.write("layers/my/board/metadata/prebuilt.yaml", "units:\n- start fstrim.timer\n");
    let said = env.fail(1, &["-c", "virt/qemu,my/board", "build"]);
    assert!(said.contains("metadata/prebuilt.yaml:2: ") && said.contains("found `start fstrim.timer`"), "{said}");
    env.write("layers/my/board/metadata/prebuilt.yaml", "package: [x]\n");
    let said = env.fail(1, &["-c", "virt/qemu,my/board", "build"]);
    assert!(said.contains("metadata/prebuilt.yaml") && said.contains("unknown field `package`"), "{said}");
}

#[test]
fn what_goes_into_the_initramfs_has_a_bound() {
    let env = environment();
    let busybox = env.path("layers/my/board/root_overlay/usr/bin/busybox");
    fs::create_dir_all(busybox.parent().unwrap()).unwrap();
    fs::File::create(&busybox).unwrap().set_len(65 << 20).unwrap();
    let said = env.fail(1, &["-c", "virt/qemu,my/board", "build"]);
    assert!(said.contains("rootfs.cpio.zst") && said.contains("it has more than 67108864 bytes"), "{said}");
}

#[test]
fn a_host_name_that_is_none_is_refused() {
    let env = environment();
    env.write("overrides/buildroot/x", "BR2_TARGET_GENERIC_HOSTNAME=\"$(reboot)\"\n");
    let said = env.fail(1, &["-c", "virt/qemu", "build"]);
    assert!(said.contains("host name `$(reboot)`"), "{said}");
}

#[test]
fn what_a_system_lacks_is_said_before_it_is_built() {
    let env = environment();
    let said = env.succeed(&["-c", "pi/4,skiff/core", "configure"]).stderr;
    let sentences = [
        "nobody can log in: root login is off and no user has a password",
        "pi/common: no Raspberry Pi can start this: its firmware comes from the engine `buildroot` only",
        "apps/docker: Docker is not installed, only its configuration",
        "skiff/core: the container with the full distribution cannot run without Docker",
    ];
    let places: Vec<usize> = sentences.iter().map(|sentence| said.find(sentence).expect(sentence)).collect();
    assert!(places.is_sorted(), "{said}");
    assert!(said.contains("apps/docker: settings without effect: packages "), "{said}");
    assert!(!said.contains("BR2_") && !said.contains("base/"), "{said}");
    assert_eq!(env.succeed(&["configure"]).stderr.matches("no Raspberry Pi").count(), 1);
    let status = env.succeed(&["status"]).stdout;
    let plan: serde_json::Value = serde_json::from_str(&env.succeed(&["plan", "--json"]).stdout).unwrap();
    let json: serde_json::Value = serde_json::from_str(&env.succeed(&["status", "--json"]).stdout).unwrap();
    for sentence in sentences {
        assert!(status.contains(&format!("lacks      {sentence}")), "{status}");
        let text = sentence.split_once(": ").map_or(sentence, |(_, text)| text);
        let is_said = |document: &serde_json::Value| {
            document["outlook"]["lacks"]
                .as_array()
                .unwrap()
                .iter()
                .any(|lack| lack["text"].as_str().unwrap().contains(text))
        };
        assert!(is_said(&plan) && is_said(&json), "{sentence}: {plan:#}");
    }
}

#[test]
fn the_login_and_the_board_are_looked_at_in_each_chain() {
    let env = environment();
    let said = |chain: &str| env.succeed(&["-c", chain, "configure"]).stderr;
    assert!(said("pi/4,util/rootlogin").contains("no Raspberry Pi") && !said("pi/4,util/rootlogin").contains("nobody"));
    assert!(said("pcengines/apu2").contains("no APU2 can start this"));
    assert!(said("odroid/xu").contains("cannot build this system: no layer of the chain names a kernel package"));
    let qemu = said("virt/qemu");
    assert!(!qemu.contains("warning"), "{qemu}");
    env.write("overrides/users/table", "alice -1 alice -1 =secret /home/alice /bin/sh - Alice\n");
    assert!(!said("intel/x64").contains("nobody can log in"));
    let plan: serde_json::Value = serde_json::from_str(&env.succeed(&["plan", "--json"]).stdout).unwrap();
    assert!(plan["outlook"]["login"].as_str().unwrap().starts_with("alice can log in on "), "{plan:#}");
    env.write("layers/my/app/metadata/prebuilt.yaml", "lacks: [{text: \"a\\u001b[2J\"}]\n");
    let said = env.fail(1, &["-c", "virt/qemu,my/app", "plan"]);
    assert!(said.contains("lacks[0]: control characters, line ends and invisible characters are refused"), "{said}");
    // A server that a symbol brings is one, too.
    let said = environment().succeed(&["-c", "intel/x64,skiff/system", "configure"]).stderr;
    assert!(!said.contains("nobody can log in"), "{said}");
}

#[test]
fn the_name_of_the_cache_is_no_configuration_of_apt() {
    let mut env = environment();
    let mark = env.path("mark");
    let run = format!("touch {}", mark.display());
    let names = [
        format!("q\";APT::Update::Pre-Invoke{{\"{run}\";}};X \""),
        format!("%22;APT::Update::Post-Invoke {{\"{run}\";}};//\\"),
    ];
    for name in &names {
        env.set("SKIFF_CACHE_DIR", env.path(name).to_str().unwrap());
        env.succeed(&["-c", "virt/qemu", "fetch"]);
        assert!(!mark.exists(), "{name}");
        let package = fs::read_dir(env.path(name).join("packages")).unwrap().next().unwrap().unwrap().path();
        let whole = fs::read(&package).unwrap();
        // What a cut has left is no package.
        fs::write(&package, &whole[..whole.len() / 2]).unwrap();
        env.succeed(&["fetch"]);
        assert_eq!(fs::read(&package).unwrap(), whole);
    }
    env.set("SKIFF_CACHE_DIR", env.path("a\nFilename: x").to_str().unwrap());
    let said = env.fail(1, &["-c", "virt/qemu", "compile", "--update"]);
    assert!(said.contains("control characters"), "{said}");
}

#[test]
fn a_cache_that_others_have_filled_is_not_believed() {
    let mut env = environment();
    env.write("precious", "precious");
    env.set("SKIFF_CACHE_DIR", env.path("cache").to_str().unwrap());
    let state = env.path("cache/apt/amd64");
    fs::create_dir_all(state.join("lists")).unwrap();
    let link = |name: &str| std::os::unix::fs::symlink(env.path("precious"), state.join(name)).unwrap();
    ["status", "apt.conf", "refreshed"].into_iter().for_each(link);
    env.succeed(&["-c", "virt/qemu", "fetch"]);
    assert_eq!(env.read("precious"), "precious");
    assert!(state.join("status").symlink_metadata().unwrap().is_file());
    let packages = env.path("cache/packages");
    let give_to = |user: u32| {
        for entry in fs::read_dir(&packages).unwrap() {
            std::os::unix::fs::chown(entry.unwrap().path(), Some(user), None).unwrap();
        }
    };
    give_to(4242);
    assert!(env.fail(77, &["compile"]).contains("belongs to user 4242"));
    give_to(0);
    for folder in ["lists", ".", ".."] {
        let set = |mode| fs::set_permissions(state.join(folder), fs::Permissions::from_mode(mode)).unwrap();
        set(0o777);
        let said = env.fail(77, &["compile", "--update"]);
        assert!(said.contains("is writable for everybody (mode 0777)"), "{said}");
        set(0o755);
    }
}

#[test]
fn a_network_that_is_down_is_not_taken_for_a_wrong_name() {
    let mut env = environment();
    env.succeed(&["-c", "virt/qemu", "fetch"]);
    let lock = env.read("workspaces/default/skiff.lock");
    for name in ["http_proxy", "https_proxy"] {
        env.set(name, "http://127.0.0.1:9");
    }
    let said = env.fail(1, &["compile", "--update"]);
    assert!(said.contains("error: cannot fetch the package lists: Failed to fetch "), "{said}");
    assert_eq!(env.read("workspaces/default/skiff.lock"), lock);
    assert!(env.fail(1, &["--offline", "compile", "--update"]).contains("`--update` needs the network"));
    env.write("layers/my/board/metadata/prebuilt.yaml", "packages: [no-such-package-at-all]\n");
    let said = env.fail(1, &["-w", "b", "-c", "virt/qemu,my/board", "compile"]);
    assert!(said.contains("is not in the package lists, and newer ones cannot be fetched: Failed to fetch"), "{said}");
    env.set("SKIFF_CACHE_DIR", env.path("empty").to_str().unwrap());
    let said = env.fail(1, &["-w", "c", "-c", "virt/qemu", "compile"]);
    assert!(said.contains("error: cannot fetch the package lists: Failed to fetch "), "{said}");
    // What is locked and was downloaded needs neither.
    env.set("SKIFF_CACHE_DIR", "");
    env.succeed(&["--offline", "compile"]);
}
