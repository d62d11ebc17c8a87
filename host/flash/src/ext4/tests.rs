use std::os::unix::fs::FileExt as _;
use std::process::Command;

use skiff_file::SearchPath;
use skiff_text::Shown as _;

use super::update::rollback;
use super::update::update;
use super::*;
use crate::Cut;
use crate::FileDisk;
use crate::Unwatched;
use crate::held::Held;
use crate::marker::Marker;

const START: u64 = 1 << 20;
const SIZE: u64 = 64 << 20;

fn tools() -> Tools {
    let all = [&programs::MAKE[..], &programs::CHANGE].concat();
    let programs = programs::Programs::find(&all, &SearchPath::parse(&std::env::var_os("PATH").unwrap())).unwrap();
    Tools::new(programs, 1_000_000_000, &std::env::temp_dir()).unwrap()
}

fn text(target: &str, text: &str) -> Item {
    Item::text(target, text)
}

fn system(version: &str) -> Vec<Item> {
    let large = format!("{version} ").repeat(40_000);
    vec![
        text("boot/Image", &large),
        text("boot/extlinux/extlinux.conf", version),
        text("rootfs/a \"name\"", version),
        text("modules.squashfs", version),
    ]
}

fn new_image(items: &[Item]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(START + SIZE).unwrap();
    let features = ["^64bit".to_owned()];
    let uuid = Uuid::from_u128(0x1234_5678_9abc_4def_8123_4567_89ab_cdef);
    let naming = Naming { label: "persist", uuid, hash_seed: uuid, features: &features, renewed: true };
    make(&tools(), file.path(), START, SIZE, naming, items, &Unwatched).unwrap();
    file
}

/// Whoever makes a file system can give a directory any number of names, in itself.
#[test]
fn a_directory_in_itself_is_gone_into_once() {
    let file = new_image(&system("1"));
    let place = Place::new(file.path(), START);
    assert!(tree::walk(&tools(), &place, "").unwrap().len() > 4);
    let names: String = (0..60).map(|number| format!("ln /rootfs /rootfs/x{number}\n")).collect();
    tools().change(&place, &format!("expand_dir /rootfs\n{names}")).unwrap();
    assert!(matches!(tree::walk(&tools(), &place, ""), Err(Ext4Error::Damaged { .. })));
}

/// The library that reads ext4 gets memory for as much as the medium says.
#[test]
fn sizes_that_a_medium_claims_are_not_believed() {
    let file = new_image(&system("1"));
    let window = START..START + SIZE;
    let open = |window: &std::ops::Range<u64>| Ext4Files::open(file.path(), window);
    let mut before = [0; 1024];
    file.as_file().read_exact_at(&mut before, START + 1024).unwrap();
    open(&window).unwrap();
    // s_blocks_count_hi and lo, s_log_block_size, s_blocks_per_group.
    let claims: [(u64, &[u8]); 8] = [
        (0x150, b"\xff\x7f"),
        (0x150, b"\x04"),
        (0x4, b"\xff\xff\xff\xff"),
        (0x18, b"\x15"),
        (0x18, b"\x07"),
        (0x20, b"\x00\x00\x00\x00"),
        (0x20, b"\x01\x00\x00\x00"),
        (0x20, b"\x01\x80\x00\x00"),
    ];
    for (at, bytes) in claims {
        file.as_file().write_all_at(bytes, START + 1024 + at).unwrap();
        assert!(open(&window).is_err(), "{at:x} {bytes:?}");
        file.as_file().write_all_at(&before, START + 1024).unwrap();
    }
    for end in [START, START + 2047, START + SIZE - 4096] {
        assert!(open(&(START..end)).is_err(), "{end}");
    }
    open(&window).unwrap();
}

#[test]
fn links_of_a_medium_are_read_in_bounds_and_not_followed() {
    use crate::files::Files as _;
    let file = new_image(&system("1"));
    let place = Place::new(file.path(), START);
    let long = "x".repeat(80);
    let commands = format!("symlink /huge {long}\nsif /huge size 1099511627776\nsymlink /away boot\n");
    tools().change(&place, &commands).unwrap();
    let files = Ext4Files::open(file.path(), &(START..START + SIZE)).unwrap();
    assert!(files.look("huge").is_err());
    assert_eq!(files.look("huge/x").unwrap(), None);
    assert_eq!(files.look("away").unwrap(), Some(crate::files::Node::Link("boot".into())));
    assert_eq!(files.look("away/Image").unwrap(), None);
    assert!(files.look("boot/Image").unwrap().is_some() && files.open("boot/Image").is_ok());
    assert!(files.open("away/Image").is_err() && files.open("huge").is_err());
}

