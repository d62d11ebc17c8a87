//! Every board: an image of stand-ins, compared with the sectors that parted gave SkiffOS, and every byte of it where it
//! belongs.

use std::process::Command;

use skiff_tests::TestEnvironment;

use super::expected;
use super::fill_images;
use super::foreign::Medium;
use super::foreign::run;
use crate::environment;

/// A medium of the size that most cards have.
const CARD: u64 = 32_000_000_000;

/// What a board's medium has to be.
struct Expected {
    /// The package, and the one whose commands it has.
    board: &'static str,
    owner: &'static str,
    table: &'static str,
    /// Label, type, active flag, and where it is on a medium of 32 GB: first and last sector.
    partitions: &'static [(&'static str, &'static str, bool, (u64, u64))],
    /// Sector offset in bytes, file, how much of it is left out, and how much is there at most.
    raw: &'static [(u64, &'static str, usize, usize)],
    /// Partition, place, and image.
    files: &'static [(usize, &'static str, &'static str)],
    /// Partition, place, and what the text there has to hold; `{uuid}` is the identity of the first partition.
    texts: &'static [(usize, &'static str, &'static str)],
}

const ALL: usize = usize::MAX;

const BASIC: &str = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7";
const LINUX: &str = "0fc63daf-8483-4772-8e79-3d69d8477de4";
const ESP: &str = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";

const PI_FILES: &[(usize, &str, &str)] = &[
    (0, "zImage", "zImage"),
    (0, "start.elf", "rpi-firmware/start.elf"),
    (0, "overlays/a long name of an overlay.dtbo", "rpi-firmware/overlays/a long name of an overlay.dtbo"),
    (0, "one.dtb", "one.dtb"),
    (0, "two.dtb", "two.dtb"),
    (0, "rootfs.cpio.zst", "rootfs.cpio.zst"),
    (0, "rootfs.squashfs", "rootfs.squashfs"),
    (0, "skiff-init/skiff-init-squashfs", "skiff-init/skiff-init-squashfs"),
    (0, "extra/file.txt", "boot_part/extra/file.txt"),
    (1, "modules.squashfs", "rootfs_part/modules.squashfs"),
    (2, "skiff/keys/me.pub", "persist_part/skiff/keys/me.pub"),
];
const PI_TEXTS: &[(usize, &str, &str)] = &[
    (0, "cmdline.txt", "PARTUUID={uuid}:/rootfs.squashfs"),
    (0, "config.txt", "initramfs rootfs.cpio.zst followkernel"),
];

const ODROID: &[(&str, &str, bool, (u64, u64))] = &[
    ("boot", "c", true, (4096, 1_953_791)),
    ("rootfs", "83", false, (1_953_792, 3_905_535)),
    ("persist", "83", false, (3_905_536, 62_498_815)),
];
const ODROID_FILES: &[(usize, &str, &str)] = &[
    (0, "Image", "Image"),
    (0, "rootfs.cpio.uboot", "rootfs.cpio.uboot"),
    (0, "one.dtb", "one.dtb"),
    (0, "three.dtbo", "three.dtbo"),
    (1, "modules.squashfs", "rootfs_part/modules.squashfs"),
    (2, "skiff/keys/me.pub", "persist_part/skiff/keys/me.pub"),
];

const ORANGE: &[(&str, &str, bool, (u64, u64))] = &[
    ("boot", "c", false, (204_800, 839_679)),
    ("rootfs", "83", false, (839_680, 1_228_799)),
    ("persist", "83", false, (1_228_800, 62_499_999)),
];
const ORANGE_FILES: &[(usize, &str, &str)] = &[
    (0, "zImage", "zImage"),
    (0, "rootfs.cpio.uboot", "rootfs.cpio.uboot"),
    (0, "two.dtb", "two.dtb"),
    (1, "modules.squashfs", "rootfs_part/modules.squashfs"),
    (2, "skiff/keys/me.pub", "persist_part/skiff/keys/me.pub"),
];

const BANANA: &[(&str, &str, bool, (u64, u64))] =
    &[("boot", "c", false, (2048, 1_953_791)), ("persist", "83", false, (1_953_792, 62_499_999))];
