//! What `skiff layout --import` writes is read here as it was meant.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use skiff_layout::Layout;
use skiff_layout::Surroundings;

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../host/layout/tests/fixtures").join(kind);
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn is_read_again(layout: &Layout) {
    let yaml = skiff_layout::to_yaml(layout);
    let read = board::read(&yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    assert_eq!(read.id, layout.id.map(|id| id.to_string()));
    assert_eq!((read.partitions.len(), read.raw.len()), (layout.partitions.len(), layout.raw.len()), "{yaml}");
    for (read, meant) in read.partitions.iter().zip(&layout.partitions) {
        assert_eq!((&read.label, &read.name, &read.volume), (&meant.label, &meant.name, &meant.volume));
        assert_eq!(
            (read.type_.clone(), read.uuid.clone()),
            (meant.r#type.to_string(), meant.uuid.map(|uuid| uuid.to_string()))
        );
        assert_eq!((read.start, &read.after, read.align), (meant.start, &meant.after, meant.align));
        assert_eq!((read.size, read.size_min, read.weight), (meant.size, meant.size_min, meant.weight));
        assert_eq!(read.end_align.unwrap_or(1 << 20), meant.end_align);
        assert_eq!((read.bootable, read.attributes.len()), (meant.bootable, meant.flags.len()));
        assert_eq!((read.copy_files.len(), &read.copy_blocks), (meant.copy_files.len(), &meant.copy_blocks));
    }
    for (read, meant) in read.raw.iter().zip(&layout.raw) {
        assert_eq!((&read.name, &read.sources, read.optional), (&meant.name, &meant.source, meant.optional));
        assert_eq!(
            (read.offset, read.skip, read.length, read.size),
            (meant.offset, meant.skip, meant.length, meant.size)
        );
    }
}

#[test]
fn configurations_of_genimage() {
    let variable = |name: &str| Some(if name == "ROOTFS" { "rootfs.ext4".to_owned() } else { "20M".to_owned() });
    let around = Surroundings { variable: &variable, include: &|_| Ok(String::new()) };
    let texts = fixtures("genimage").into_iter().map(|path| fs::read_to_string(path).unwrap());
    let imported = texts.filter_map(|text| skiff_layout::from_genimage("x", &text, &around).ok());
    assert!(imported.inspect(|(layout, _)| is_read_again(layout)).count() >= 12);
    let large = "image d { hdimage { partition-table-type = gpt }\n partition 'yes' { image = a size = 2048G offset = 1024G partition-uuid = 1c4d3a5e-8a0b-4c6d-9e1f-2a3b4c5d6e7f hidden = on }\n partition \"a: #'\\\"\" { image = a } }";
    is_read_again(&skiff_layout::from_genimage("x", large, &around).unwrap().0);
}

#[test]
fn definitions_of_repart() {
    for folder in fixtures("repart") {
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<(String, String)> = paths
            .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
            .collect();
        files.sort();
        is_read_again(&skiff_layout::from_repart(&files).unwrap().0);
    }
}