fn run(program: &str, arguments: &[&str], file: &tempfile::NamedTempFile) -> (bool, String) {
    let place = format!("{}?offset={START}", file.path().shown());
    let output = Command::new(program).args(arguments).arg(place).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn read(file: &tempfile::NamedTempFile, name: &str) -> String {
    run("debugfs", &["-R", &format!("cat \"{}\"", name.replace('"', "\"\""))], file).1
}

fn check(file: &tempfile::NamedTempFile) -> (bool, String) {
    run("e2fsck", &["-fn"], file)
}

#[test]
fn equal_items_make_equal_bytes_that_pass_the_check() {
    let (one, two) = (new_image(&system("one")), new_image(&system("one")));
    assert!(check(&one).0, "{}", check(&one).1);
    assert_eq!(read(&one, "rootfs/a \"name\""), "one");
    let bytes = |file: &tempfile::NamedTempFile| std::fs::read(file.path()).unwrap();
    assert!(bytes(&one) == bytes(&two));
    assert!(run("debugfs", &["-R", "stat boot"], &one).1.contains("User:     0   Group:     0"));
}

#[test]
fn large_files_are_what_they_were_also_in_many_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let item = |name: &str, size: usize| {
        let path = folder.path().join(name);
        let bytes: Vec<u8> = (0..size).map(|at| (at / 7 + at / 4096 * name.len()) as u8).collect();
        std::fs::write(&path, bytes).unwrap();
        let kind = ItemKind::File { path, size: size as u64, mode: 0o100_755 };
        Item { kind, ..Item::text(format!("x/{name}"), "") }
    };
    // The second lies around what ext4 keeps in the middle of its groups; the last ends within a block.
    let items = [item("a", 1 << 20), item("bb", 24 << 20), item("a third", (9 << 20) + 1000)];
    let image = new_image(&items);
    assert!(check(&image).0, "{}", check(&image).1);
    for item in &items {
        let copy = folder.path().join("copy");
        let question = format!("dump \"{}\" {}", item.target, copy.shown());
        run("debugfs", &["-R", &question], &image);
        let ItemKind::File { path, .. } = &item.kind else { unreachable!() };
        assert!(std::fs::read(&copy).unwrap() == std::fs::read(path).unwrap(), "{}", item.target);
        let stat = run("debugfs", &["-R", &format!("stat \"{}\"", item.target)], &image).1;
        assert!(stat.contains("Mode:  0755") && !stat.contains("[u]"), "{stat}");
    }
    let full = item("full", 60 << 20);
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(START + SIZE).unwrap();
    let uuid = Uuid::from_u128(1);
    let naming = Naming { label: "x", uuid, hash_seed: uuid, features: &[], renewed: true };
    let made = make(&tools(), file.path(), START, SIZE, naming, &[full], &Unwatched);
    assert!(matches!(made, Err(Ext4Error::Full)), "{made:?}");
}

#[test]
fn what_does_not_matter_may_be_anything() {
    let image = new_image(&system("one"));
    let matters = blocks::Blocks::of(&tools(), &Place::new(image.path(), START)).unwrap().matter();
    assert!(matters.total() < SIZE / 2, "{}", matters.total());
    for gap in matters.gaps(0..SIZE).iter() {
        let garbage = vec![0xa5; (gap.end - gap.start) as usize];
        image.as_file().write_all_at(&garbage, START + gap.start).unwrap();
    }
    assert!(check(&image).0, "{}", check(&image).1);
    assert_eq!(read(&image, "boot/extlinux/extlinux.conf"), "one");
}

#[test]
fn no_name_is_so_long_that_a_part_of_it_becomes_a_command() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(START + SIZE).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let uuid = Uuid::from_u128(1);
    let naming = Naming { label: "x", uuid, hash_seed: uuid, features: &[], renewed: true };
    for length in [300, 4000, 8180, 8191, 9000] {
        let link = format!("{}\"\nlcd \"{}", "a/".repeat(length / 2), folder.path().shown());
        for target in ["x".to_owned(), format!("{}\"", "b".repeat(length))] {
            let item = Item { kind: ItemKind::Link(link.clone()), ..Item::text(target, "") };
            assert!(make(&tools(), file.path(), START, SIZE, naming, &[item], &Unwatched).is_err(), "{length}");
        }
    }
}

