//! What trees of files say beside contents, and what becomes of it: on ext4 it is kept, on FAT it is kept or named. Looked at with
//! other people's tools.

#![allow(clippy::disallowed_methods, reason = "tests name their own files")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use skiff_file::SearchPath;
use std::fs;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use skiff_flash::FileDisk;
use skiff_flash::Image;
use skiff_flash::InstallPlan;
use skiff_flash::Plan;
use skiff_flash::PlanError;
use skiff_flash::RollbackPlan;
use skiff_flash::Sources;
use skiff_flash::Toolbox;
use skiff_flash::Unwatched;
use skiff_flash::Workshop;
use skiff_layout::Content;
use skiff_layout::Format;
use skiff_layout::Ids;
use skiff_layout::Kind;
use skiff_layout::Layout;
use skiff_layout::Medium;
use skiff_layout::Partition;
use skiff_layout::Table;

const MEDIUM: Medium = Medium { size: 160 << 20, sector: 512 };

fn toolbox(programs: &SearchPath) -> Toolbox<'_> {
    Toolbox { programs, scratch: Path::new("/tmp") }
}

fn programs() -> SearchPath {
    SearchPath::parse(&std::env::var_os("PATH").unwrap()).with_system()
}

fn run(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("PATH", programs().value().unwrap())
        .env("MTOOLS_SKIP_CHECK", "1")
        .env("TZ", "UTC")
        .env("LC_ALL", "C.UTF-8");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {text}");
    text
}

/// A layout with FAT of a size, and ext4 that takes the rest.
fn layout(fat: u64) -> Layout {
    let boot = Partition {
        format: Format::Vfat,
        size: Some(fat),
        copy_files: vec![Content::new("images/boot_part/", "/")],
        ..Partition::new("BOOT", Kind::basic_data())
    };
    let persist = Partition {
        format: Format::Ext4 { features: Vec::new() },
        copy_files: vec![Content::new("images/persist_part/", "/")],
        ..Partition::new("persist", Kind::linux())
    };
    Layout { partitions: vec![boot, persist], ..Layout::new(Table::Mbr) }
}

struct Made {
    folder: tempfile::TempDir,
    layout: Layout,
    image: PathBuf,
}

impl Made {
    /// Directories for both partitions, with what `fill` puts into them.
    fn with(fat: u64, fill: impl FnOnce(&Path, &Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (boot, persist) = (folder.path().join("images/boot_part"), folder.path().join("images/persist_part"));
        fs::create_dir_all(&boot).unwrap();
        fs::create_dir_all(&persist).unwrap();
        fill(&boot, &persist);
        Self { image: folder.path().join("image"), folder, layout: layout(fat) }
    }

    fn images(&self, name: &str) -> PathBuf {
        self.folder.path().join("images").join(name)
    }

    fn sources(&self, epoch: u32) -> Sources {
        Sources {
            images: Some(self.folder.path().join("images")),
            layers: Vec::new(),
            epoch,
            stop: skiff_flash::Stop::default(),
        }
    }

    fn plan(&self) -> Result<Plan, PlanError> {
        Plan::new(&self.layout, MEDIUM, Ids::new(b"x"), &self.sources(0))
    }

    fn build(&self) -> Plan {
        let plan = self.plan().unwrap();
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&self.image).unwrap();
        Image::build(&plan, file, &self.image, toolbox(&programs()), &Unwatched).unwrap();
        plan
    }

    /// A partition by itself.
    fn part(&self, number: usize) -> PathBuf {
        let range = self.plan().unwrap().placed.partitions()[number].range.clone();
        let mut bytes = vec![0; (range.end - range.start) as usize];
        File::open(&self.image).unwrap().read_exact_at(&mut bytes, range.start).unwrap();
        let path = self.folder.path().join(format!("part{number}"));
        fs::write(&path, bytes).unwrap();
        path
    }

    fn debugfs(&self, question: &str) -> String {
        run("debugfs", &["-R", question, self.part(1).to_str().unwrap()])
    }

    fn disk(&self) -> FileDisk {
        FileDisk::new(File::options().read(true).write(true).open(&self.image).unwrap(), MEDIUM.size)
    }