const BANANA_FILES: &[(usize, &str, &str)] = &[
    (0, "zImage", "zImage"),
    (0, "rootfs.squashfs", "rootfs.squashfs"),
    (0, "skiff-init/skiff-init-squashfs", "skiff-init/skiff-init-squashfs"),
    (0, "one.dtb", "one.dtb"),
    (1, "rootfs/modules.squashfs", "rootfs_part/modules.squashfs"),
    (1, "skiff/keys/me.pub", "persist_part/skiff/keys/me.pub"),
];

const PINE: &[(&str, &str, bool, (u64, u64))] = &[("persist", "83", false, (262_144, 62_498_815))];
const PINE_FILES: &[(usize, &str, &str)] = &[
    (0, "boot/Image", "Image"),
    (0, "boot/one.dtb", "one.dtb"),
    (0, "boot/rootfs.squashfs", "rootfs.squashfs"),
    (0, "boot/skiff-release", "skiff-release"),
    (0, "boot/skiff-init/skiff-init-squashfs", "skiff-init/skiff-init-squashfs"),
    (0, "rootfs/modules.squashfs", "rootfs_part/modules.squashfs"),
    (0, "skiff/keys/me.pub", "persist_part/skiff/keys/me.pub"),
];
const EXTLINUX: &[(usize, &str, &str)] = &[(0, "boot/extlinux/extlinux.conf", "root=PARTUUID={uuid}")];

const SUNXI: &[(u64, &str, usize, usize)] = &[(8192, "u-boot-sunxi-with-spl.bin", 0, ALL)];
const ROCKCHIP: &[(u64, &str, usize, usize)] =
    &[(64 * 512, "idbloader.img", 0, ALL), (16384 * 512, "u-boot.itb", 0, ALL)];

const fn pi(board: &'static str) -> Expected {
    Expected {
        board,
        owner: "pi/common",
        table: "dos",
        partitions: &[
            ("BOOT", "c", true, (2048, 15_624_191)),
            ("rootfs", "83", false, (15_624_192, 19_531_775)),
            ("persist", "83", false, (19_531_776, 62_498_815)),
        ],
        raw: &[],
        files: PI_FILES,
        texts: PI_TEXTS,
    }
}

const fn odroid(board: &'static str, raw: &'static [(u64, &'static str, usize, usize)]) -> Expected {
    Expected { board, owner: "odroid/common", table: "dos", partitions: ODROID, raw, files: ODROID_FILES, texts: &[] }
}

const fn banana(board: &'static str) -> Expected {
    Expected {
        board,
        owner: "bananapi/common",
        table: "dos",
        partitions: BANANA,
        raw: SUNXI,
        files: BANANA_FILES,
        texts: &[],
    }
}

const fn orange(board: &'static str, owner: &'static str) -> Expected {
    Expected { board, owner, table: "dos", partitions: ORANGE, raw: SUNXI, files: ORANGE_FILES, texts: &[] }
}

const fn pine(
    board: &'static str,
    raw: &'static [(u64, &'static str, usize, usize)],
    texts: &'static [(usize, &'static str, &'static str)],
) -> Expected {
    Expected { board, owner: "pine64/common", table: "dos", partitions: PINE, raw, files: PINE_FILES, texts }
}

const fn uefi(board: &'static str) -> Expected {
    Expected {
        board,
        owner: "intel/x64",
        table: "gpt",
        partitions: &[("EFI", ESP, false, (2048, 1_050_623)), ("SKIFFOS", LINUX, false, (1_050_624, 62_498_815))],
        raw: &[],
        files: &[
            (0, "EFI/BOOT/BOOTX64.EFI", "efi-part/EFI/BOOT/BOOTX64.EFI"),
            (0, "skiff/bzImage", "bzImage"),
            (0, "skiff/initrd", "rootfs.cpio.zst"),
            (0, "skiff/rootfs.squashfs", "rootfs.squashfs"),
            (1, "rootfs/modules.squashfs", "rootfs_part/modules.squashfs"),
            (1, "skiff/keys/me.pub", "persist_part/skiff/keys/me.pub"),
        ],
        texts: &[(0, "loader/entries/skiff.conf", "root=PARTUUID={uuid}:/skiff/rootfs.squashfs")],
    }
}

