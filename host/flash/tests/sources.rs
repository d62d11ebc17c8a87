//! Files as other people's tools make them, and what is taken for an image of a medium.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails says so by a panic")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use skiff_flash::Container;
use skiff_flash::Doubt;
use skiff_flash::ImageSource;
use skiff_flash::Layer;
use skiff_flash::Note;
use skiff_flash::Packing;
use skiff_flash::Room;
use skiff_flash::SourceError;
use skiff_flash::UnpackError;

const ROOM: Room = Room { size: 64 << 20, sector: 512 };

const GPT: &str = "label: gpt\nstart=2048,size=2048,type=U\nsize=8192,type=L\n";

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An image of a size with a table and contents that are no file system.
    fn image(&self, name: &str, size: u64, table: &str) {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        let mut bytes: Vec<u8> = (0..size).map(next).collect();
        bytes[..1 << 20].fill(0);
        fs::write(self.path(name), bytes).unwrap();
        if !table.is_empty() {
            self.feed("sfdisk", &["-q", name], table);
        }
    }

    fn feed(&self, tool: &str, words: &[&str], input: &str) {
        let mut child = Command::new(tool)
            .args(words)
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{tool}: {error}; make media-tools installs it"));
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{tool} {words:?}");
    }

    fn shell(&self, line: &str) {
        self.feed("sh", &["-ec", line], "");
    }

    fn open(&self, name: &str, room: Room) -> Result<ImageSource, SourceError> {
        ImageSource::open(&self.path(name), None, room, &|| false)
    }

    fn container(&self, name: &str) -> (Option<Layer>, Container) {
        match self.open(name, ROOM) {
            Err(SourceError::Container { layer, container, .. }) => (layer, container),
            other => panic!("{name}: {other:?}"),
        }
    }

    fn doubts(&self, name: &str, room: Room) -> Vec<Doubt> {
        self.open(name, room).unwrap_or_else(|error| panic!("{name}: {error}")).doubts
    }
}

#[test]
fn disks_of_virtual_machines_are_called_by_their_names() {
    let files = Files::new();
    files.image("disk.img", 8 << 20, GPT);
    for (format, options) in [
        ("qcow2", ""),
        ("qed", ""),
        ("vmdk", ""),
        ("vmdk", "-o subformat=streamOptimized"),
        ("vhdx", ""),
        ("vdi", ""),
        ("vpc", ""),
        ("vpc", "-o subformat=fixed"),
        ("parallels", ""),
    ] {
        // Their names say that they are plain.
        files.shell(&format!("qemu-img convert -O {format} {options} disk.img named.img"));
        assert_eq!(files.container("named.img"), (None, Container::VirtualDisk(format)), "{options}");
        files.shell("gzip -1 -k -f named.img");
        let gzip = Some(Layer::Packing(Packing::Gzip));
        assert_eq!(files.container("named.img.gz"), (gzip, Container::VirtualDisk(format)), "{options}");
    }
}

