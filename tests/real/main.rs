//! skiff with a real Buildroot tree, which no package archive has: `make test-buildroot SKIFF_TEST_BUILDROOT=<folder>`.

#![expect(clippy::expect_used, reason = "a test may stop at the first surprise")]

use skiff_tests::TestEnvironment;

#[test]
fn a_real_tree_configures_our_boards_and_reports_mistakes() {
    let tree = std::env::var("SKIFF_TEST_BUILDROOT").expect("SKIFF_TEST_BUILDROOT names a Buildroot tree");
    let mut env = TestEnvironment::new(env!("CARGO_BIN_EXE_skiff-under-test"));
    env.set("SKIFF_BUILDROOT_DIR", &tree);
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
