use super::*;
use crate::Format;
use crate::Partition;

fn read(text: &str) -> Result<(Layout, Vec<String>), ImportError> {
    from_genimage("x", text, &Surroundings::NONE)
}

fn error(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

/// A disk of one partition with these settings.
fn one(settings: &str) -> Partition {
    let text = format!(
        "image d.img {{\n hdimage {{ partition-table-type = gpt }}\n partition a {{ image = a.bin {settings} }}\n}}"
    );
    read(&text).unwrap().0.partitions.remove(0)
}

const BOARD: &str = r#"
# A board.
image boot.vfat {
	vfat {
		label = "BOOT"
		files = { "zImage", "board.dtb" }
		file extlinux/extlinux.conf { image = extlinux.conf }
	}
	size = 64M
}
image sdcard.img {
	hdimage { align = 1M }
	partition u-boot { in-partition-table = "no" image = "u-boot.bin" offset = 8K size = 1016K }
	partition boot { partition-type = 0xC bootable = "true" image = "boot.vfat" }
	partition rootfs { partition-type = 0x83 image = "rootfs.ext4" size = 512M }
}
"#;

#[test]
fn a_board_of_buildroots_becomes_a_layout() {
    let (layout, notes) = read(BOARD).unwrap();
    assert_eq!(notes, [] as [&str; 0]);
    assert_eq!((layout.table, layout.partitions.len(), layout.raw.len()), (Table::Mbr, 2, 1));
    assert_eq!((layout.raw[0].offset, layout.raw[0].size), (8192, Some(1016 << 10)));
    let boot = &layout.partitions[0];
    assert_eq!((boot.size, boot.bootable, boot.format.clone()), (Some(64 << 20), true, Format::Vfat));
    assert_eq!((boot.label.as_str(), boot.volume(), boot.after.as_deref()), ("boot", "BOOT", Some("u-boot")));
    assert_eq!(boot.copy_files[0].target, "/extlinux/extlinux.conf");
    assert_eq!(layout.partitions[1].copy_blocks.as_deref(), Some("images/rootfs.ext4"));
    let yaml = crate::to_yaml(&layout);
    assert!(yaml.contains("size: 64MiB") && yaml.contains("offset: 8KiB"), "{yaml}");
}

#[test]
fn booleans_and_numbers_have_all_spellings_of_libconfuse_and_c() {
    for (word, is_set) in [
        ("true", true),
        ("Yes", true),
        ("ON", true),
        ("\"yes\"", true),
        ("false", false),
        ("No", false),
        ("off", false),
    ] {
        assert_eq!(one(&format!("bootable = {word}")).bootable, is_set, "{word}");
    }
    assert!(error("image d { hdimage {} partition a { image = a bootable = 1 } }").contains("`bootable` is `1`"));
    let sizes = [
        ("0x400000", 4 << 20),
        ("4M", 4 << 20),
        ("04000", 2048),
        ("8192s", 4 << 20),
        ("2k", 2048),
        ("4MiB", 4 << 20),
        ("1G", 1 << 30),
    ];
    for (size, bytes) in sizes {
        assert_eq!(one(&format!("size = {size}")).size, Some(bytes), "{size}");
    }
    assert_eq!(one("size = 0").size, None);
    for bad in ["1.5M", "-1", "4Q", "0x", "99999999999G", "4M4"] {
        let said = error(&format!("image d {{ hdimage {{}}\npartition a {{ image = a size = {bad} }} }}"));
        assert!(said.starts_with("x:2: `size`"), "{bad}: {said}");
    }
    let flags = one("read-only = yes hidden = on no-automount = TRUE").flags;
    assert_eq!(flags.iter().map(|flag| flag.name()).collect::<Vec<_>>(), ["read-only", "hidden", "no-auto"]);
}

#[test]
fn words_are_those_of_libconfuse() {
    let quoted = read("image \"d.img\" {\r\n hdimage {}\r\n partition 'a b' { image = \"a\\x2ebin\" partition-type=0x83 } // end\r\n /* more */ }").unwrap();
    assert_eq!(
        (quoted.0.partitions[0].label.as_str(), quoted.0.partitions[0].copy_blocks.as_deref()),
        ("a b", Some("images/a.bin"))
    );
    let lists = read("image b { vfat { files = { a, b }\n files += { c, }\n } size = 1M }\nimage d { hdimage {} partition p { image = b partition-type = 12 } }").unwrap();
    assert_eq!(lists.0.partitions[0].copy_files.len(), 3);
    assert!(error("image a {\n  partition b {\n    size = \"x\n").starts_with("x:3: a string"));
    assert!(
        error("image d {\n hdimage {}\n partition a { image = %UBOOT% }\n}").contains("x:3: placeholder `%UBOOT%`")
    );
    assert!(error("image d {\n hdimage {}\n partition a { colour = red } }").contains("x:3: `colour`"));
    assert!(error(&"image a { ".repeat(100)).contains("too many blocks"));
    assert!(error("").contains("no image"));
}

#[test]
fn variables_and_included_files_are_put_in() {
    let variable = |name: &str| (name == "SIZE").then(|| "2M".to_owned());
    let include = |name: &str| match name {
        "part.cfg" => Ok("partition a { image = \"a.bin\" size = ${SIZE} partition-type = ${TYPE:-0x83} }".to_owned()),
        "loop.cfg" => Ok("include(\"loop.cfg\")".to_owned()),
        _ => Err("it is not there".to_owned()),
    };
    let around = Surroundings { variable: &variable, include: &include };
    let read = |text: &str| from_genimage("x", text, &around);
    let (layout, _) = read("image d { hdimage {}\n include(\"part.cfg\")\n }").unwrap();
    assert_eq!((layout.partitions[0].size, layout.partitions[0].r#type.code()), (Some(2 << 20), Ok(0x83)));
    let error = |text: &str| read(text).unwrap_err().to_string();
    assert!(error("\ninclude(\"other.cfg\")").starts_with("x:2: include `other.cfg`: it is not there"));
    assert!(error("include(\"loop.cfg\")").contains("too many files"));
    assert!(error("include(\"/etc/shadow\")").contains("not a path below"));
    assert!(error("include(\"../x.cfg\")").contains("not a path below"));
    assert!(error("image d {\n size = ${OTHER} }").contains("x:2: variable `OTHER` is not set"));
}

#[test]
fn what_has_no_counterpart_is_refused_by_word_and_line() {
    let disk = |inside: &str| error(&format!("image d {{\n{inside}\n}}"));
    for (inside, word) in [
        ("hdimage { partition-table-type = hybrid }", ":2: partition-table-type `hybrid`"),
        ("hdimage { extended-partition = 2 }", ":2: `extended-partition`"),
        ("hdimage { partition-table-type = gpt gpt-location = 1M }", ":2: `gpt-location`"),
        ("hdimage { partition-table-type = gpt gpt-no-backup = yes }", ":2: `gpt-no-backup`"),
        ("hdimage {}\npartition a { partition-type-uuid = L image = a }", ":3: `partition-type-uuid`"),
        ("hdimage {}\npartition a { partition-type = 0x0f image = a }", ":3: `partition-type`"),
        ("hdimage {}\npartition a { partition-type = 0x83 }", ":3: partition `a` has neither"),
        ("hdimage {}\npartition a { image = a }\npartition a { image = b }", ":4: partition `a` is declared twice"),
        ("hdimage {}\npartition a { image = ../a }", ":3: `../a`"),
        ("hdimage {}\npartition \"a\\e[2J\" { image = a }", ":3: "),
        ("hdimage {}\npartition a { image = a imageoffset = 4K }", ":3: `imageoffset`"),
        ("flash {}\nflashtype = nor", ":2: `flash`"),
        ("ubi {}", ":2: `ubi`"),
        ("size = 1M\next4 {}", ":3: `ext4` is not a disk"),
    ] {
        let said = disk(inside);
        assert!(said.contains(word) && !said.contains('\u{1b}'), "{inside}: {said}");
    }
    let child = |kind: &str| {
        error(&format!(
            "image c {{\n{kind} {{}} size = 1M }}\nimage d {{ hdimage {{}} partition a {{ image = c partition-type = 1 }} }}"
        ))
    };
    for kind in ["btrfs", "squashfs", "ext2", "ubi", "qemu", "android-sparse"] {
        assert!(child(kind).starts_with(&format!("x:2: `{kind}`")), "{kind}");
    }
    let disk = error("image d { hdimage {} partition a { image = c partition-type = 1 } }\nimage c {\nhdimage {} }");
    assert!(disk.starts_with("x:3: `hdimage`"), "{disk}");
}

#[test]
fn what_a_layout_need_not_say_is_noted_with_its_line() {
    let text = "image a {\nhdimage {}\npartition r { image = r partition-type = 0x83 }\nsize = 4G\n}\nimage b {\nhdimage {}\npartition r { image = r }\n}\nflash nand {}\n";
    let notes = read(text).unwrap().1;
    assert_eq!(notes.len(), 3, "{notes:?}");
    assert!(
        notes[0].starts_with("x:4: `size` of the image") && notes[1].starts_with("x:6: image `b` (`hdimage`)"),
        "{notes:?}"
    );
    assert!(notes[2].starts_with("x:10: `flash nand`"), "{notes:?}");
}

#[test]
fn room_order_and_holes_are_kept() {
    let disk = |inside: &str| read(&format!("image d {{ hdimage {{}}\n{inside}\n}}")).unwrap().0;
    let env = disk("partition env { in-partition-table = false offset = 4M size = 128K }");
    assert_eq!((env.raw[0].source.len(), env.raw[0].size), (0, Some(128 << 10)));
    let order = "partition u { in-partition-table = no image = u offset = 8M }\npartition a { image = a partition-type = 1 }\npartition b { image = b partition-type = 1 }";
    let order = disk(order);
    assert_eq!(
        order.partitions.iter().map(|partition| partition.after.as_deref()).collect::<Vec<_>>(),
        [Some("u"), None]
    );
    let before = disk(
        "partition a { image = a partition-type = 1 offset = 16M }\npartition u { in-partition-table = no image = u offset = 8M }\npartition b { image = b partition-type = 1 }",
    );
    assert_eq!(before.partitions[1].after, None);
    let holes = disk(
        "partition m { in-partition-table = no image = m offset = 0 size = 2K holes = { \"(440; 512)\", \"(1K;1536)\" } }",
    );
    let pieces: Vec<_> = holes.raw.iter().map(|raw| (raw.offset, raw.skip, raw.size)).collect();
    assert_eq!(pieces, [(0, 0, Some(440)), (512, 512, Some(512)), (1536, 1536, Some(512))]);
}

#[test]
fn limits_of_a_layout_hold_while_a_file_is_read() {
    let holes: Vec<String> = (0..1025).map(|hole| format!("\"({}; {})\"", 2 * hole, 2 * hole + 1)).collect();
    let raw = format!("in-partition-table = no image = m offset = 0 size = 1M holes = {{ {} }}", holes.join(", "));
    let text = format!("image d.img {{\n hdimage {{}}\n partition m {{ {raw} }}\n}}");
    assert!(error(&text).contains("at most 1024 holes"), "{}", error(&text));
    let parts: String = (0..3000).map(|part| format!(" partition p{part} {{ image = a size = 1M }}\n")).collect();
    let text = format!("image d.img {{\n hdimage {{ partition-table-type = gpt }}\n{parts}}}");
    assert!(error(&text).contains("at most 1024 partitions"), "{}", error(&text));
}
