//! Streams as the formats' own tools write them, whole, joined, cut off, and with something behind them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails says so by a panic")]

use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::process::Command;
use std::process::Stdio;

use skiff_tree::Packing;
use skiff_tree::UnpackError;
use skiff_tree::Unpacked;
use skiff_tree::skippable;

const LIMIT: u64 = 128 << 20;

const TOOLS: [(Packing, &[&str]); 6] = [
    (Packing::Gzip, &["gzip", "-1"]),
    (Packing::Xz, &["xz", "-0"]),
    (Packing::Lzma, &["xz", "--format=lzma", "-0"]),
    (Packing::Zstd, &["zstd", "-q"]),
    (Packing::Bzip2, &["bzip2", "-1"]),
    (Packing::Lz4, &["lz4", "-q"]),
];

fn packed(words: &[&str], bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new(words[0])
        .args(&words[1..])
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{words:?}: {error}; make media-tools installs it"));
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_owned();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{words:?}");
    output.stdout
}

fn contents(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Some of it can be packed, and some cannot.
        if state & 0x700 == 0 { state as u8 } else { b'x' }
    };
    (0..length).map(next).collect()
}

fn unpacked(packing: Packing, bytes: &[u8], limit: u64) -> io::Result<(Vec<u8>, Option<u64>)> {
    let mut reader = Unpacked::new(packing, io::Cursor::new(bytes.to_owned()), limit);
    let mut found = Vec::new();
    reader.read_to_end(&mut found)?;
    Ok((found, reader.end()))
}

#[test]
fn streams_of_all_tools_are_read_alone_and_joined() {
    let (one, two) = (contents(1, 700_000), contents(2, 300_001));
    for (packing, words) in TOOLS {
        let (first, second) = (packed(words, &one), packed(words, &two));
        assert_eq!(Packing::of(&first), Some(packing));
        assert!(unpacked(packing, &first, LIMIT).unwrap() == (one.clone(), None), "{packing}");
        if packing != Packing::Lzma {
            let joined = unpacked(packing, &[first, second].concat(), LIMIT).unwrap();
            assert!(joined == ([one.clone(), two.clone()].concat(), None), "{packing}");
        }
    }
}

#[test]
fn frames_to_be_skipped_are_skipped_in_front_in_between_and_behind() {
    let (one, two) = (contents(1, 700_000), contents(2, 300_001));
    let skip = [&[0x5a, 0x2a, 0x4d, 0x18, 200, 0, 0, 0][..], &[7; 200]].concat();
    for (packing, words) in TOOLS.into_iter().filter(|(packing, _)| matches!(packing, Packing::Zstd | Packing::Lz4)) {
        let (first, second) = (packed(words, &one), packed(words, &two));
        let all = [skip.as_slice(), &first, &skip, &skip, &second, &skip].concat();
        assert_eq!(skippable(&all), Some(208));
        let found = unpacked(packing, &all, LIMIT).unwrap();
        assert!(found == ([one.clone(), two.clone()].concat(), None), "{packing}");
        assert!(unpacked(packing, &all[..all.len() - 1], LIMIT).is_err(), "{packing}");
    }
    let pzstd = packed(&["pzstd", "-q"], &one);
    assert!(skippable(&pzstd).is_some(), "pzstd puts such a frame first");
    assert!(unpacked(Packing::Zstd, &pzstd, LIMIT).unwrap() == (one, None));
}

#[test]
fn what_is_cut_off_is_no_end() {
    let one = contents(1, 200_000);
    for (packing, words) in TOOLS {
        let bytes = packed(words, &one);
        for length in [0, 1, 5, 11, 20, bytes.len() / 2, bytes.len() - 9, bytes.len() - 4, bytes.len() - 1] {
            let result = unpacked(packing, &bytes[..length], LIMIT).map(|(found, _)| found.len());
            assert!(result.is_err(), "{packing} at {length} of {}: {result:?}", bytes.len());
        }
        let mut changed = bytes.clone();
        changed[bytes.len() / 2] ^= 0x55;
        // LZMA alone has no checksum.
        assert!(unpacked(packing, &changed, LIMIT).is_err() || packing == Packing::Lzma, "{packing}");
    }
}

/// As gzip, bzip2 and lz4 do, which go on with a warning, and xz and zstd, which do not.
#[test]
fn what_stands_behind_is_taken_as_the_tools_take_it() {
    let one = contents(1, 200_000);
    let tails: [&[u8]; 5] = [&[0; 1000], &[0; 1001], b"{ \"metadata_version\": \"1.1\" }", &[0x1f], b"FWx0"];
    for (packing, words) in TOOLS {
        let bytes = packed(words, &one);
        let end = bytes.len() as u64;
        for tail in tails {
            let result = unpacked(packing, &[&bytes, tail].concat(), LIMIT);
            let is_padding = packing == Packing::Xz && tail == [0; 1000];
            match packing {
                Packing::Gzip | Packing::Bzip2 | Packing::Lz4 => assert!(result.unwrap() == (one.clone(), Some(end))),
                _ if is_padding => assert!(result.unwrap() == (one.clone(), None)),
                _ => assert_eq!(
                    UnpackError::of(&result.unwrap_err()),
                    Some(UnpackError::Trailing { packing, at: end }),
                    "{packing}"
                ),
            }
        }
    }
    // Padded streams, one behind the other.
    let xz = packed(&["xz", "-0"], &one);
    let joined = [xz.as_slice(), &[0; 8], &xz, &[0; 4]].concat();
    assert!(unpacked(Packing::Xz, &joined, LIMIT).unwrap().0 == [one.clone(), one].concat());
}

#[test]
fn memory_is_bounded_and_the_error_says_how_much_is_needed() {
    let one = contents(1, 200_000);
    let long = packed(&["zstd", "-q", "--long=30"], &one);
    let error = unpacked(Packing::Zstd, &long, LIMIT).unwrap_err();
    assert_eq!(UnpackError::of(&error), Some(UnpackError::Window { needs: 1 << 30, limit: LIMIT }));
    assert_eq!(error.to_string(), "unpacking it takes 1024 MiB of memory, and the limit is 128 MiB");
    // The second frame is looked at as well.
    let error = unpacked(Packing::Zstd, &[packed(&["zstd", "-q"], &one), long].concat(), LIMIT).unwrap_err();
    assert!(matches!(UnpackError::of(&error), Some(UnpackError::Window { .. })), "{error}");
    assert!(unpacked(Packing::Zstd, &packed(&["zstd", "-q", "--long=27"], &one), LIMIT).is_ok());
    for (packing, form, filter) in [
        (Packing::Xz, "--format=xz", "--lzma2=preset=0,dict=256MiB"),
        (Packing::Lzma, "--format=lzma", "--lzma1=preset=0,dict=256MiB"),
    ] {
        let wide = packed(&["xz", "-T1", form, filter], &one);
        let error = unpacked(packing, &wide, LIMIT).unwrap_err();
        assert_eq!(UnpackError::of(&error), Some(UnpackError::Memory { limit: LIMIT }), "{packing}");
        assert!(unpacked(packing, &wide, 512 << 20).is_ok());
    }
}

#[test]
fn a_file_that_is_something_else_is_no_stream() {
    for bytes in [&[0; 64][..], &[0x5d; 64], b"BZh9 is a text", b"\x1f\x8b\x09 is not deflate", b"LZIP\x01"] {
        assert_eq!(Packing::of(bytes), None, "{bytes:?}");
    }
}