const BOARDS: &[Expected] = &[
    Expected {
        table: "gpt",
        partitions: &[
            ("BOOT", BASIC, false, (2048, 15_624_191)),
            ("rootfs", LINUX, false, (15_624_192, 19_531_775)),
            ("persist", LINUX, false, (19_531_776, 62_498_815)),
        ],
        ..pi("pi/4")
    },
    pi("pi/0"),
    pi("pi/1"),
    pi("pi/3"),
    odroid(
        "odroid/xu",
        &[
            (512, "hk_sd_fuse/bl1.bin.hardkernel", 0, 15_360),
            (31 * 512, "hk_sd_fuse/bl2.bin.hardkernel.1mb_uboot", 0, ALL),
            (63 * 512, "u-boot-signed.bin.sd.bin", 0, ALL),
            (2111 * 512, "hk_sd_fuse/tzsw.bin.hardkernel", 0, ALL),
        ],
    ),
    odroid(
        "odroid/u",
        &[
            (512, "hk_sd_fuse/bl1.HardKernel", 0, ALL),
            (31 * 512, "hk_sd_fuse/bl2.HardKernel", 0, ALL),
            (63 * 512, "u-boot-signed.bin.sd.bin", 0, ALL),
            (2111 * 512, "hk_sd_fuse/tzsw.HardKernel", 0, ALL),
        ],
    ),
    odroid(
        "odroid/c2",
        &[
            (0, "bl1.bin.hardkernel", 0, 442),
            (512, "bl1.bin.hardkernel", 512, ALL),
            (97 * 512, "u-boot-signed.bin.sd.bin", 0, ALL),
        ],
    ),
    odroid("odroid/c4", &[(0, "u-boot-signed.bin.sd.bin", 0, 444), (512, "u-boot-signed.bin.sd.bin", 512, ALL)]),
    banana("bananapi/m1"),
    banana("bananapi/m1plus"),
    banana("bananapi/m2plus"),
    banana("bananapi/m3"),
    orange("orangepi/lite", "orangepi/common"),
    orange("orangepi/zero", "orangepi/common"),
    orange("pcduino/3", "pcduino/3"),
    Expected {
        partitions: &[
            ("boot", "c", true, (204_800, 839_679)),
            ("rootfs", "83", false, (839_680, 1_228_799)),
            ("persist", "83", false, (1_228_800, 62_499_999)),
        ],
        raw: &[(0, "boot.img", 0, 440), (512, "grub.img", 0, ALL)],
        files: &[
            (0, "bzImage", "bzImage"),
            (0, "initrd", "rootfs.cpio.zst"),
            (0, "rootfs.squashfs", "rootfs.squashfs"),
        ],
        texts: &[(0, "boot/grub/grub.cfg", "PARTUUID={uuid}")],
        ..orange("pcengines/apu2", "pcengines/apu2")
    },
    pine("pine64/h64", SUNXI, EXTLINUX),
    pine("pine64/phone", SUNXI, &[(0, "boot/boot.txt", "PARTUUID={uuid}")]),
    pine("pine64/book", ROCKCHIP, EXTLINUX),
    pine("pine64/rockpro64", ROCKCHIP, EXTLINUX),
    uefi("intel/x64"),
    uefi("apple/macbook"),
    uefi("intel/desktop"),
];

fn build(env: &TestEnvironment, board: &str, owner: &str, size: u64) -> Medium {
    let path = env.path("medium.img");
    let size = size.to_string();
    let output = path.display().to_string();
    env.succeed(&["-c", board, "cmd", owner, "buildimage", "--force", "--size", &size, "--output", &output]);
    Medium::new(path)
}