#[test]
fn archives_are_called_by_their_names_in_all_layers() {
    let files = Files::new();
    files.image("disk.img", 8 << 20, GPT);
    fs::write(files.path("version"), "{}").unwrap();
    fs::write(files.path("sw-description"), "software = {};").unwrap();
    fs::write(files.path("machine.ovf"), "<Envelope/>").unwrap();
    let packing = |packing| Some(Layer::Packing(packing));
    for (line, layer, container) in [
        ("tar -cf x disk.img", None, Container::Tar),
        ("tar --format=v7 -cf x disk.img", None, Container::Tar),
        ("tar -czf x disk.img", packing(Packing::Gzip), Container::Tar),
        ("tar -c disk.img | xz -0 > x", packing(Packing::Xz), Container::Tar),
        ("tar -c disk.img | zstd -q > x", packing(Packing::Zstd), Container::Tar),
        ("tar -c disk.img | bzip2 > x", packing(Packing::Bzip2), Container::Tar),
        ("tar -cf x version disk.img", None, Container::Mender),
        ("tar -cf x machine.ovf disk.img", None, Container::Ova),
        ("echo sw-description | cpio -o -H newc --quiet > x", None, Container::SwUpdate),
        ("echo disk.img | cpio -o -H crc --quiet > x", None, Container::Cpio),
        ("echo disk.img | cpio -o -H bin --quiet > x", None, Container::Cpio),
        ("gzip -c disk.img | xz -0 > x", packing(Packing::Xz), Container::PackedTwice(Packing::Gzip)),
        ("xz -0 -c disk.img | gzip > x", packing(Packing::Gzip), Container::PackedTwice(Packing::Xz)),
        ("7z a -bd x.7z disk.img > /dev/null; mv x.7z x", None, Container::SevenZip),
        ("lzip -0 -c disk.img > x", None, Container::Packed("lzip")),
        ("zip -q x.zip disk.img version; mv x.zip x", None, Container::Zip),
        ("zip -q -P secret x.zip disk.img; mv x.zip x", None, Container::Zip),
        ("xz -0 -k -c disk.img > y; zip -q x.zip y; mv x.zip x", Some(Layer::Zip), Container::PackedTwice(Packing::Xz)),
        ("img2simg disk.img x", None, Container::AndroidSparse),
        ("cp /bin/true x", None, Container::Elf),
        ("seq 1000 > x", None, Container::Text),
        ("echo '<!DOCTYPE html><html>gone</html>' > x", None, Container::WebPage),
        ("echo ':10010000214601360121470136007EFE09D2190140' > x", None, Container::Hex),
    ] {
        files.shell(&format!("rm -f x x.zip x.7z; {line}"));
        assert_eq!(files.container("x"), (layer, container), "{line}");
    }
}

#[test]
fn an_image_that_is_packed_is_taken_with_its_size() {
    let files = Files::new();
    files.image("disk.img", 8 << 20, GPT);
    for line in [
        "cp disk.img x",
        "gzip -c disk.img > x",
        "xz -0 -c disk.img > x",
        "zstd -q -c disk.img > x",
        "pzstd -q -c disk.img > x",
        "bzip2 -c disk.img > x",
        "lz4 -q -c disk.img > x",
        "xz --format=lzma -0 -c disk.img > x",
        "zip -q x.zip disk.img; mv x.zip x",
        "zip -q -0 x.zip disk.img; mv x.zip x",
        "zip -q -Z bzip2 x.zip disk.img; mv x.zip x",
        "mkdir d; cp disk.img d; zip -q -r x.zip d; rm -r d; mv x.zip x",
    ] {
        files.shell(&format!("rm -f x x.zip; {line}"));
        let source = files.open("x", ROOM).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!((source.size, source.doubts, source.notes), (8 << 20, vec![], vec![]), "{line}");
        let small = files.open("x", Room { size: 4 << 20, sector: 512 });
        let is_refused = matches!(small, Err(SourceError::TooLarge { room: 4_194_304, .. }));
        assert!(is_refused || line.starts_with("cp"), "{line}");
    }
    // What is damaged is seen before anything is written.
    files.shell("rm -f x; zip -q -0 x.zip disk.img; mv x.zip x");
    let mut bytes = fs::read(files.path("x")).unwrap();
    bytes[4 << 20] ^= 1;
    fs::write(files.path("x"), bytes).unwrap();
    assert!(matches!(files.open("x", ROOM), Err(SourceError::Damaged { .. })));
    for tool in ["xz -0", "gzip", "zstd -q", "bzip2", "lz4 -q"] {
        files.shell(&format!("{tool} -c disk.img | head -c 1500000 > x"));
        assert!(matches!(files.open("x", ROOM), Err(SourceError::Damaged { .. })), "{tool}");
        files.shell("printf 'other bytes' | dd of=x bs=1 seek=1200000 conv=notrunc status=none");
        assert!(matches!(files.open("x", ROOM), Err(SourceError::Damaged { .. })), "{tool}");
    }
}

