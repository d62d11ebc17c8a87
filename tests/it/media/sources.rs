//! Images as they are published, written to loop devices, which take root.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

use skiff_flash::Inventory;
use skiff_flash::Refusal;
use skiff_flash::Rules;
use skiff_flash::clear;
use skiff_tests::TestEnvironment;

use super::devices::Loop;
use super::devices::needs_root;
use super::foreign::run;
use super::stand_in;
use crate::environment;

const MIB: usize = 1 << 20;

const GPT: &str = "printf 'label: gpt\\nstart=2048,size=4096,type=U\\nsize=4096,type=L\\n' | sfdisk -q";

/// Runs a line of the shell in the directory of the test.
fn shell(env: &TestEnvironment, line: &str) {
    run(Command::new("sh").args(["-ec", line]).current_dir(env.path("")));
}

/// Makes `disk.img`: 8 MiB with a table.
fn disk(env: &TestEnvironment) -> Vec<u8> {
    let mut bytes = stand_in("disk", 8 * MIB);
    bytes[..MIB].fill(0);
    fs::write(env.path("disk.img"), &bytes).unwrap();
    shell(env, &format!("{GPT} disk.img"));
    fs::read(env.path("disk.img")).unwrap()
}

/// What is on the device over `card`: the file itself, of which nothing is remembered elsewhere.
fn on(env: &TestEnvironment, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fs::File::open(env.path("card")).unwrap().read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// Puts something onto the device over `card` that shows what was written.
fn put(env: &TestEnvironment, bytes: &[u8]) {
    fs::File::options().write(true).open(env.path("card")).unwrap().write_all_at(bytes, 0).unwrap();
}

#[test]
fn images_are_unpacked_and_filled_up_and_everything_else_is_refused_by_name() {
    needs_root();
    let mut env = environment();
    env.set("SKIFF_NO_INTERACTIVE", "1");
    let bytes = disk(&env);
    let device = Loop::new(&env, "card", 32 << 20);
    let untouched = stand_in("card", 32 * MIB);
    put(&env, &untouched);
    shell(&env, "qemu-img convert -O qcow2 disk.img named.img; tar czf x.tar.gz disk.img; tar cf x.tar disk.img");
    shell(&env, "zip -q two.zip x.tar disk.img; lzip -0 -k disk.img; img2simg disk.img sparse.img");
    shell(&env, "xz -0 -k -c disk.img | head -c 1000000 > torn.img.xz; head -c 8M /dev/urandom > noise.img");
    for (name, code, words) in [
        ("named.img", 1, "is a qcow2 disk of a virtual machine, not a disk image"),
        ("x.tar", 1, "is a tar archive, not a disk image"),
        ("x.tar.gz", 1, "is gzip data that holds a tar archive, not a disk image"),
        ("two.zip", 1, "is a zip archive, not a disk image"),
        ("disk.img.lz", 1, "is data packed by lzip, not a disk image"),
        ("sparse.img", 1, "is an Android sparse image, not a disk image"),
        ("torn.img.xz", 1, "the xz data ends too early"),
        ("noise.img", 77, "no partition table, file system or boot code was found in the image"),
    ] {
        for more in [&["--no-discard"][..], &["--dry-run"]] {
            let path = env.path(name).display().to_string();
            let said = env.fail(code, &[&["flash", &path, device.path()], more].concat());
            assert!(said.contains(words) && said.contains("hint"), "{name}: {said}");
        }
        assert!(on(&env, 32 * MIB) == untouched, "{name} was written");
    }
    shell(
        &env,
        "zip -q one.zip disk.img; pzstd -q -k disk.img -o p.img.zst; bzip2 -1 -k disk.img; lz4 -q -k disk.img l.img.lz4",
    );
    shell(&env, "(gzip -1 -c disk.img; echo '{ \"metadata_version\": \"1.1\" }FWx0') > trailing.img.gz");
    for name in ["disk.img", "one.zip", "p.img.zst", "disk.img.bz2", "l.img.lz4", "trailing.img.gz"] {
        put(&env, &untouched);
        let said = env.succeed(&["flash", &env.path(name).display().to_string(), device.path()]).stderr;
        assert!(on(&env, bytes.len()) == bytes, "{name}");
        let is_told = said.contains("34 bytes behind the end of the gzip data are ignored");
        assert_eq!(is_told, name == "trailing.img.gz", "{said}");
    }
    let noise = env.path("noise.img").display().to_string();
    env.succeed(&["flash", &noise, device.path(), "--allow-unknown"]);
    assert!(on(&env, 8 * MIB) == fs::read(&noise).unwrap());
    // An end in the middle of a sector.
    shell(&env, "(cat disk.img; printf 'the end') > odd.img; bzip2 -1 -k odd.img");
    for name in ["odd.img", "odd.img.bz2"] {
        put(&env, &untouched);
        let said = env.succeed(&["flash", &env.path(name).display().to_string(), device.path()]).stderr;
        assert!(said.contains("505 zero bytes are written behind it"), "{said}");
        let mut expected = fs::read(env.path("odd.img")).unwrap();
        expected.resize(8 * MIB + 512, 0);
        assert!(on(&env, 8 * MIB + 512) == expected);
    }
}

/// An image that has changed since its map was made is noticed.
#[test]
fn nothing_is_called_verified_that_was_written_by_a_map_of_something_else() {
    needs_root();
    let mut env = crate::plugins::with_guest(skiff_tests::guests::OK_BOARD_PLANS, "    board: true\n");
    env.set("SKIFF_NO_INTERACTIVE", "1");
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    env.write("workspaces/default/images/bzImage", stand_in("kernel", MIB));
    let image = env.path("disk.img").display().to_string();
    env.succeed(&["-c", "my/board", "cmd", "my/board", "buildimage", "--output", &image, "--size", "64MiB"]);
    let device = Loop::new(&env, "card", 96 << 20);
    env.succeed(&["flash", &image, device.path()]);
    shell(&env, "printf x | dd of=disk.img bs=1 seek=440 conv=notrunc status=none");
    let said = env.fail(1, &["flash", &image, device.path()]);
    assert!(said.contains("the image differs from its block map at byte 0"), "{said}");
    // Data that the map leaves out came later: all of the image is written.
    env.succeed(&["cmd", "my/board", "buildimage", "--force", "--output", &image, "--size", "64MiB"]);
    shell(&env, "printf late | dd of=disk.img bs=1M seek=60 conv=notrunc status=none");
    let said = env.succeed(&["flash", &image, device.path()]).stderr;
    assert!(said.contains("it leaves out the data at byte 62914560"), "{said}");
    assert!(on(&env, 64 * MIB) == fs::read(&image).unwrap());
    let map = env.path("disk.img.bmap").display().to_string();
    let said = env.fail(1, &["flash", &image, device.path(), "--bmap", &map]);
    assert!(said.contains("leaves out the data at byte 62914560"), "{said}");
    shell(&env, "zstd -q -k -f disk.img");
    assert!(env.fail(1, &["flash", &format!("{image}.zst"), device.path()]).contains("the block map leaves out data"));
    // A map that another user could write decides nothing: it could leave out zeros that are data.
    env.succeed(&["cmd", "my/board", "buildimage", "--force", "--output", &image, "--size", "64MiB"]);
    std::os::unix::fs::chown(env.path("disk.img.bmap"), Some(12345), None).unwrap();
    shell(&env, &format!("dd if=/dev/zero bs=1M count=64 status=none | tr '\\0' '\\377' > {}", device.path()));
    let said = env.succeed(&["flash", &image, device.path(), "--no-discard"]).stderr;
    assert!(said.contains("users who cannot change the image can change the map"), "{said}");
    assert!(on(&env, 64 * MIB) == fs::read(&image).unwrap());
    fs::remove_file(env.path("disk.img.bmap")).unwrap();
    // A map without checksums says nothing of the image beside it: all of that is written.
    let size = fs::metadata(&image).unwrap().len();
    let map = format!(
        "<?xml version=\"1.0\" ?>\n<bmap version=\"1.0\">\n<ImageSize> {size} </ImageSize>\n<BlockSize> 4096 </BlockSize>\n\
         <BlocksCount> {} </BlocksCount>\n<MappedBlocksCount> 1 </MappedBlocksCount>\n<BlockMap>\n<Range> 0 </Range>\n\
         </BlockMap>\n</bmap>\n",
        size / 4096
    );
    env.write("disk.img.bmap", map);
    let said = env.succeed(&["flash", &image, device.path()]).stderr;
    assert!(said.contains("has no checksums and is not used"), "{said}");
    assert!(on(&env, 64 * MIB) == fs::read(&image).unwrap());
    // Whoever writes into an image, by whatever name, leaves no map of it behind.
    env.succeed(&["cmd", "my/board", "buildimage", "--force", "--output", &image, "--size", "64MiB"]);
    env.write("workspaces/default/images/bzImage", stand_in("another kernel", MIB));
    std::os::unix::fs::symlink("disk.img", env.path("link.img")).unwrap();
    env.succeed(&["cmd", "my/board", "install", "--device", &env.path("link.img").display().to_string()]);
    assert!(!env.path("disk.img.bmap").exists());
}

#[test]
fn a_table_for_other_sectors_and_a_torn_image_are_asked_about() {
    needs_root();
    let mut env = environment();
    env.set("SKIFF_NO_INTERACTIVE", "1");
    disk(&env);
    fs::File::create(env.path("four")).unwrap().set_len(32 << 20).unwrap();
    let four = Loop::of(&env.path("four"), &["-b", "4096"]);
    let image = env.path("disk.img").display().to_string();
    let said = env.fail(77, &["flash", &image, four.path()]);
    assert!(said.contains("sectors of 512 bytes, and the sectors of the medium have 4096"), "{said}");
    let device = Loop::new(&env, "card", 32 << 20);
    shell(&env, "head -c 6M disk.img > torn.img");
    let torn = env.path("torn.img").display().to_string();
    let said = env.fail(77, &["flash", &torn, device.path()]);
    assert!(said.contains("the partition table ends at byte 8388608"), "{said}");
    assert!(on(&env, 32 * MIB).iter().all(|byte| *byte == 0));
    env.succeed(&["flash", &torn, device.path(), "--allow-unknown"]);
    let small = Loop::new(&env, "small", 4 << 20);
    let said = env.fail(77, &["flash", &image, small.path()]);
    assert!(said.contains("are needed"), "{said}");
    shell(&env, "gzip -1 -k disk.img");
    let said = env.fail(77, &["flash", &format!("{image}.gz"), small.path()]);
    assert!(said.contains("unpacks to more than 4194304 bytes"), "{said}");
}

#[test]
fn an_image_is_not_written_to_what_it_lies_on() {
    needs_root();
    let mut env = environment();
    env.set("SKIFF_NO_INTERACTIVE", "1");
    let bytes = disk(&env);
    let image = env.path("disk.img");
    fs::hard_link(&image, env.path("other.img")).unwrap();
    let device = Loop::of(&image, &[]);
    for name in ["disk.img", "other.img"] {
        let said = env.fail(77, &["flash", &env.path(name).display().to_string(), device.path()]);
        assert!(said.contains("stores the source"), "{said}");
    }
    // The map is lost as well.
    fs::write(env.path("small.img"), &bytes[..MIB]).unwrap();
    let map = image.display().to_string();
    let said = env.fail(1, &["flash", &env.path("small.img").display().to_string(), device.path(), "--bmap", &map]);
    assert!(!said.contains("written"), "{said}");
    // By the name of the device, there is no image to be read at all.
    let said = env.fail(1, &["flash", device.path(), device.path()]);
    assert!(said.contains("is not a regular file"), "{said}");
    // A device whose file has lost its name is made of it all the same.
    fs::remove_file(&image).unwrap();
    let said = env.fail(77, &["flash", &env.path("other.img").display().to_string(), device.path()]);
    assert!(said.contains("stores the source"), "{said}");
    assert!(fs::read(env.path("other.img")).unwrap() == bytes);
}

fn refusal(device: &Loop) -> Option<Refusal> {
    let inventory = Inventory::read(Path::new("/")).unwrap();
    clear(inventory.select(Path::new(device.path())).unwrap(), 0, &Rules::default()).err()
}

#[test]
fn a_device_is_known_by_what_it_is_made_of_and_not_by_names() {
    needs_root();
    let env = environment();
    let first = Loop::new(&env, "one", 32 << 20);
    run(Command::new("mkfs.ext4").args(["-q", first.path()]));
    fs::create_dir(env.path("place")).unwrap();
    run(Command::new("mount").arg(first.path()).arg(env.path("place")));
    fs::hard_link(env.path("one"), env.path("two")).unwrap();
    let (number, _) = run(Command::new("lsblk").args(["-ndo", "MAJ:MIN", first.path()]));
    let (major, minor) = number.trim().split_once(':').unwrap();
    run(Command::new("mknod").arg(env.path("node")).args(["b", major, minor]));
    let by_link = Loop::of(&env.path("two"), &[]);
    let by_node = Loop::of(&env.path("node"), &[]);
    let by_part = Loop::of(&env.path("two"), &["--offset", "1048576"]);
    fs::remove_file(env.path("one")).unwrap();
    let found = [&first, &by_link, &by_node, &by_part].map(refusal);
    run(Command::new("umount").arg(env.path("place")));
    assert!(found.iter().all(|found| matches!(found, Some(Refusal::InUse { .. }))), "{found:?}");
    drop((by_link, by_node, by_part));
    assert_eq!(refusal(&first), None);
    // A file that the system swaps to.
    if Command::new("sh")
        .arg("-c")
        .arg(format!("dd if=/dev/zero of={0} bs=1M count=32 conv=notrunc status=none && mkswap -q {0} && chmod 600 {0} && swapon {0}", env.path("two").display()))
        .status()
        .unwrap()
        .success()
    {
        let found = refusal(&first);
        run(Command::new("swapoff").arg(env.path("two")));
        assert!(matches!(found, Some(Refusal::System { .. })), "{found:?}");
    }
}
