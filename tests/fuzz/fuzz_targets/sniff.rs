//! No file takes more room than the medium has, however it is packed, and what is called an image can be judged.
#![no_main]

use std::io::Write as _;

use skiff_flash::ImageSource;
use skiff_flash::Packing;
use skiff_flash::Room;
use skiff_flash::SourceError;

libfuzzer_sys::fuzz_target!(|input: (u8, bool, Vec<u8>)| {
    const SIZE: u64 = 1 << 20;
    // Starts that lead to a decoder, which chance finds late.
    const STARTS: [&[u8]; 9] = [
        b"",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"\x50\x2a\x4d\x18\x04\0\0\0abcd\x28\xb5\x2f\xfd",
        b"BZh91AY&SY",
        b"\x04\x22\x4d\x18",
        b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0",
        b"PK\x03\x04",
    ];
    let (start, is_large, bytes) = input;
    let mut file = tempfile::NamedTempFile::new_in("/dev/shm").expect("a file");
    let start = STARTS[usize::from(start) % STARTS.len()];
    file.write_all(start).and_then(|()| file.write_all(&bytes)).expect("room");
    let room = Room { size: SIZE, sector: if is_large { 4096 } else { 512 } };
    match ImageSource::open(file.path(), None, room, &|| false) {
        Ok(source) => {
            let is_packed = Packing::of(start).is_some();
            assert!(!is_packed || source.size <= SIZE, "{source:?}");
            assert!(source.size.is_multiple_of(u64::from(room.sector)) && source.size > 0, "{source:?}");
            assert_eq!(source.mapped.total(), source.size);
            assert!(source.doubts.iter().all(|doubt| !doubt.to_string().is_empty()));
        }
        Err(SourceError::Io { source, .. }) => panic!("{source}"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