#[test]
fn bytes_behind_packed_data_are_told_of_as_its_tool_does() {
    let files = Files::new();
    files.image("disk.img", 8 << 20, GPT);
    let trailer = "{ \"metadata_version\": \"1.1\" }FWx0";
    fs::write(files.path("trailer"), trailer).unwrap();
    files.shell("(gzip -c disk.img; cat trailer) > x; (gzip -c disk.img; head -c 1000 /dev/zero) > zeros");
    let layer = Layer::Packing(Packing::Gzip);
    let note = Note::Trailing { count: trailer.len() as u64, layer };
    assert_eq!(files.open("x", ROOM).unwrap().notes, [note]);
    assert_eq!(note.to_string(), format!("{} bytes behind the end of the gzip data are ignored", trailer.len()));
    assert_eq!(files.open("zeros", ROOM).unwrap().notes, [Note::Trailing { count: 1000, layer }]);
    files.shell("(zstd -q -c disk.img; cat trailer) > x; (xz -0 -c disk.img; head -c 1000 /dev/zero) > zeros");
    let result = files.open("x", ROOM);
    assert!(matches!(&result, Err(SourceError::Unpack { source: UnpackError::Trailing { .. }, .. })), "{result:?}");
    assert_eq!(files.open("zeros", ROOM).unwrap().notes, []);
    // A small file has a small window, however long it may be; of a stream nobody knows the size.
    files.shell("zstd -q --long=31 -c disk.img > x");
    assert!(files.open("x", ROOM).is_ok());
    files.shell("cat disk.img disk.img | zstd -q --long=31 > x");
    let window = files.open("x", ROOM).unwrap_err();
    let said = window.to_string();
    assert!(said.contains("2048 MiB of memory, and the limit is 128 MiB"), "{said}");
    assert!(matches!(window, SourceError::Unpack { source: UnpackError::Window { needs: 0x8000_0000, .. }, .. }));
}

#[test]
fn an_image_of_nothing_that_is_known_is_doubted() {
    let files = Files::new();
    files.image("plain", 8 << 20, "");
    fs::write(files.path("zeros"), vec![0; 8 << 20]).unwrap();
    files.shell("gzip -k -1 plain");
    for name in ["plain", "zeros", "plain.gz"] {
        assert_eq!(files.doubts(name, ROOM), [Doubt::Unknown], "{name}");
    }
    // File systems, and loaders that firmware finds without a table.
    let mut loader = vec![0; 64 << 10];
    loader[8196..8204].copy_from_slice(b"eGON.BT0");
    fs::write(files.path("loader"), loader).unwrap();
    fs::create_dir(files.path("d")).unwrap();
    fs::write(files.path("d/file"), "data").unwrap();
    for line in [
        "truncate -s 8M x; mkfs.ext4 -q x",
        "truncate -s 8M x; mkfs.vfat x",
        "mksquashfs d x -quiet -no-progress",
        "xorriso -as mkisofs -quiet -o x d 2> /dev/null",
        "truncate -s 8M x; mkswap -q x",
        "cp loader x",
    ] {
        files.shell(&format!("rm -f x; {line}"));
        assert_eq!(files.doubts("x", ROOM), [], "{line}");
    }
}

#[test]
fn a_table_for_other_sectors_is_doubted() {
    let files = Files::new();
    let large = Room { sector: 4096, ..ROOM };
    files.image("gpt", 8 << 20, GPT);
    assert_eq!(files.doubts("gpt", ROOM), []);
    assert_eq!(files.doubts("gpt", large), [Doubt::Sector { table: 512, medium: 4096 }]);
    files.shell("gzip -k gpt");
    assert_eq!(files.doubts("gpt.gz", large), [Doubt::Sector { table: 512, medium: 4096 }]);
    files.image("mbr", 8 << 20, "label: dos\nstart=2048,size=12288,type=83\n");
    assert_eq!(files.doubts("mbr", ROOM), []);
    assert_eq!(files.doubts("mbr", large), [Doubt::Sector { table: 512, medium: 4096 }]);
    files.image("four", 8 << 20, "");
    // Not every sfdisk makes tables for other sectors: the header goes from byte 512 to 4096, the entries from 1024 to 8192.
    files.image("small", 1 << 20, "label: gpt\nfirst-lba: 64\nstart=256,size=1024,type=L\n");
    files.shell(
        "dd if=small of=four bs=512 skip=1 seek=8 count=1 conv=notrunc status=none; \
         dd if=small of=four bs=512 skip=2 seek=16 count=32 conv=notrunc status=none",
    );
    assert_eq!(files.doubts("four", large), []);
    assert_eq!(files.doubts("four", ROOM), [Doubt::Sector { table: 4096, medium: 512 }]);
}