fn check(env: &TestEnvironment, board: &Expected) {
    let medium = build(env, board.board, board.owner, CARD);
    let (table, partitions) = medium.table();
    assert_eq!(table, board.table, "{}", board.board);
    assert_eq!(partitions.len(), board.partitions.len(), "{}", board.board);
    for ((label, kind, bootable, sectors), found) in board.partitions.iter().zip(&partitions) {
        let name = board.board;
        assert_eq!(
            (found.sectors, found.kind.as_str(), found.bootable),
            (*sectors, *kind, *bootable),
            "{name} {label}"
        );
        match *kind {
            "c" | BASIC | ESP => {
                let fat = medium.fat(sectors.0);
                assert_eq!(fat.labels(), ((*label).to_owned(), (*label).to_owned()), "{name}");
                fat.check(sectors.1 - sectors.0 + 1);
            }
            _ => {
                let ext4 = medium.ext4(sectors.0);
                assert_eq!(ext4.label(), *label, "{name}");
                ext4.check();
            }
        }
        if table == "gpt" {
            assert_eq!(found.name, *label);
        }
    }
    for (offset, file, skip, length) in board.raw {
        let bytes = expected(env, file);
        let bytes = &bytes[*skip..bytes.len().min(skip.saturating_add(*length))];
        assert!(medium.bytes(*offset, bytes.len()) == bytes, "{}: {file} at {offset}", board.board);
    }
    assert_eq!(medium.bytes(510, 2), [0x55, 0xaa]);
    let is_fat = |number: usize| ["c", BASIC, ESP].contains(&board.partitions[number].1);
    let read = |number: usize, path: &str| {
        let start = partitions[number].sectors.0;
        if is_fat(number) { medium.fat(start).read(path) } else { medium.ext4(start).read(path) }
    };
    for (number, path, file) in board.files {
        assert!(read(*number, path) == expected(env, file), "{}: {path}", board.board);
    }
    for (number, path, text) in board.texts {
        let found = String::from_utf8(read(*number, path)).unwrap();
        let uuid = match partitions[0].uuid.is_empty() {
            true => format!("{}-01", medium.signature()),
            false => partitions[0].uuid.clone(),
        };
        assert!(found.contains(&text.replace("{uuid}", &uuid)), "{}: {path}: {found}", board.board);
    }
}

macro_rules! boards {
    ($($name:ident $range:expr),*) => { $(
        #[test]
        fn $name() {
            let env = environment();
            fill_images(&env, "one ");
            BOARDS[$range].iter().for_each(|board| check(&env, board));
        }
    )* };
}

boards!(the_raspberry_pis_have_their_media 0..4, odroids_have_their_media 4..8, banana_pis_have_their_media 8..12,
    orange_pis_pcduino_and_apu2_have_their_media 12..16, pine64_boards_have_their_media 16..20, pcs_have_their_media 20..23);

#[test]
fn u_boot_reads_the_scripts() {
    let env = environment();
    fill_images(&env, "one ");
    let medium = build(&env, "odroid/xu", "odroid/common", 4 << 30);
    let script = medium.fat(4096).read("boot.scr");
    env.write("boot.scr", &script);
    let (said, _) = run(Command::new("mkimage").arg("-l").arg(env.path("boot.scr")));
    assert!(said.contains("Skiff Odroid") && said.contains("ARM Linux Script"), "{said}");
    assert!(script.ends_with(&medium.fat(4096).read("boot.txt")));
}

#[test]
fn media_down_to_4_gb_have_room_for_everything() {
    let env = environment();
    fill_images(&env, "one ");
    for (board, owner) in [("pi/4", "pi/common"), ("odroid/c4", "odroid/common"), ("pine64/h64", "pine64/common")] {
        let plan = env.succeed(&["-c", board, "cmd", owner, "buildimage", "--size", "4GB", "--dry-run"]).stdout;
        assert_eq!(plan.contains("on a larger medium"), board == "pi/4", "{plan}");
    }
    let medium = build(&env, "pi/4", "pi/common", 4_000_000_000);
    for (partition, least) in medium.table().1.iter().zip([1500_u64, 300, 1000]) {
        assert!((partition.sectors.1 - partition.sectors.0) >> 11 > least, "{partition:?}");
    }
    assert!(medium.ext4(medium.table().1[1].sectors.0).features().contains("extent"));
}