#[test]
fn what_is_not_in_the_copy_is_never_written_also_where_blocks_are_smaller_than_pages() {
    let image = new_image(&[]);
    let arguments = ["-q", "-F", "-t", "ext4", "-b", "1024", "-O", "^metadata_csum,^64bit", "-E", "offset=1048576"];
    let path = image.path().shown().to_string();
    let made = Command::new("mke2fs").args(arguments).args([&path, "65536"]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let tools = tools();
    let place = Place::new(image.path(), START);
    // Files of all lengths, so that some end where others begin.
    let own: Vec<Item> = (1..40).map(|size| text(&format!("mine/{size}"), &"x".repeat(size * 700))).collect();
    tools.change(&place, &script(&tools, "", &own).unwrap()).unwrap();
    let disk = FileDisk::new(image.reopen().unwrap(), START + SIZE);
    let window = START..START + SIZE;
    for version in ["one", "two", "three"] {
        let plan = update(&tools, &disk, image.path(), &window, &system(version), &Held::default(), &Unwatched);
        plan.unwrap().commit(&disk, &Unwatched).unwrap();
        assert!(check(&image).0, "{version}: {}", check(&image).1);
        for size in 1..40 {
            assert!(read(&image, &format!("mine/{size}")) == "x".repeat(size * 700), "{version}: {size}");
        }
    }
    assert!(read(&image, "skiff.old/boot/Image").starts_with("two"));
}

#[test]
fn a_large_folder_of_somebodys_is_kept() {
    let many = (0..400).map(|number| text(&format!("boot/mine/a file with a long name {number}"), "mine"));
    let image = new_image(&many.chain(system("one")).collect::<Vec<_>>());
    let disk = FileDisk::new(image.reopen().unwrap(), START + SIZE);
    let window = START..START + SIZE;
    for version in ["two", "three"] {
        let plan =
            update(&tools(), &disk, image.path(), &window, &system(version), &Held::default(), &Unwatched).unwrap();
        plan.commit(&disk, &Unwatched).unwrap();
        assert!(check(&image).0, "{version}: {}", check(&image).1);
        assert_eq!(read(&image, "boot/mine/a file with a long name 399"), "mine");
    }
    rollback(&tools(), &disk, image.path(), &window, &Marker::default()).unwrap().commit(&disk, &Unwatched).unwrap();
    assert!(check(&image).0);
}

#[test]
fn an_update_keeps_what_is_not_its_own_and_the_way_back() {
    let mine = [system("one"), vec![text("boot/mine", "mine"), text("home/me/notes", "notes")]].concat();
    let image = new_image(&mine);
    let window = START..START + SIZE;
    let disk = FileDisk::new(image.reopen().unwrap(), START + SIZE);
    for version in ["two", "three", "four"] {
        let items = system(version);
        let plan = update(&tools(), &disk, image.path(), &window, &items, &Held::default(), &Unwatched).unwrap();
        assert!(plan.stays_within(&window));
        plan.commit(&disk, &Unwatched).unwrap();
        assert!(check(&image).0, "{version}: {}", check(&image).1);
        assert_eq!(read(&image, "boot/extlinux/extlinux.conf"), version);
        assert_eq!((read(&image, "boot/mine"), read(&image, "home/me/notes")), ("mine".into(), "notes".into()));
    }
    assert_eq!(read(&image, "skiff.old/modules.squashfs"), "three");
    for version in ["three", "four"] {
        rollback(&tools(), &disk, image.path(), &window, &Marker::default())
            .unwrap()
            .commit(&disk, &Unwatched)
            .unwrap();
        assert!(check(&image).0, "back to {version}: {}", check(&image).1);
        assert_eq!(read(&image, "boot/extlinux/extlinux.conf"), version);
        assert!(read(&image, "boot/Image").starts_with(version));
    }
}

#[test]
fn a_cut_anywhere_leaves_the_old_or_the_new() {
    cut_everywhere(&[system("one"), vec![text("home/notes", "notes")]].concat());
}

/// Names lie in many sectors of the root directory, and a checksum in its last one.
#[test]
fn so_does_a_cut_with_many_names() {
    let many =
        |from: usize| (from..from + 30).map(|number| text(&format!("a directory of somebody {number}/file"), "x"));
    let home = vec![text("home/notes", "notes")];
    cut_everywhere(&[many(10).collect(), system("one"), home, many(50).collect()].concat());
}

fn cut_everywhere(items: &[Item]) {
    let image = new_image(items);
    let window = START..START + SIZE;
    let mut seen = BTreeSet::new();
    for cut in 0.. {
        let copy = tempfile::NamedTempFile::new().unwrap();
        std::fs::copy(image.path(), copy.path()).unwrap();
        let disk = FileDisk::new(copy.reopen().unwrap(), START + SIZE);
        let plan = update(&tools(), &disk, copy.path(), &window, &system("two"), &Held::default(), &Unwatched).unwrap();
        let cutting = Cut::after(&disk, cut);
        plan.commit(&cutting, &Unwatched).unwrap();
        let version = read(&copy, "boot/extlinux/extlinux.conf");
        for name in ["boot/Image", "rootfs/a \"name\"", "modules.squashfs"] {
            assert!(read(&copy, name).starts_with(&version), "cut {cut}: {name}");
        }
        assert!(version == "one" || version == "two", "cut {cut}: {version}");
        assert_eq!(read(&copy, "home/notes"), "notes");
        seen.insert(version);
        // The next one heals what a cut has left.
        let next = update(&tools(), &disk, copy.path(), &window, &system("three"), &Held::default(), &Unwatched);
        next.unwrap_or_else(|error| panic!("after cut {cut}: {error}")).commit(&disk, &Unwatched).unwrap();
        assert!(check(&copy).0, "after cut {cut}: {}", check(&copy).1);
        assert_eq!(read(&copy, "modules.squashfs"), "three");
        if !cutting.was_cut() {
            break;
        }
    }
    assert_eq!(seen.len(), 2);
}
