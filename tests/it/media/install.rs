//! An install that is cut off anywhere leaves a medium that boots the old system or the new one.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use skiff_flash::Cut;
use skiff_flash::FileDisk;
use skiff_flash::Image;
use skiff_flash::InstallPlan;
use skiff_flash::Plan;
use skiff_flash::Sources;
use skiff_flash::Unwatched;
use skiff_layout::Content;
use skiff_layout::Format;
use skiff_layout::Ids;
use skiff_layout::Kind;
use skiff_layout::Layout;
use skiff_layout::Medium;
use skiff_layout::Partition;
use skiff_layout::Table;

use super::foreign;
use super::stand_in;

const SIZE: u64 = 160 << 20;

fn layout() -> Layout {
    let ext4 = || Format::Ext4 { features: vec!["^64bit".into()] };
    let boot = Partition {
        format: Format::Vfat,
        size: Some(64 << 20),
        copy_files: vec![Content::new("images/boot/", "/")],
        ..Partition::new("BOOT", Kind::basic_data())
    };
    let rootfs = Partition {
        format: ext4(),
        size: Some(32 << 20),
        copy_files: vec![Content::new("images/rootfs/", "/")],
        ..Partition::new("rootfs", Kind::linux())
    };
    let keys = Content { once: true, ..Content::new("images/persist/", "/") };
    let persist = Partition { format: ext4(), copy_files: vec![keys], ..Partition::new("persist", Kind::linux()) };
    Layout { table: Table::Gpt, max_entries: None, partitions: vec![boot, rootfs, persist], raw: Vec::new() }
}

fn sources(folder: &Path, version: &str) -> Sources {
    let write = |name: &str, size: usize| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, [version.as_bytes(), &stand_in(&format!("{version}{name}"), size)].concat()).unwrap();
    };
    for (name, size) in [("boot/kernel", 300_000), ("boot/dtbs/a.dtb", 9_000), ("boot/root.squashfs", 2_500_000)] {
        write(name, size);
    }
    write("rootfs/modules.squashfs", 600_000);
    write("persist/key", 500);
    Sources { images: Some(folder.to_owned()), layers: Vec::new(), epoch: 1_000_000_000 }
}

fn programs() -> OsString {
    std::env::var_os("PATH").unwrap()
}

/// Which system a file is of: they begin with its name.
fn version_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..3.min(bytes.len())]).into_owned()
}

#[test]
fn a_cut_at_every_write_leaves_the_old_or_the_new_and_what_users_keep() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    let medium = Medium { size: SIZE, sector: 512 };
    let path = folder.path().join("medium");
    let file = fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    let plan = Plan::new(&layout(), medium, Ids::new(b"x"), &sources(&images, "one")).unwrap();
    let image = Image::build(&plan, file, &path, &programs(), &Unwatched).unwrap();
    let persist = plan.placed.partitions()[2].range.clone();
    let bytes_of_persist = |path: &Path| {
        let mut bytes = vec![0; (persist.end - persist.start) as usize];
        fs::File::open(path).unwrap().read_exact_at(&mut bytes, persist.start).unwrap();
        bytes
    };
    let kept = bytes_of_persist(&path);
    drop(image);
    let new = sources(&images, "two");
    let mut seen = BTreeSet::new();
    let copy = folder.path().join("copy");
    for cut in 0.. {
        fs::copy(&path, &copy).unwrap();
        let open = || fs::File::options().read(true).write(true).open(&copy).unwrap();
        let disk = FileDisk::new(open(), SIZE);
        let install = InstallPlan::new(&layout(), medium, &disk, &new).unwrap();
        let staged = install.stage(&disk, &copy, &programs(), folder.path(), &Unwatched).unwrap();
        let cutting = Cut::after(&disk, cut);
        staged.commit(&cutting, &Unwatched).unwrap();
        assert!(bytes_of_persist(&copy) == kept, "cut {cut}");
        let looked = foreign::Medium::new(&copy);
        let starts: Vec<u64> = looked.table().1.iter().map(|partition| partition.sectors.0).collect();
        let boot = looked.fat(starts[0]);
        let version = version_of(&boot.read("kernel"));
        for name in ["dtbs/a.dtb", "root.squashfs"] {
            assert_eq!(version_of(&boot.read(name)), version, "cut {cut}: {name}");
        }
        // The modules of the kernel that boots are in one of the two places where it looks for them.
        let rootfs = looked.ext4(starts[1]);
        let places = ["modules.squashfs", "skiff.old/modules.squashfs"];
        let modules: Vec<String> =
            places.iter().filter(|place| rootfs.has(place)).map(|place| version_of(&rootfs.read(place))).collect();
        assert!(modules.contains(&version), "cut {cut}: {version} boots, and there are modules of {modules:?}");
        if version == "one" && modules.len() == 2 {
            // Going back is not what is wanted here; to go on is.
            seen.insert("between".to_owned());
        }
        seen.insert(version);
        let again = InstallPlan::new(&layout(), medium, &disk, &new).unwrap();
        let again = again
            .stage(&disk, &copy, &programs(), folder.path(), &Unwatched)
            .unwrap_or_else(|error| panic!("{cut}: {error}"));
        again.commit(&disk, &Unwatched).unwrap();
        assert_eq!(version_of(&boot.read("kernel")), "two", "cut {cut}");
        boot.check(64 << 11);
        rootfs.check();
        assert!(bytes_of_persist(&copy) == kept, "cut {cut}");
        if !cutting.was_cut() {
            break;
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["between", "one", "two"]);
}

#[test]
fn a_medium_that_is_not_this_boards_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(&folder.path().join("images"), "one");
    let path = folder.path().join("medium");
    fs::File::create(&path).unwrap().set_len(SIZE).unwrap();
    let disk = FileDisk::new(fs::File::open(&path).unwrap(), SIZE);
    let medium = Medium { size: SIZE, sector: 512 };
    let error = InstallPlan::new(&layout(), medium, &disk, &sources).unwrap_err().to_string();
    assert!(error.contains("no partition `BOOT` with FAT32"), "{error}");
    assert!(InstallPlan::back(&layout(), medium, &disk, 0).is_err());
}