/// parted's own arithmetic, with the sizes that SkiffOS's scripts give it.
#[test]
fn other_sizes_have_the_sectors_that_parted_gives_them() {
    let env = environment();
    fill_images(&env, "one ");
    /// Board, owner, table, and where each partition starts and ends.
    type Case = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);
    let cases: [Case; 4] = [
        ("pi/4", "pi/common", "gpt", &[("0%", "8G"), ("8G", "10G"), ("10G", "100%")]),
        ("odroid/xu", "odroid/common", "msdos", &[("2MiB", "1G"), ("1G", "2G"), ("2G", "100%")]),
        ("bananapi/m1", "bananapi/common", "msdos", &[("0%", "1G"), ("1G", "-1s")]),
        ("intel/x64", "intel/x64", "gpt", &[("1049kB", "538MB"), ("538MB", "100%")]),
    ];
    for (board, owner, table, parts) in cases {
        for size in [12_884_901_888_u64, 15_931_539_456, 63_864_569_856, 128_043_712_512] {
            let path = env.path("parted.img");
            std::fs::File::create(&path).unwrap().set_len(size).unwrap();
            let mut parted = Command::new("parted");
            parted.args(["-s", "-a", "optimal", "--"]).arg(&path).args(["mklabel", table]);
            for (start, end) in parts {
                parted.args(["mkpart", "primary", "ext4", start, end]);
            }
            run(&mut parted);
            let theirs: Vec<_> = Medium::new(&path).table().1.into_iter().map(|one| one.sectors).collect();
            let size = size.to_string();
            let words = ["-c", board, "cmd", owner, "buildimage", "--size", &size, "--dry-run", "--json"];
            let plan: serde_json::Value = serde_json::from_str(&env.succeed(&words).stdout).unwrap();
            let ours = plan["partitions"].as_array().unwrap().iter().map(|one| {
                let (start, size) = (one["start"].as_u64().unwrap(), one["size"].as_u64().unwrap());
                (start / 512, (start + size) / 512 - 1)
            });
            assert_eq!(ours.collect::<Vec<_>>(), theirs, "{board} {size}");
        }
    }
}

#[test]
fn equal_inputs_make_equal_images_and_others_get_all_they_need_to_write_them() {
    let env = environment();
    fill_images(&env, "one ");
    let words = |name: &str| {
        let output = env.path(name).display().to_string();
        std::fs::create_dir_all(env.path(name).parent().unwrap()).unwrap();
        env.succeed(&["-c", "bananapi/m1", "cmd", "bananapi/common", "buildimage", "--publish", "--output", &output])
    };
    let made = words("a/x.img").stdout;
    for end in ["x.img", "x.img.bmap", "x.img.zst", "x.img.rpi-imager.json", "SHA256SUMS"] {
        assert!(made.lines().any(|line| line.ends_with(&format!("/a/{end}"))), "{made}");
    }
    words("b/x.img");
    let read = |name: &str| std::fs::read(env.path(name)).unwrap();
    assert!(read("a/x.img") == read("b/x.img") && read("a/x.img.bmap") == read("b/x.img.bmap"));
    run(Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(env.path("a")));
    let list: serde_json::Value = serde_json::from_slice(&read("a/x.img.rpi-imager.json")).unwrap();
    let entry = &list["os_list"][0];
    assert_eq!(entry["extract_size"], 1536 << 20);
    assert!(env.read("a/SHA256SUMS").contains(entry["image_download_sha256"].as_str().unwrap()));
    // Written by the map's own tool onto something that is full of other things, it is the same where that matters.
    let used = env.path("used");
    let file = std::fs::File::create(&used).unwrap();
    file.set_len(1536 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0xa5; 8 << 20], 1000 << 20).unwrap();
    let image = env.path("a/x.img.zst");
    run(Command::new("bmaptool").args(["copy", "--bmap"]).arg(env.path("a/x.img.bmap")).arg(&image).arg(&used));
    let medium = Medium::new(&used);
    medium.fat(2048).check(1_951_744);
    medium.ext4(1_953_792).check();
    assert!(medium.fat(2048).read("zImage") == expected(&env, "zImage"));
}
