//! An install that is cut off anywhere leaves a medium that boots the old system or the new one.

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::path::PathBuf;

use skiff_file::SearchPath;
use skiff_flash::Cut;
use skiff_flash::Disk;
use skiff_flash::FileDisk;
use skiff_flash::Image;
use skiff_flash::InstallPlan;
use skiff_flash::Plan;
use skiff_flash::RollbackPlan;
use skiff_flash::Sources;
use skiff_flash::Toolbox;
use skiff_flash::Unwatched;
use skiff_flash::Workshop;
use skiff_layout::Content;
use skiff_layout::Edit;
use skiff_layout::Format;
use skiff_layout::Ids;
use skiff_layout::Kind;
use skiff_layout::Layout;
use skiff_layout::Medium;
use skiff_layout::Partition;
use skiff_layout::Table;

use super::foreign;
use super::stand_in;

const SIZE: u64 = 160 << 20;
const MEDIUM: Medium = Medium { size: SIZE, sector: 512 };

fn layout() -> Layout {
    let ext4 = || Format::Ext4 { features: vec!["^64bit".into()] };
    let edit = Edit { find: "@GENERATION@".into(), replace: "{generation}".into(), when: None };
    let line = Content { edits: vec![edit], ..Content::new("images/boot/cmdline.txt", "/") };
    let boot = Partition {
        format: Format::Vfat,
        size: Some(64 << 20),
        copy_files: vec![Content::new("images/boot/", "/"), line],
        ..Partition::new("BOOT", Kind::basic_data())
    };
    let rootfs = Partition {
        format: ext4(),
        size: Some(32 << 20),
        copy_files: vec![Content { optional: true, ..Content::new("images/rootfs/", "/") }],
        ..Partition::new("rootfs", Kind::linux())
    };
    let keys = Content { once: true, ..Content::new("images/persist/", "/") };
    let persist = Partition { format: ext4(), copy_files: vec![keys], ..Partition::new("persist", Kind::linux()) };
    Layout { partitions: vec![boot, rootfs, persist], ..Layout::new(Table::Gpt) }
}

fn sources(folder: &Path, version: &str) -> Sources {
    let write = |name: &str, size: usize| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, [version.as_bytes(), &stand_in(&format!("{version}{name}"), size)].concat()).unwrap();
    };
    for (name, size) in [("boot/kernel", 300_000), ("boot/dtbs/a.dtb", 9_000), ("boot/root.squashfs", 2_500_000)] {
        write(name, size);
    }
    fs::write(folder.join("boot/cmdline.txt"), format!("{version} skiff.generation=@GENERATION@\n")).unwrap();
    write("rootfs/modules.squashfs", 600_000);
    write("persist/key", 500);
    Sources {
        images: Some(folder.to_owned()),
        layers: Vec::new(),
        epoch: 1_000_000_000,
        stop: skiff_flash::Stop::default(),
    }
}

fn programs() -> SearchPath {
    SearchPath::parse(&std::env::var_os("PATH").unwrap())
}

fn shop<'w>(disk: &'w dyn Disk, path: &'w Path, programs: &'w SearchPath) -> Workshop<'w> {
    let scratch = path.parent().unwrap();
    Workshop { disk, path, programs, scratch, epoch: 1_000_000_000, watch: &Unwatched }
}

/// A medium in a file, and everything that a test does with it.
struct Card {
    _folder: tempfile::TempDir,
    path: PathBuf,
    images: PathBuf,
    /// Where what users keep begins and ends.
    persist: Range<u64>,
}

impl Card {
    /// One that was formatted with a system.
    fn formatted(version: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (path, images) = (folder.path().join("medium"), folder.path().join("images"));
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        let plan = Plan::new(&layout(), MEDIUM, Ids::new(b"x"), &sources(&images, version)).unwrap();
        let toolbox = Toolbox { programs: &programs(), scratch: folder.path() };
        Image::build(&plan, file, &path, toolbox, &Unwatched).unwrap();
        let persist = plan.placed.partitions()[2].range.clone();
        Self { _folder: folder, path, images, persist }
    }

    fn copy(&self) -> Self {
        let copy = Self::of(tempfile::tempdir().unwrap(), self.persist.clone());
        fs::copy(&self.path, &copy.path).unwrap();
        copy
    }

    fn of(folder: tempfile::TempDir, persist: Range<u64>) -> Self {
        let (path, images) = (folder.path().join("medium"), folder.path().join("images"));
        Self { _folder: folder, path, images, persist }
    }

    fn disk(&self) -> FileDisk {
        FileDisk::new(File::options().read(true).write(true).open(&self.path).unwrap(), SIZE)
    }

