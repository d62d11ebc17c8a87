//! skiff with a real Buildroot tree, which no package archive has: `make test-buildroot SKIFF_TEST_BUILDROOT=<folder>`.

#![allow(clippy::disallowed_methods, reason = "tests name their own files")]
#![expect(clippy::expect_used, reason = "a test may stop at the first surprise")]

mod users;

use skiff_tests::TestEnvironment;

/// Makes an environment with the real tree.
fn with_tree() -> TestEnvironment {
    let tree = std::env::var("SKIFF_TEST_BUILDROOT").expect("SKIFF_TEST_BUILDROOT names a Buildroot tree");
    let mut env = TestEnvironment::new(env!("CARGO_BIN_EXE_skiff-under-test"));
    env.set("SKIFF_BUILDROOT_DIR", &tree);
    env
}

#[test]
fn a_real_tree_builds_until_its_first_download_and_knows_its_packages() {
    let mut env = with_tree();
    env.set("SKIFF_CONFIG", "virt/qemu");
    env.set("SKIFF_CACHE_DIR", env.path("cache").to_str().expect("text"));
    let said = env.fail(1, &["--offline", "fetch"]);
    let missing = said.split_once("sources are not here of: ").and_then(|(_, names)| names.lines().next());
    assert!(missing.is_some_and(|names| names.split(", ").any(|name| name == "linux")), "{said}");
    // What was tried to be downloaded is not taken for a build.
    let said = env.fail(1, &["--offline", "compile"]);
    assert!(said.contains(" Downloading failed") && !said.contains(" again"), "{said}");
    let record: serde_json::Value =
        serde_json::from_str(&env.read("workspaces/default/build.json")).expect("a record of the build");
    let package = |name: &str| record["details"][name].clone();
    assert!(package("linux")["stamp_dir"].as_str().is_some_and(|path| path.starts_with("build/linux-")), "{record}");
    assert_eq!(package("toolchain")["virtual"], true);
    assert_eq!(package("linux")["install_images"], true);
    assert_eq!(package("glibc")["install_staging"], true);
    assert!(
        package("linux")["dependencies"].as_array().is_some_and(|names| names.iter().any(|name| name == "toolchain"))
    );
    env.write("overrides/kernel/mine", "CONFIG_WIREGUARD=y\n");
    env.write("overrides/buildroot/mine", "BR2_TARGET_GENERIC_HOSTNAME=\"boat\"\n");
    env.succeed(&["configure"]);
    let status = env.succeed(&["status"]).stdout;
    let again: Vec<&str> = status.lines().filter(|line| line.starts_with("again")).collect();
    assert_eq!(again, ["again      kernel configuration is changed: the package `linux` is built again"], "{status}");
}

#[test]
fn a_real_tree_configures_our_boards_and_reports_mistakes() {
    let env = with_tree();
    for chain in ["virt/qemu", "virt/qemu_arm64", "pi/4,skiff/core", "intel/x64"] {
        env.succeed(&["-c", chain, "-w", &chain.replace(['/', ','], "-"), "configure", "--strict"]);
    }
    env.write("overrides/buildroot/mistakes", "BR2_PACKAGE_DOCKR_ENGINE=y\nBR2_PACKAGE_FFMPEG_GPL=y\n");
    let said = env.fail(1, &["-c", "virt/qemu", "configure", "--strict"]);
    assert!(
        said.contains(
            "mistakes:1: BR2_PACKAGE_DOCKR_ENGINE=y: no Kconfig file defines it; there is BR2_PACKAGE_DOCKER_ENGINE"
        ),
        "{said}"
    );
    assert!(
        said.contains("mistakes:2: BR2_PACKAGE_FFMPEG_GPL=y: it depends on BR2_PACKAGE_FFMPEG, which is n"),
        "{said}"
    );
}
