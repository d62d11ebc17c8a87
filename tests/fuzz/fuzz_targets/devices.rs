//! Whatever a machine says of its devices: none that is in use, a partition, built in or without a medium is written to.
#![no_main]

use std::fs;
use std::path::Path;

use skiff_flash::Inventory;
use skiff_flash::Removable;
use skiff_flash::Rules;
use skiff_flash::clear;

/// A device: what it is called, what it lies in, and what its files say.
type Entry = (u8, u8, Vec<(u8, String)>);

libfuzzer_sys::fuzz_target!(|input: (Vec<Entry>, String, String, Vec<String>)| {
    const NAMES: [&str; 10] =
        ["sda", "sda1", "sdb", "mmcblk0", "mmcblk0p1", "loop0", "loop1", "nvme0n1", "cciss!c0d0", "zram0"];
    const FOLDERS: [&str; 5] =
        ["pci/usb1/1-1", "pci/ata1", "pci/usb1/1-1/sda", "platform/mmc/mmcblk0", "virtual/block"];
    const FILES: [&str; 14] = [
        "dev",
        "size",
        "ro",
        "removable",
        "partition",
        "diskseq",
        "device/model",
        "device/vendor",
        "device/type",
        "device/serial",
        "serial",
        "loop/backing_file",
        "queue/logical_block_size",
        "holders/dm-0",
    ];
    let (entries, mounts, swaps, protect) = input;
    let root = tempfile::tempdir_in("/dev/shm").expect("a folder");
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        let _ = fs::create_dir_all(path.parent().expect("it has one"));
        let _ = fs::write(path, text);
    };
    write("proc/self/mountinfo", &mounts);
    write("proc/swaps", &swaps);
    write("file", "");
    let class = root.path().join("sys/class/block");
    fs::create_dir_all(&class).expect("a folder");
    for (name, folder, files) in entries.iter().take(8) {
        let name = NAMES[usize::from(*name) % NAMES.len()];
        let folder = format!("sys/devices/{}/{name}", FOLDERS[usize::from(*folder) % FOLDERS.len()]);
        for (file, text) in files.iter().take(20) {
            write(&format!("{folder}/{}", FILES[usize::from(*file) % FILES.len()]), text);
        }
        let _ = fs::create_dir_all(root.path().join(&folder));
        let _ = std::os::unix::fs::symlink(Path::new("../../..").join(&folder), class.join(name));
    }
    let inventory = Inventory::read(root.path()).expect("it can be listed");
    let rules = Rules { allow_fixed: None, protect };
    for device in inventory.disks() {
        assert!(
            !device.title().chars().any(char::is_control) || device.path.to_string_lossy().contains(char::is_control)
        );
        assert!(device.numbers.contains(&device.number));
        if clear(device, 0, &rules).is_ok() {
            assert!(device.partition_of.is_none() && device.uses.is_empty() && device.size > 0 && !device.read_only);
            assert_eq!(device.removable, Removable::Yes);
        }
    }
});