#[test]
fn a_table_that_ends_behind_the_image_or_the_medium_is_doubted() {
    let files = Files::new();
    files.image("whole", 8 << 20, GPT);
    files.shell("head -c 6M whole > cut");
    assert!(matches!(files.doubts("cut", ROOM)[..], [Doubt::BeyondImage { size: 6_291_456, .. }]));
    let small = Room { size: 7 << 20, sector: 512 };
    assert!(matches!(files.doubts("cut", small)[..], [Doubt::BeyondMedium { size: 7_340_032, .. }]));
    // A packed one is as its maker made it.
    files.shell("gzip -k cut");
    assert_eq!(files.doubts("cut.gz", ROOM), []);
    // As OpenWrt has them: the file system is all there, and the rest of its partition is left out.
    files.image("mbr", 8 << 20, "label: dos\nstart=2048,size=14336,type=83\n");
    fs::create_dir(files.path("d")).unwrap();
    fs::write(files.path("d/file"), vec![7; 100_000]).unwrap();
    files.shell("mksquashfs d root -quiet -no-progress; dd if=root of=mbr bs=512 seek=2048 conv=notrunc status=none");
    files.shell("head -c 2M mbr > open; head -c 1048677 mbr > torn");
    assert_eq!(files.doubts("open", ROOM), []);
    assert!(matches!(files.doubts("torn", ROOM)[..], [Doubt::BeyondImage { .. }]));
    // A file system without a table that was cut off.
    files.shell("truncate -s 8M ext; mkfs.ext4 -q ext; head -c 5M ext > half");
    assert!(matches!(files.doubts("half", ROOM)[..], [Doubt::BeyondImage { .. }]));
}

#[test]
fn an_image_that_ends_in_a_sector_is_filled_up() {
    let files = Files::new();
    files.image("odd", 8 << 20, GPT);
    files.shell("head -c 122 /dev/urandom >> odd; gzip -k odd");
    for name in ["odd", "odd.gz"] {
        let source = files.open(name, ROOM).unwrap();
        assert_eq!((source.size, source.mapped.total()), ((8 << 20) + 512, (8 << 20) + 512), "{name}");
        assert_eq!(source.notes, [Note::Padded(390)]);
    }
    assert!(matches!(files.open("d", ROOM), Err(SourceError::Io { .. })));
    fs::write(files.path("empty"), "").unwrap();
    assert!(matches!(files.open("empty", ROOM), Err(SourceError::Empty { .. })));
    assert!(matches!(files.open(".", ROOM), Err(SourceError::NotFile { .. })));
    assert!(matches!(
        ImageSource::open(Path::new("/dev/null"), None, ROOM, &|| false),
        Err(SourceError::NotFile { .. })
    ));
}

/// 8 KB that unpack to 262 GB are left when the medium is full, and at once when the user says so.
#[test]
fn nothing_is_unpacked_further_than_there_is_room() {
    let files = Files::new();
    let block = |is_last: u32| ((131_072_u32 << 3) | 2 | is_last).to_le_bytes();
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];
    for at in 0..2_000_u32 {
        bomb.extend(&block(u32::from(at == 1_999))[..3]);
        bomb.push(0);
    }
    fs::write(files.path("bomb.zst"), bomb).unwrap();
    assert!(matches!(files.open("bomb.zst", ROOM), Err(SourceError::TooLarge { .. })));
    let stopped = ImageSource::open(&files.path("bomb.zst"), None, ROOM, &|| true);
    assert!(matches!(stopped, Err(SourceError::Cancelled)), "{stopped:?}");
    files.shell("head -c 1M /dev/zero | xz -T1 --lzma2=preset=0,dict=1536MiB > wide.xz");
    let wide = files.open("wide.xz", ROOM);
    assert!(matches!(wide, Err(SourceError::Unpack { source: UnpackError::Memory { .. }, .. })), "{wide:?}");
}