    fn install(&self) -> bool {
        let disk = self.disk();
        let plan = InstallPlan::new(&self.layout, MEDIUM, &disk, &self.image, &self.sources(0)).unwrap();
        if plan.is_there(&disk, &self.image, &Unwatched).unwrap() {
            return false;
        }
        let programs = programs();
        plan.stage(self.shop(&disk, &programs)).unwrap().commit(&disk, &Unwatched).unwrap();
        true
    }

    fn shop<'w>(&'w self, disk: &'w FileDisk, programs: &'w SearchPath) -> Workshop<'w> {
        Workshop { disk, path: &self.image, programs, scratch: self.folder.path(), epoch: 0, watch: &Unwatched }
    }
}

fn put(path: &Path, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn set_time(path: &Path, seconds: u64) {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    File::open(path).unwrap().set_modified(time).unwrap();
}

/// The capability to bind low ports, permitted and effective, as Linux stores it (linux/capability.h, revision 2).
const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Gives a file a capability; whether this machine lets us.
fn set_capability(path: &Path) -> bool {
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(path, "security.capability", &CAPABILITY, flags).is_ok()
}

fn fill_persist(persist: &Path) {
    put(&persist.join("secret/key"), "key", 0o600);
    fs::set_permissions(persist.join("secret"), fs::Permissions::from_mode(0o700)).unwrap();
    put(&persist.join("bin/tool"), "tool", 0o4755);
    put(&persist.join("bin/plain"), "plain", 0o640);
    fs::hard_link(persist.join("bin/tool"), persist.join("bin/other")).unwrap();
    put(&persist.join("large/a"), &"large ".repeat(400_000), 0o444);
    for number in 0..300 {
        fs::hard_link(persist.join("large/a"), persist.join(format!("large/another name of it {number}"))).unwrap();
    }
    put(&persist.join("top"), "top", 0o644);
    fs::hard_link(persist.join("top"), persist.join("another top")).unwrap();
    fs::create_dir(persist.join("empty")).unwrap();
    std::os::unix::fs::symlink("bin/tool", persist.join("link")).unwrap();
    set_time(&persist.join("bin/plain"), 1_234_567_890);
    set_time(&persist.join("secret"), 1_111_111_111);
    set_time(&persist.join("large/a"), 1_222_222_222);
}

/// What `fill_persist` made is on the second partition.
fn check_persist(made: &Made, has_capability: bool) {
    let part = made.part(1);
    run("e2fsck", &["-fn", part.to_str().unwrap()]);
    for (path, mode, links) in [
        ("secret", "0700", 2),
        ("secret/key", "0600", 1),
        ("bin/tool", "04755", 2),
        ("bin/plain", "0640", 1),
        ("large/a", "0444", 301),
    ] {
        let said = made.debugfs(&format!("stat \"/{path}\""));
        assert!(said.contains(&format!("Mode:  {mode} ")), "{path}: {said}");
        assert!(said.contains(&format!("Links: {links} ")), "{path}: {said}");
        assert!(said.contains("User:     0   Group:     0"), "{path}: {said}");
    }
    for (path, seconds) in [("secret", 1_111_111_111u32), ("bin/plain", 1_234_567_890), ("large/a", 1_222_222_222)] {
        assert!(made.debugfs(&format!("stat /{path}")).contains(&format!("mtime: 0x{seconds:08x}")), "{path}");
    }
    assert_eq!(made.debugfs("stat /bin/tool").lines().next(), made.debugfs("stat /bin/other").lines().next());
    assert!(made.debugfs("stat \"/another top\"").contains("Links: 2 "));
    assert!(made.debugfs("cat \"/large/another name of it 299\"").starts_with("large large "));
    let said = made.debugfs("ea_list /bin/tool");
    assert_eq!(said.contains("security.capability (20) = 01 00 00 02 00 04"), has_capability, "{said}");
}

#[test]
fn ext4_keeps_what_a_tree_says_also_through_installs_and_back() {
    let mut has_capability = false;
    let made = Made::with(64 << 20, |boot, persist| {
        put(&boot.join("kernel"), "one", 0o644);
        fill_persist(persist);
        has_capability = set_capability(&persist.join("bin/tool"));
    });
    made.build();
    check_persist(&made, has_capability);
    assert!(!made.install(), "nothing has changed");
    put(&made.images("persist_part/secret/key"), "other", 0o600);
    set_time(&made.images("persist_part/secret"), 1_111_111_111);
    assert!(made.install());
    check_persist(&made, has_capability);
    assert!(!made.install());
    // Who may look into a directory with files of users is theirs to say.
    let start = made.plan().unwrap().placed.partitions()[1].range.start;
    let place = format!("{}?offset={start}", made.image.display());
    let script = made.folder.path().join("script");
    fs::write(
        &script,
        "write /etc/hostname bin/mine\nsif bin/mine mode 0100600\nsif bin mode 040711\nsif bin uid 1000\n",
    )
    .unwrap();
    run("debugfs", &["-w", "-f", script.to_str().unwrap(), &place]);
    assert!(!made.install());
    put(&made.images("persist_part/secret/key"), "a third", 0o600);
    assert!(made.install());
    let said = made.debugfs("stat /bin");
    assert!(said.contains("Mode:  0711 ") && said.contains("User:  1000 "), "{said}");
    assert!(made.debugfs("stat /bin/mine").contains("Mode:  0600 "));
    // A mode alone is a change, and so is a name less.
    fs::set_permissions(made.images("persist_part/bin/plain"), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(made.install());
    assert!(made.debugfs("stat /bin/plain").contains("Mode:  0600 "));
    fs::copy(made.images("persist_part/bin/other"), made.images("persist_part/bin/new")).unwrap();
    fs::rename(made.images("persist_part/bin/new"), made.images("persist_part/bin/other")).unwrap();
    assert!(made.install());
    assert!(made.debugfs("stat /bin/tool").contains("Links: 1 "));
    let disk = made.disk();
    let back = RollbackPlan::new(&made.layout, MEDIUM, &disk, &made.image).unwrap();
    back.stage(made.shop(&disk, &programs())).unwrap().commit(&disk, &Unwatched).unwrap();
    let said = made.debugfs("stat /bin/tool");
    assert!(said.contains("Mode:  04755 ") && said.contains("Links: 2 "), "{said}");
    run("e2fsck", &["-fn", made.part(1).to_str().unwrap()]);
}

#[test]
fn dates_come_from_the_tree_and_the_epoch_caps_them() {
    let made = Made::with(64 << 20, |boot, persist| {
        for folder in [boot, persist] {
            put(&folder.join("old"), "old", 0o644);
            put(&folder.join("new"), "new", 0o644);
            set_time(&folder.join("old"), 1_000_000_001);
            set_time(&folder.join("new"), 1_700_000_000);
        }
    });
    let plan = Plan::new(&made.layout, MEDIUM, Ids::new(b"x"), &made.sources(1_500_000_000)).unwrap();
    let build = || {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&made.image).unwrap();
        Image::build(&plan, file, &made.image, toolbox(&programs()), &Unwatched).unwrap();
        fs::read(&made.image).unwrap()
    };
    assert!(build() == build(), "equal inputs make equal bytes");
    assert!(made.debugfs("stat /old").contains("mtime: 0x3b9aca01"));
    assert!(made.debugfs("stat /new").contains("mtime: 0x59682f00"));
    let said = run("mdir", &["-i", made.part(0).to_str().unwrap(), "::"]);
    assert!(said.contains("2001-09-09   1:46") && said.contains("2017-07-14   2:40"), "{said}");
}

#[test]
fn what_fat_does_not_keep_is_named() {
    let mut has_capability = false;
    let made = Made::with(64 << 20, |boot, _| {
        for number in 0..5 {
            put(&boot.join(format!("secret{number}")), "x", 0o600);
        }
        put(&boot.join("tool"), "x", 0o4755);
        put(&boot.join("plain"), "x", 0o664);
        fs::hard_link(boot.join("tool"), boot.join("zool")).unwrap();
        has_capability = set_capability(&boot.join("tool"));
    });
    let said: Vec<String> = made.build().unkept().iter().map(ToString::to_string).collect();
    let private = "partition `BOOT`: FAT does not keep the permissions that keep others out of `secret0`, `secret1`, `secret2` and 2 \
                   more (5 in all)";
    assert_eq!(said[0], private);
    assert_eq!(said[1], "partition `BOOT`: FAT does not keep the setuid, setgid or sticky bit of `tool`, `zool`");
    assert_eq!(said.len(), if has_capability { 4 } else { 3 });
    assert!(said.last().unwrap().ends_with("(each name gets its own copy) of `zool`"), "{said:?}");
    assert_eq!(run("mtype", &["-i", made.part(0).to_str().unwrap(), "::zool"]), "x");
}

#[test]
fn an_empty_folder_makes_an_empty_file_system() {
    let made = Made::with(64 << 20, |_, _| {});
    made.build();
    run("fsck.fat", &["-n", made.part(0).to_str().unwrap()]);
    run("e2fsck", &["-fn", made.part(1).to_str().unwrap()]);
    fs::remove_dir(made.images("boot_part")).unwrap();
    assert!(matches!(made.plan(), Err(PlanError::Content(_))), "a directory that is not there is an error");
}

#[test]
fn names_that_fat_takes_for_one_are_an_error_that_names_both() {
    for (one, other) in
        [("Foo.txt", "foo.TXT"), ("caf\u{e9}", "CAF\u{c9}"), ("a/\u{3c3}", "a/\u{3c2}"), ("Dir/a", "dir/b")]
    {
        let made = Made::with(64 << 20, |boot, persist| {
            for folder in [boot, persist] {
                put(&folder.join(one), "one", 0o644);
                put(&folder.join(other), "other", 0o644);
            }
        });
        let said = made.plan().unwrap_err().to_string();
        let (one, other) = (one.split('/').next().unwrap(), other.split('/').next().unwrap());
        assert!(said.contains(one) && said.contains(other) && said.contains("same name"), "{said}");
    }
    // What is one name to nobody: the letters become several, or the name is another.
    let made = Made::with(64 << 20, |boot, _| {
        for name in
            ["stra\u{df}e", "strasse", "LONGFI~1.TXT", "longfile name.txt", "longfile other.txt", "A", "B.c", "d.E"]
        {
            put(&boot.join(name), name, 0o644);
        }
    });
    made.build();
    let part = made.part(0);
    run("fsck.fat", &["-n", part.to_str().unwrap()]);
    for name in ["stra\u{df}e", "strasse", "LONGFI~1.TXT", "longfile name.txt", "longfile other.txt", "A", "B.c", "d.E"]
    {
        assert_eq!(run("mtype", &["-i", part.to_str().unwrap(), &format!("::{name}")]), name);
    }
    for (bad, why) in [("a:b", "':'"), ("end.", "dot"), ("end ", "space"), ("back\\slash", "'\\\\'"), ("que?", "'?'")] {
        let made = Made::with(64 << 20, |boot, _| put(&boot.join(bad), "x", 0o644));
        let plan = made.plan().unwrap();
        let file = File::options().read(true).write(true).create_new(true).open(&made.image).unwrap();
        let said = Image::build(&plan, file, &made.image, toolbox(&programs()), &Unwatched).unwrap_err().to_string();
        assert!(said.contains(bad) && said.contains(why), "{said}");
    }
}

#[test]
fn many_long_names_are_read_by_others() {
    let made = Made::with(64 << 20, |boot, _| {
        for number in 1..=3000 {
            put(
                &boot.join(format!("overlays/overlay-with-a-long-name-number-{number}.dtbo")),
                &number.to_string(),
                0o644,
            );
        }
    });
    made.build();
    let part = made.part(0);
    let part = part.to_str().unwrap();
    run("fsck.fat", &["-n", part]);
    let copy = made.folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    run("mcopy", &["-s", "-i", part, "::overlays", copy.to_str().unwrap()]);
    assert_eq!(
        run(
            "diff",
            &["-r", made.images("boot_part/overlays").to_str().unwrap(), copy.join("overlays").to_str().unwrap()]
        ),
        ""
    );
}

/// The kind of FAT, and how many sectors a cluster has, as mkfs.vfat says.
fn chosen_by_mkfs(size: u64) -> (String, u8) {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(size).unwrap();
    run("mkfs.vfat", &[file.path().to_str().unwrap()]);
    let boot = fs::read(file.path()).unwrap();
    (String::from_utf8_lossy(&boot[54..59]).into_owned(), boot[13])
}

#[test]
fn small_partitions_have_what_mkfs_chooses() {
    for megabytes in [2, 4, 8, 9, 15, 16, 17, 20, 32, 33] {
        let made = Made::with(megabytes << 20, |boot, _| {
            put(&boot.join("zImage"), &"kernel ".repeat(40_000), 0o644);
            put(&boot.join("dtbs/a long name.dtb"), "dtb", 0o644);
            put(&boot.join("config.txt"), "config", 0o644);
        });
        let plan = made.build();
        let (part, image) = (made.part(0), fs::read(&made.image).unwrap());
        let path = part.to_str().unwrap();
        let boot = fs::read(&part).unwrap();
        let own = (String::from_utf8_lossy(&boot[54..59]).into_owned(), boot[13]);
        assert_eq!(own, chosen_by_mkfs(megabytes << 20), "{megabytes} MiB");
        let said = run("fsck.fat", &["-nv", path]);
        assert!(!said.contains("differ") && !said.contains("reclaim"), "{said}");
        assert_eq!(run("mtype", &["-i", path, "::dtbs/a long name.dtb"]), "dtb");
        assert_eq!(run("mtype", &["-i", path, "::zImage"]).len(), 280_000);
        assert_eq!(image[446 + 4], 0x0e, "the type of small FAT partitions with LBA");
        assert_eq!(plan.unrenewable(), ["BOOT"]);
        // An install is refused before anything is written.
        let disk = made.disk();
        let said =
            InstallPlan::new(&made.layout, MEDIUM, &disk, &made.image, &made.sources(0)).unwrap_err().to_string();
        assert!(said.contains(&own.0) && said.contains("supports FAT32 only"), "{said}");
        assert!(image == fs::read(&made.image).unwrap());
    }
    let made = Made::with(34 << 20, |_, _| {});
    assert!(made.build().unrenewable().is_empty());
    assert_eq!(&fs::read(made.part(0)).unwrap()[82..87], b"FAT32");
    assert_eq!(fs::read(&made.image).unwrap()[446 + 4], 0x0c);
    // The root directory of FAT12 and FAT16 has 512 entries.
    let made = Made::with(16 << 20, |boot, _| {
        for number in 0..300 {
            put(&boot.join(format!("a long name {number}")), "x", 0o644);
        }
    });
    let file = File::options().read(true).write(true).create_new(true).open(&made.image).unwrap();
    let plan = made.plan().unwrap();
    let said = Image::build(&plan, file, &made.image, toolbox(&programs()), &Unwatched).unwrap_err().to_string();
    assert!(said.contains("has room for 512"), "{said}");
}

#[test]
fn a_forged_generation_is_not_believed() {
    let made = Made::with(64 << 20, |boot, persist| {
        put(&boot.join("kernel"), "one", 0o644);
        put(&persist.join("data"), "data", 0o644);
    });
    made.build();
    let start = made.plan().unwrap().placed.partitions()[0].range.start;
    let place = format!("{}@@{start}", made.image.display());
    let marker = made.folder.path().join("marker");
    let marker = marker.to_str().unwrap();
    let forge = |generation: u64| {
        fs::write(marker, format!("{{\"generation\": {generation}, \"files\": [\"kernel\"]}}")).unwrap();
        run("mcopy", &["-o", "-i", &place, marker, "::skiff-system.json"]);
    };
    for generation in [u64::MAX, u64::from(u32::MAX), 1_000_000_001] {
        forge(generation);
        put(&made.images("boot_part/kernel"), &generation.to_string(), 0o644);
        for _ in 0..2 {
            let disk = made.disk();
            let plan = InstallPlan::new(&made.layout, MEDIUM, &disk, &made.image, &made.sources(0)).unwrap();
            assert!(plan.generation() < 20, "{}", plan.generation());
            plan.stage(made.shop(&disk, &programs())).unwrap().commit(&disk, &Unwatched).unwrap();
        }
        let disk = made.disk();
        let back = RollbackPlan::new(&made.layout, MEDIUM, &disk, &made.image).unwrap();
        back.stage(made.shop(&disk, &programs())).unwrap().commit(&disk, &Unwatched).unwrap();
    }
    // The last that is believed is named, and nothing is written.
    forge(1_000_000_000);
    let before = fs::read(&made.image).unwrap();
    let disk = made.disk();
    let said = InstallPlan::new(&made.layout, MEDIUM, &disk, &made.image, &made.sources(0)).unwrap_err().to_string();
    assert!(said.contains("generation 1000000000") && said.contains("BOOT"), "{said}");
    assert!(before == fs::read(&made.image).unwrap());
}
