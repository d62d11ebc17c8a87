use super::*;

fn read(files: &[(&str, &str)]) -> Result<(Layout, Vec<String>), ImportError> {
    let files: Vec<(String, String)> =
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    from_repart(&files)
}

fn one(settings: &str) -> Result<Partition, ImportError> {
    read(&[("10-a.conf", &format!("[Partition]\n{settings}\n"))]).map(|(mut layout, _)| layout.partitions.remove(0))
}

#[test]
fn definitions_become_partitions() {
    let (layout, notes) = read(&[
        ("10-esp.conf", "[Partition]\nType=esp\nFormat=vfat\nSizeMinBytes=512M\nSizeMaxBytes=512M\nCopyFiles=/efi:/\n"),
        ("20-root.conf", "# x\n[Partition]\nType=root-arm64\nLabel=root\nFormat=ext4\nWeight=500\n"),
    ])
    .unwrap();
    assert_eq!(layout.partitions[0].size, Some(512 << 20));
    assert_eq!((layout.partitions[1].label.as_str(), layout.partitions[1].weight), ("root", 500));
    assert!(crate::to_yaml(&layout).contains("source: [images/efi/], target: \"/\""));
    assert_eq!(notes, ["10-esp.conf:6: `CopyFiles=/efi:/`: skiff looks for it at images/efi"]);
    let grown = to_repart(&layout);
    assert_eq!(grown[1].0, "20-root.conf");
    assert!(grown[1].1.contains("GrowFileSystem=yes") && !grown[0].1.contains("Grow"));
}

#[test]
fn keys_are_unique_and_labels_are_kept() {
    let (layout, _) = read(&[
        ("10-a.conf", "[Partition]\nType=linux-generic\nLabel=data\nFormat=ext4\n"),
        ("20-a.conf", "[Partition]\nType=linux-generic\nLabel=data\nFormat=ext4\n"),
    ])
    .unwrap();
    let keys: Vec<_> = layout.partitions.iter().map(|one| (one.label.as_str(), one.gpt_name(), one.volume())).collect();
    assert_eq!(keys, [("a", "data", "data"), ("a-2", "data", "data")]);
}

#[test]
fn lines_are_those_of_systemd() {
    assert_eq!(one("Type=esp\r\nFormat=vfat\r\nSizeMaxBytes=100M\r").unwrap().size, Some(100 << 20));
    assert_eq!(one("Type = esp\nSizeMinBytes=512\\\n# not this\n  M").unwrap().size_min, Some(512 << 20));
    assert_eq!(one("Type=esp\nSizeMinBytes=1.5G").unwrap().size_min, Some(3 << 29));
    assert_eq!(one("Type=var\nWeight=0\nSizeMinBytes=1G").unwrap().size, Some(1 << 30));
    assert!(one("Type=esp\nPaddingWeight=0").is_ok());
    let flags = |settings: &str| one(settings).unwrap().flags;
    assert_eq!(flags("Type=esp\nReadOnly=1\nNoAuto=t"), [Flag::ReadOnly, Flag::NoAuto]);
    assert_eq!(flags("Type=home"), [Flag::Grow]);
    assert_eq!(flags("Type=usr-arm64-verity"), [Flag::ReadOnly]);
    assert_eq!(flags("Type=usr-arm64-verity-sig"), []);
    assert_eq!(flags("Type=home\nGrowFileSystem=no\nFlags=0x4000000000000000"), [Flag::Hidden]);
}

#[test]
fn what_has_no_counterpart_is_refused_by_word_and_line() {
    for (setting, word) in [
        ("Encrypt=tpm2", "`Encrypt`"),
        ("Verity=hash", "`Verity`"),
        ("Minimize=best", "`Minimize`"),
        ("Format=btrfs", "Format= is `btrfs`"),
        ("Label=%M_%A", "specifier `%M`"),
        ("PaddingMinBytes=1M", "PaddingMinBytes="),
        ("PaddingWeight=1", "PaddingWeight="),
        ("CopyBlocks=auto", "CopyBlocks= is `auto`"),
        ("CopyFiles=/../x:/", "CopyFiles= is `/../x`"),
        ("SizeMinBytes=many", "SizeMinBytes= is `many`"),
        ("ReadOnly=perhaps", "ReadOnly= is `perhaps`"),
        ("Flags=0x1", "Flags= is `0x1`"),
        ("SupplementFor=10-x", "`SupplementFor`"),
        ("UUID=null", "UUID= is `null`"),
        ("Type=root-pdp11", "`root-pdp11`"),
        ("Type=0x0c", "0x0c"),
        ("Label=a\u{1b}[2J", "label"),
    ] {
        let said = one(&format!("Type=esp\n{setting}")).unwrap_err().to_string();
        assert!(
            said.starts_with("10-a.conf:3: ") && said.contains(word) && !said.contains('\u{1b}'),
            "{setting}: {said}"
        );
    }
    assert!(one("SizeMinBytes=1M").unwrap_err().to_string().contains("no Type="));
    assert!(read(&[]).is_err());
    assert!(read(&[("a.conf", "Type=esp\n")]).unwrap_err().to_string().contains("is outside of a section"));
}

#[test]
fn types_of_this_machine_are_named() {
    let (layout, notes) = read(&[("10-r.conf", "[Partition]\nType=usr-verity-sig\n")]).unwrap();
    assert!(layout.partitions[0].r#type.to_string().ends_with("-verity-sig"));
    assert!(notes[0].contains("the type of this machine"), "{notes:?}");
}

#[test]
fn names_of_files_that_are_written_are_plain() {
    let strange = Partition { name: Some("100%".into()), ..Partition::new("../../etc/x", Kind::linux()) };
    let written = to_repart(&Layout { partitions: vec![strange], ..Layout::new(Table::Gpt) });
    assert_eq!(written[0].0, "10-------etc-x.conf");
    assert!(written[0].1.contains("Label=100%%\n"));
}