    /// Installs a system as the command does, the power cut after so many writes; whether it was.
    fn install(&self, version: &str, cut: u64) -> bool {
        let (disk, programs, sources) = (self.disk(), programs(), sources(&self.images, version));
        let cutting = Cut::after(&disk, cut);
        let planned = || InstallPlan::new(&layout(), MEDIUM, &disk, &self.path, &sources).unwrap();
        let mut plan = planned();
        if plan.is_there(&disk, &self.path, &Unwatched).unwrap() {
            if plan.has_rest(&disk).unwrap() {
                plan.stage_rest(shop(&disk, &self.path, &programs)).unwrap().commit(&cutting, &Unwatched).unwrap();
            }
            return cutting.was_cut();
        }
        if let Some(mending) = plan.mending() {
            mending.stage(shop(&disk, &self.path, &programs)).unwrap().commit(&cutting, &Unwatched).unwrap();
            if cutting.was_cut() {
                return true;
            }
            plan = planned();
        }
        let staged = plan.stage(shop(&disk, &self.path, &programs)).unwrap_or_else(|error| panic!("{cut}: {error}"));
        staged.commit(&cutting, &Unwatched).unwrap();
        cutting.was_cut()
    }

    /// Goes back, the power cut after so many writes; whether it was.
    fn roll_back(&self, cut: u64) -> bool {
        let (disk, programs) = (self.disk(), programs());
        let cutting = Cut::after(&disk, cut);
        let plan = RollbackPlan::new(&layout(), MEDIUM, &disk, &self.path).unwrap();
        plan.stage(shop(&disk, &self.path, &programs)).unwrap().commit(&cutting, &Unwatched).unwrap();
        cutting.was_cut()
    }

    fn persist(&self) -> Vec<u8> {
        let mut bytes = vec![0; (self.persist.end - self.persist.start) as usize];
        File::open(&self.path).unwrap().read_exact_at(&mut bytes, self.persist.start).unwrap();
        bytes
    }

    /// The system that boots, all of it: other files than those of its kernel's are nowhere, and its modules are where it looks
    /// for them. Whether they lie among the previous ones is told, too.
    fn boots(&self) -> (String, bool) {
        let looked = foreign::Medium::new(&self.path);
        let starts: Vec<u64> = looked.table().1.iter().map(|partition| partition.sectors.0).collect();
        let (boot, rootfs) = (looked.fat(starts[0]), looked.ext4(starts[1]));
        let version = version_of(&boot.read("kernel"));
        for name in ["dtbs/a.dtb", "root.squashfs", "cmdline.txt"] {
            assert_eq!(version_of(&boot.read(name)), version, "{name}");
        }
        let line = String::from_utf8(boot.read("cmdline.txt")).unwrap();
        let generation: u64 = line.split_once("skiff.generation=").unwrap().1.trim().parse().unwrap();
        let places = ["", "skiff.old/"].map(|folder| {
            let marker = format!("{folder}skiff-system.json");
            let marked = || serde_json::from_slice::<serde_json::Value>(&rootfs.read(&marker)).unwrap();
            let found = if rootfs.has(&marker) { marked()["generation"].as_u64().unwrap() } else { 0 };
            let modules = format!("{folder}modules.squashfs");
            (found == generation && rootfs.has(&modules)).then(|| version_of(&rootfs.read(&modules)))
        });
        assert!(places.contains(&Some(version.clone())), "{version}, generation {generation}: {places:?}");
        (version.clone(), places[0] != Some(version))
    }

    fn check(&self) {
        let looked = foreign::Medium::new(&self.path);
        let starts: Vec<u64> = looked.table().1.iter().map(|partition| partition.sectors.0).collect();
        looked.fat(starts[0]).check(64 << 11);
        looked.ext4(starts[1]).check();
    }
}

/// Which system a file is of: they begin with its name.
fn version_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..3.min(bytes.len())]).into_owned()
}

#[test]
fn a_cut_at_every_write_leaves_the_old_or_the_new_and_what_users_keep() {
    let card = Card::formatted("one");
    let kept = card.persist();
    let mut seen = BTreeSet::new();
    for cut in 0.. {
        let copy = card.copy();
        let was_cut = copy.install("two", cut);
        seen.insert(copy.boots());
        // To install once more is good at any point, and so is to be cut off in that.
        assert!(!copy.install("two", u64::MAX - 1));
        assert_eq!(copy.boots(), ("two".into(), false), "cut {cut}");
        copy.check();
        assert!(copy.persist() == kept, "cut {cut}");
        if !was_cut {
            break;
        }
    }
    let [between, one, two] = [("one".to_owned(), true), ("one".to_owned(), false), ("two".to_owned(), false)];
    assert_eq!(seen, BTreeSet::from([between, one, two]));
}

