//! No archive puts anything outside of the folder that it is unpacked into, or takes forever.
#![no_main]

use std::fs;
use std::io::Write as _;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use skiff_tree::Bounds;
use skiff_tree::TreePath;

libfuzzer_sys::fuzz_target!(|input: (u8, Vec<(u8, String, String)>, Vec<u8>)| {
    let (strip, members, tail) = input;
    let root = tempfile::tempdir_in("/dev/shm").expect("a folder");
    fs::create_dir_all(root.path().join("inside")).expect("a folder");
    fs::write(root.path().join("victim"), "precious").expect("a file");
    let mut archive = tempfile::tempfile_in("/dev/shm").expect("a file");
    archive.write_all(&tar_of(&members)).and_then(|()| archive.write_all(&tail)).expect("room");
    let into = Dir::open_ambient_dir(root.path().join("inside"), ambient_authority()).expect("a folder");
    let bounds = Bounds { entries: 100, bytes: 1 << 20 };
    let _ = skiff_tree::unpack(&archive, &into, &TreePath::default(), usize::from(strip % 4), bounds, &|| Ok(()));
    assert_eq!(fs::read_to_string(root.path().join("victim")).expect("it is there"), "precious");
    assert_eq!(fs::read_dir(root.path()).expect("a folder").count(), 2);
});

/// Writes members whose names and links nobody has checked.
fn tar_of(members: &[(u8, String, String)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, name, data) in members.iter().take(20) {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, text: &[u8], room: usize| {
            for (byte, value) in header.iter_mut().skip(at).take(room).zip(text) {
                *byte = *value;
            }
        };
        let kind = b"0512340LKxg7"[usize::from(*kind) % 12];
        let is_link = matches!(kind, b'1' | b'2');
        let size = if is_link { 0 } else { data.len() };
        put(0, name.as_bytes(), 100);
        put(100, b"0004755\0", 8);
        put(124, format!("{size:011o}").as_bytes(), 12);
        put(156, &[kind], 1);
        if is_link {
            put(157, data.as_bytes(), 100);
        }
        put(257, b"ustar\x0000", 8);
        put(148, b"        ", 8);
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        for (byte, value) in header.iter_mut().skip(148).zip(format!("{sum:06o}\0 ").bytes()) {
            *byte = value;
        }
        bytes.extend(header);
        if !is_link {
            bytes.extend(data.as_bytes());
            bytes.resize(bytes.len().next_multiple_of(512), 0);
        }
    }
    bytes
}
