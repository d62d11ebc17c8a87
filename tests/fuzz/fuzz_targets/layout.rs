//! Whatever layout is accepted, others read its table without a complaint, find each partition where it was put, and agree
//! with what skiff itself reads.
#![no_main]

use std::os::unix::fs::FileExt as _;
use std::process::Command;

use libfuzzer_sys::arbitrary;
use libfuzzer_sys::arbitrary::Arbitrary;
use skiff_layout::Format;
use skiff_layout::Found;
use skiff_layout::Ids;
use skiff_layout::Kind;
use skiff_layout::Layout;
use skiff_layout::Medium;
use skiff_layout::Partition;
use skiff_layout::Raw;
use skiff_layout::Table;

#[derive(Arbitrary, Debug)]
struct Input {
    gpt: bool,
    entries: Option<u8>,
    size: u64,
    exact: bool,
    partitions: Vec<Part>,
    raw: Vec<(u64, u32)>,
}

#[derive(Arbitrary, Debug)]
struct Part {
    label: String,
    kind: u8,
    format: u8,
    start: Option<u32>,
    size: Option<u64>,
    least: Option<u64>,
    weight: u8,
    fine: bool,
    bootable: bool,
}

libfuzzer_sys::fuzz_target!(|input: Input| {
    // Sizes that media have come up often; others come up, too.
    let size = if input.exact { input.size } else { input.size % (1 << 38) / 512 * 512 };
    let medium = Medium { size, sector: 512 };
    let names: Vec<&str> = Kind::names().collect();
    let mib = |value: u64, exact: bool| if exact { value } else { (value % (1 << 18)) << 20 };
    let partitions = input.partitions.iter().take(140).map(|part| {
        let name = names[usize::from(part.kind) % names.len()];
        Partition {
            format: match part.format % 3 {
                0 => Format::Vfat,
                1 => Format::Ext4 { features: Vec::new() },
                _ => Format::Empty,
            },
            start: part.start.map(|start| u64::from(start) * 512),
            size: part.size.map(|size| mib(size, input.exact)),
            size_min: part.least.map(|least| mib(least, input.exact)),
            weight: part.weight.into(),
            end_align: if part.fine { 512 } else { 1 << 20 },
            bootable: part.bootable,
            ..Partition::new(part.label.clone(), name.parse().expect("a name"))
        }
    });
    let raw = input.raw.iter().enumerate().map(|(number, (offset, _))| Raw {
        name: format!("raw {number}"),
        offset: *offset,
        ..Raw::new(String::new(), 0)
    });
    let layout = Layout {
        table: if input.gpt { Table::Gpt } else { Table::Mbr },
        id: None,
        max_entries: input.entries.map(u32::from),
        partitions: partitions.collect(),
        raw: raw.collect(),
    };
    let lengths: Vec<Option<u64>> = input.raw.iter().map(|(_, length)| Some(u64::from(*length))).collect();
    let Ok(placed) = layout.solve(medium, &lengths, &[]) else { return };
    let ids = Ids::new(b"fuzz");
    let patches = placed.table(&ids).expect("what was placed can be written");
    if placed.partitions().is_empty() || size > 1 << 43 {
        return;
    }
    let file = tempfile::NamedTempFile::new_in("/dev/shm").expect("a file");
    file.as_file().set_len(size).expect("a size");
    for patch in &patches {
        file.as_file().write_all_at(&patch.bytes, patch.offset).expect("a write");
    }
    let read = |offset: u64, buffer: &mut [u8]| file.as_file().read_exact_at(buffer, offset);
    let found = Found::read(medium, read).expect("a table");
    assert_eq!(found.partitions.len(), placed.partitions().len());
    for (found, placed) in found.partitions.iter().zip(placed.partitions()) {
        assert_eq!(found.range, placed.range);
    }
    let said = run(Command::new("sfdisk")
        .args(["--verify", "--label-nested", if input.gpt { "gpt" } else { "dos" }])
        .arg(file.path()));
    assert!(said.0, "sfdisk: {}\n{layout:?}", said.1);
    let dump = run(Command::new("sfdisk").arg("--dump").arg(file.path()));
    assert!(dump.0, "{}", dump.1);
    let sectors = |one: &std::ops::Range<u64>| (one.start / 512, (one.end - one.start) / 512);
    for placed in placed.partitions() {
        let (start, size) = sectors(&placed.range);
        let is_there = dump.1.lines().any(|line| {
            let line = line.replace(' ', "");
            line.contains(&format!("start={start},")) && line.contains(&format!("size={size},"))
        });
        assert!(is_there, "{start} {size}: {}", dump.1);
    }
    if input.gpt {
        let said = run(Command::new("sgdisk").arg("--verify").arg(file.path()));
        assert!(said.1.contains("No problems found"), "sgdisk: {}\n{layout:?}", said.1);
    }
});

fn run(command: &mut Command) -> (bool, String) {
    let output = command.env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin").env("LC_ALL", "C").output().expect("a tool");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}