/// A card whose last install was cut off when one of its partitions had the new system and the other had not.
fn between() -> Card {
    let card = Card::formatted("one");
    assert!(!card.install("two", u64::MAX - 1));
    for cut in 0.. {
        let copy = card.copy();
        assert!(copy.install("six", cut), "no cut leaves it between");
        if copy.boots() == ("two".into(), true) {
            return copy;
        }
    }
    unreachable!()
}

#[test]
fn what_a_cut_has_left_between_two_systems_is_mended_however_often_that_is_cut_off() {
    let card = between();
    let kept = card.persist();
    for cut in 0.. {
        let copy = card.copy();
        let was_cut = copy.install("ten", cut);
        let (version, _) = copy.boots();
        assert!(version == "two" || version == "ten", "cut {cut}: {version}");
        copy.install("ten", u64::MAX - 1);
        assert_eq!(copy.boots(), ("ten".into(), false), "cut {cut}");
        assert!(!copy.roll_back(u64::MAX - 1));
        assert_eq!(copy.boots(), ("two".into(), false), "cut {cut}");
        copy.check();
        assert!(copy.persist() == kept, "cut {cut}");
        if !was_cut {
            break;
        }
    }
}

#[test]
fn the_way_back_leads_to_one_system_wherever_it_is_cut_off() {
    let card = Card::formatted("one");
    assert!(!card.install("two", u64::MAX - 1));
    let mut seen = BTreeSet::new();
    for cut in 0.. {
        let copy = card.copy();
        let was_cut = copy.roll_back(cut);
        let (version, is_between) = copy.boots();
        seen.insert((version.clone(), is_between));
        // Once more ends it, if it has begun, and else goes the other way.
        copy.roll_back(u64::MAX - 1);
        let other = if version == "one" { "two" } else { "one" };
        assert_eq!(copy.boots(), (other.into(), false), "cut {cut}");
        copy.check();
        if !was_cut {
            break;
        }
    }
    assert!(seen.contains(&("two".into(), true)), "{seen:?}");
    // After an install that was cut off, it leads to the system that boots.
    let card = between();
    assert!(!card.roll_back(u64::MAX - 1));
    assert_eq!(card.boots(), ("two".into(), false));
    card.check();
}

#[test]
fn the_same_system_is_not_installed_twice() {
    let card = Card::formatted("one");
    let bytes = fs::read(&card.path).unwrap();
    card.install("one", u64::MAX - 1);
    assert!(fs::read(&card.path).unwrap() == bytes);
    card.install("two", u64::MAX - 1);
    card.install("two", u64::MAX - 1);
    // As a card that was pulled out of a running system: its journal is to be replayed.
    let looked = foreign::Medium::new(&card.path);
    looked.ext4(looked.table().1[1].sectors.0).change("feature needs_recovery");
    assert!(!card.roll_back(u64::MAX - 1));
    card.check();
    assert_eq!(card.boots(), ("one".into(), false));
}

#[test]
fn files_that_a_system_no_longer_has_go_and_those_of_others_stay() {
    let card = Card::formatted("one");
    fs::create_dir_all(card.images.join("boot/overlays")).unwrap();
    fs::create_dir_all(card.images.join("rootfs/extra")).unwrap();
    fs::write(card.images.join("boot/overlays/old.dtbo"), "old").unwrap();
    fs::write(card.images.join("rootfs/extra/old"), "old").unwrap();
    card.install("two", u64::MAX - 1);
    fs::remove_dir_all(card.images.join("boot/overlays")).unwrap();
    fs::remove_dir_all(card.images.join("rootfs/extra")).unwrap();
    let looked = foreign::Medium::new(&card.path);
    let starts: Vec<u64> = looked.table().1.iter().map(|partition| partition.sectors.0).collect();
    let (boot, rootfs) = (looked.fat(starts[0]), looked.ext4(starts[1]));
    boot.write("mine.txt", b"mine");
    rootfs.write("extra/mine", b"mine");
    assert!(boot.has("overlays/old.dtbo") && rootfs.has("extra/old"));
    card.install("six", u64::MAX - 1);
    assert!(!boot.has("overlays") && !rootfs.has("extra/old"));
    assert!(boot.has("skiff.old/overlays/old.dtbo") && rootfs.has("skiff.old/extra/old"));
    assert_eq!((boot.read("mine.txt"), rootfs.read("extra/mine")), (b"mine".to_vec(), b"mine".to_vec()));
    card.check();
    // What only the newer system has goes when it goes.
    fs::create_dir_all(card.images.join("rootfs/newer")).unwrap();
    fs::write(card.images.join("rootfs/newer/file"), "new").unwrap();
    card.install("ten", u64::MAX - 1);
    assert!(rootfs.has("newer/file"));
    card.roll_back(u64::MAX - 1);
    assert!(!rootfs.has("newer") && rootfs.has("skiff.old/newer/file"));
    card.roll_back(u64::MAX - 1);
    assert!(rootfs.has("newer/file") && !rootfs.has("skiff.old/newer"));
    card.check();
}

