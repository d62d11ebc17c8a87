//! Media: images of all boards looked at with other people's tools, devices, and what an install leaves alone.

mod boards;
mod devices;
mod files;
mod foreign;
mod install;
mod programs;
mod sources;

use skiff_tests::TestEnvironment;

/// Contents that nobody could mistake for those of another file: made from its name.
fn stand_in(name: &str, size: usize) -> Vec<u8> {
    let mut state = name
        .bytes()
        .fold(0x9e37_79b9_7f4a_7c15_u64, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// Puts stand-ins for everything that a build could have made among the images.
pub(crate) fn fill_images(env: &TestEnvironment, version: &str) {
    const FILES: [(&str, usize); 33] = [
        ("Image", 300_000),
        ("zImage", 200_000),
        ("bzImage", 250_000),
        ("rootfs.squashfs", 2_000_000),
        ("rootfs.cpio.uboot", 120_000),
        ("rootfs.cpio.zst", 110_000),
        ("one.dtb", 4_000),
        ("two.dtb", 5_001),
        ("three.dtbo", 777),
        ("skiff-init/skiff-init-squashfs", 9_000),
        ("rpi-firmware/start.elf", 30_000),
        ("rpi-firmware/overlays/a long name of an overlay.dtbo", 1_234),
        ("rootfs_part/modules.squashfs", 700_000),
        ("persist_part/skiff/keys/me.pub", 80),
        ("boot_part/extra/file.txt", 33),
        ("efi-part/EFI/BOOT/BOOTX64.EFI", 99_000),
        ("efi-part/EFI/BOOT/BOOTAA64.EFI", 98_000),
        ("u-boot.bin", 500_000),
        ("u-boot-dtb.bin", 500_100),
        ("u-boot-sunxi-with-spl.bin", 600_123),
        ("u-boot-signed.bin.sd.bin", 700_001),
        ("u-boot.itb", 900_000),
        ("idbloader.img", 150_000),
        ("hk_sd_fuse/bl1.bin.hardkernel", 15_616),
        ("hk_sd_fuse/bl2.bin.hardkernel.1mb_uboot", 14_592),
        ("hk_sd_fuse/tzsw.bin.hardkernel", 262_144),
        ("hk_sd_fuse/bl1.HardKernel", 15_360),
        ("hk_sd_fuse/bl2.HardKernel", 14_592),
        ("hk_sd_fuse/tzsw.HardKernel", 159_744),
        ("bl1.bin.hardkernel", 48_640),
        ("boot.img", 512),
        ("grub.img", 60_000),
        ("skiff-release", 40),
    ];
    for (name, size) in FILES {
        let path = format!("workspaces/default/images/{name}");
        env.write(&path, stand_in(&format!("{version}{name}"), size));
    }
}

/// What is in a stand-in.
fn expected(env: &TestEnvironment, name: &str) -> Vec<u8> {
    std::fs::read(env.path(&format!("workspaces/default/images/{name}"))).unwrap()
}