#[test]
fn what_was_put_into_a_system_that_somebody_went_back_from_stays() {
    let card = Card::formatted("one");
    card.install("two", u64::MAX - 1);
    let looked = foreign::Medium::new(&card.path);
    let starts: Vec<u64> = looked.table().1.iter().map(|partition| partition.sectors.0).collect();
    let (boot, rootfs) = (looked.fat(starts[0]), looked.ext4(starts[1]));
    boot.write("photo.jpg", b"photo");
    rootfs.write("extra/mine", b"mine");
    rootfs.set("extra", &[("mode", "040700"), ("uid", "1000"), ("gid", "100")]);
    card.roll_back(u64::MAX - 1);
    card.install("six", u64::MAX - 1);
    assert_eq!((boot.read("photo.jpg"), rootfs.read("extra/mine")), (b"photo".to_vec(), b"mine".to_vec()));
    assert!(!boot.has("skiff.old/photo.jpg"));
    card.check();
    // A directory between those of the system keeps its mode.
    fs::create_dir_all(card.images.join("rootfs/extra")).unwrap();
    fs::write(card.images.join("rootfs/extra/file"), "x").unwrap();
    rootfs.write("extra/mine too", b"mine");
    card.install("ten", u64::MAX - 1);
    assert_eq!(rootfs.read("extra/mine too"), b"mine");
    card.check();
}

#[test]
fn a_partition_that_a_system_has_nothing_for_is_no_obstacle_to_the_way_back() {
    let card = Card::formatted("one");
    let modules = card.images.join("rootfs");
    fs::remove_dir_all(&modules).unwrap();
    let install = |version: &str, has_modules: bool| {
        let (disk, programs, mut sources) = (card.disk(), programs(), sources(&card.images, version));
        if !has_modules {
            fs::remove_dir_all(&modules).unwrap();
            fs::create_dir(&modules).unwrap();
            sources.epoch += 1;
        }
        let plan = InstallPlan::new(&layout(), MEDIUM, &disk, &card.path, &sources).unwrap();
        assert!(plan.mending().is_none());
        plan.stage(shop(&disk, &card.path, &programs)).unwrap().commit(&disk, &Unwatched).unwrap();
    };
    install("two", false);
    install("six", false);
    install("ten", true);
    assert!(!card.roll_back(u64::MAX - 1));
    let boot = foreign::Medium::new(&card.path);
    let kernel = || version_of(&boot.fat(boot.table().1[0].sectors.0).read("kernel"));
    assert_eq!(kernel(), "six");
    assert!(!card.roll_back(u64::MAX - 1));
    assert_eq!(kernel(), "ten");
    card.check();
}

#[test]
fn a_folder_of_somebodys_with_the_name_of_the_previous_system_is_left_alone() {
    let card = Card::formatted("one");
    let looked = foreign::Medium::new(&card.path);
    let start = looked.table().1[1].sectors.0;
    looked.ext4(start).write("skiff.old/mine", b"mine");
    let error =
        InstallPlan::new(&layout(), MEDIUM, &card.disk(), &card.path, &sources(&card.images, "two")).unwrap_err();
    assert!(error.to_string().contains("`skiff.old`, which is a reserved name"), "{error}");
    assert!(RollbackPlan::new(&layout(), MEDIUM, &card.disk(), &card.path).is_err());
}

#[test]
fn a_medium_that_is_not_this_boards_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(&folder.path().join("images"), "one");
    let path = folder.path().join("medium");
    fs::File::create(&path).unwrap().set_len(SIZE).unwrap();
    let disk = FileDisk::new(fs::File::open(&path).unwrap(), SIZE);
    let error = InstallPlan::new(&layout(), MEDIUM, &disk, &path, &sources).unwrap_err().to_string();
    assert!(error.contains("no partition `BOOT` with FAT"), "{error}");
    assert!(RollbackPlan::new(&layout(), MEDIUM, &disk, &path).is_err());
}
