//! Devices: what is refused, and what is written to loop devices, which take root.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use skiff_flash::Inventory;
use skiff_flash::OpenError;
use skiff_flash::Refusal;
use skiff_flash::Removable;
use skiff_flash::Rules;
use skiff_flash::Target;
use skiff_flash::clear;
use skiff_tests::TestEnvironment;

use super::expected;
use super::fill_images;
use super::foreign::Medium;
use super::foreign::run;
use crate::environment;

/// A machine made of files.
struct Machine {
    root: tempfile::TempDir,
    next: u32,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { root: tempfile::tempdir().unwrap(), next: 16 };
        machine.write("proc/self/mountinfo", "");
        machine.write("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
        machine
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Adds a disk on a bus, with attributes below its directory in sysfs; returns its number.
    fn disk(&mut self, bus: &str, name: &str, attributes: &[(&str, &str)]) -> u32 {
        let minor = self.next;
        self.next += 16;
        let folder = format!("sys/devices/{bus}/{name}");
        let plain = [
            ("dev", format!("8:{minor}")),
            ("size", "62500000".into()),
            ("ro", "0".into()),
            ("diskseq", minor.to_string()),
        ];
        for (key, value) in &plain {
            self.write(&format!("{folder}/{key}"), format!("{value}\n"));
        }
        for (key, value) in attributes {
            self.write(&format!("{folder}/{key}"), format!("{value}\n"));
        }
        self.link(name, &folder);
        minor
    }

    fn partition(&self, bus: &str, disk: &str, name: &str, number: &str, attributes: &[(&str, &str)]) {
        let folder = format!("sys/devices/{bus}/{disk}/{name}");
        for (key, value) in
            [("dev", number), ("size", "1000"), ("ro", "0"), ("partition", "1")].iter().chain(attributes)
        {
            self.write(&format!("{folder}/{key}"), format!("{value}\n"));
        }
        self.link(name, &folder);
    }

    fn link(&self, name: &str, folder: &str) {
        let class = self.root.path().join("sys/class/block");
        fs::create_dir_all(&class).unwrap();
        std::os::unix::fs::symlink(Path::new("../../..").join(folder), class.join(name)).unwrap();
    }

    fn refusal(&self, name: &str, needs: u64, rules: &Rules) -> Option<Refusal> {
        let inventory = Inventory::read(self.root.path()).unwrap();
        // Partitions are no disks, and are known all the same.
        let number = fs::read_to_string(self.root.path().join("sys/class/block").join(name).join("dev")).unwrap();
        let (major, minor) = number.trim().split_once(':').unwrap();
        let device = inventory.by_number((major.parse().unwrap(), minor.parse().unwrap())).unwrap();
        clear(device, needs, rules).err()
    }
}

const USB: &str = "pci0000:00/usb1/1-1";

#[test]
fn every_reason_not_to_write_to_a_device_is_one() {
    let mut machine = Machine::new();
    let removable = [("removable", "1"), ("device/model", "Reader"), ("device/serial", "AB1234567")];
    machine.disk(USB, "sda", &removable);
    machine.partition(USB, "sda", "sda1", "8:17", &[]);
    machine.disk(USB, "sdb", &removable);
    machine.partition(USB, "sdb", "sdb1", "8:33", &[]);
    machine.disk(USB, "sdc", &removable);
    machine.partition(USB, "sdc", "sdc1", "8:49", &[]);
    machine.disk(USB, "sdd", &removable);
    machine.partition(USB, "sdd", "sdd1", "8:65", &[("holders/md0", "")]);
    machine.disk(USB, "sde", &[("removable", "1"), ("ro", "1")]);
    machine.disk("pci0000:00/ata1", "sdf", &[("removable", "0"), ("device/serial", "XYZ98765")]);
    machine.disk("pci0000:00/ata2", "sdg", &[]);
    machine.disk(USB, "sdh", &[("removable", "1"), ("size", "0")]);
    machine.disk(USB, "sdi", &removable);
    machine.disk(
        "platform/mmc",
        "mmcblk0",
        &[("removable", "0"), ("device/type", "SD"), ("device/serial", "0xdeadbeef")],
    );
    machine.disk(USB, "sdj", &removable);
    machine.write(
        "proc/self/mountinfo",
        "22 1 8:17 / / rw - ext4 /dev/sda1 rw\n23 22 8:33 / /media/my\\040card rw - vfat /dev/sdb1 rw\n\
         24 22 0:41 / /media/b rw - btrfs /dev/sdj rw\n",
    );
    machine.write("proc/swaps", "Filename Type Size\n/dev/sdc1 partition 1000 0 -2\n");
    let none = Rules::default();
    let refusal = |name: &str, rules: &Rules| machine.refusal(name, 1 << 20, rules);
    assert!(matches!(refusal("sda", &none), Some(Refusal::System { .. })));
    assert!(matches!(refusal("sda1", &none), Some(Refusal::Partition { .. })));
    let mounted = refusal("sdb", &none).unwrap();
    assert_eq!(mounted.to_string(), "/dev/sdb is in use: sdb1 is mounted on /media/my card");
    assert!(matches!(refusal("sdc", &none), Some(Refusal::System { .. })));
    assert_eq!(refusal("sdd", &none).unwrap().to_string(), "/dev/sdd is in use: sdd1 is a part of md0");
    assert!(matches!(refusal("sde", &none), Some(Refusal::ReadOnly { .. })));
    assert!(matches!(refusal("sdf", &none), Some(Refusal::Fixed { .. })));
    assert!(matches!(refusal("sdg", &none), Some(Refusal::Unknown { .. })));
    assert!(matches!(refusal("sdh", &none), Some(Refusal::Empty { .. })));
    assert!(matches!(refusal("sdj", &none), Some(Refusal::InUse { .. })), "known by its name");
    assert_eq!((refusal("sdi", &none), refusal("mmcblk0", &none)), (None, None));
    assert!(matches!(machine.refusal("sdi", 64 << 30, &none), Some(Refusal::TooSmall { .. })));
    // What allows a built-in disk allows that one, and nothing else.
    let allowed = |word: &str| Rules { allow_fixed: Some(word.into()), ..Rules::default() };
    assert_eq!(refusal("sdf", &allowed("8765")), None);
    assert!(refusal("sdf", &allowed("sdf")).is_some() && refusal("sda", &allowed("4567")).is_some());
    assert_eq!(refusal("sdg", &allowed("sdg")), None);
    machine.partition(USB, "sdi", "sdi1", "8:81", &[]);
    fs::create_dir_all(machine.root.path().join("dev/disk/by-label")).unwrap();
    std::os::unix::fs::symlink("../../sdi1", machine.root.path().join("dev/disk/by-label/BACKUP")).unwrap();
    for pattern in ["AB*", "sdi", "/dev/sdi", "Reader", "sdi1", "/dev/sdi1", "/dev/disk/by-label/BACK*"] {
        let rules = Rules { protect: vec![pattern.into()], ..Rules::default() };
        assert!(matches!(refusal("sdi", &rules), Some(Refusal::Protected { .. })), "{pattern}");
    }
    let inventory = Inventory::read(machine.root.path()).unwrap();
    assert!(inventory.disks().any(|device| device.name == "sdh" && device.size == 0), "an empty reader is listed");
    // Names in the table are bytes, and without the table nobody knows what is in use.
    machine.write("proc/self/mountinfo", b"22 1 8:33 / /media/\xff rw - vfat /dev/sdb1 rw\n");
    let mounted = machine.refusal("sdb", 1 << 20, &none).unwrap();
    assert_eq!(mounted.to_string(), "/dev/sdb is in use: sdb1 is mounted on /media/\u{fffd}");
    fs::remove_file(machine.root.path().join("proc/self/mountinfo")).unwrap();
    assert!(Inventory::read(machine.root.path()).unwrap_err().to_string().contains("proc/self/mountinfo"));
    let card = inventory.disks().find(|device| device.name == "mmcblk0").unwrap();
    assert_eq!((card.removable, card.word()), (Removable::Yes, "beef"));
}

/// A loop device over a file of the test.
pub(super) struct Loop {
    device: PathBuf,
}

impl Loop {
    pub(super) fn new(env: &TestEnvironment, name: &str, size: u64) -> Self {
        let file = env.path(name);
        fs::File::create(&file).unwrap().set_len(size).unwrap();
        Self::of(&file, &[])
    }

    /// A device over what is there already.
    pub(super) fn of(file: &Path, options: &[&str]) -> Self {
        let (said, _) = run(Command::new("losetup").args(["--find", "--show"]).args(options).arg(file));
        Self { device: said.trim().into() }
    }

    pub(super) fn path(&self) -> &str {
        self.device.to_str().unwrap()
    }

    pub(super) fn name(&self) -> &str {
        self.path().rsplit('/').next().unwrap()
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").arg("--detach").arg(&self.device).status();
    }
}

/// Fails where loop devices cannot be made.
pub(super) fn needs_root() {
    assert!(rustix::process::geteuid().is_root(), "loop devices are root's: run the tests as root");
}

#[test]
fn a_device_is_formatted_installed_to_and_left_alone_where_users_keep_things() {
    needs_root();
    let mut env = environment();
    env.set("SKIFF_CONFIG", "pi/4");
    fill_images(&env, "one ");
    let device = Loop::new(&env, "card", 5 << 30);
    // What was there before does not shine through: a used card.
    fs::write(env.path("noise"), vec![0xa5; 64 << 20]).unwrap();
    for at in ["seek=0", "seek=1700", "seek=2300", "seek=5000"] {
        let to = format!("of={}", device.path());
        run(Command::new("dd").arg(format!("if={}", env.path("noise").display())).args([
            &to,
            at,
            "bs=1M",
            "status=none",
        ]));
    }
    let words = ["cmd", "pi/common", "format", "--no-discard", "--device", device.path(), "--confirm", device.name()];
    env.succeed(&words);
    let medium = Medium::new(&device.device);
    let (table, partitions) = medium.table();
    assert_eq!((table.as_str(), partitions.len()), ("gpt", 3));
    let starts: Vec<u64> = partitions.iter().map(|partition| partition.sectors.0).collect();
    medium.fat(starts[0]).check(partitions[0].sectors.1 - partitions[0].sectors.0 + 1);
    medium.ext4(starts[1]).check();
    medium.ext4(starts[2]).check();
    assert!(medium.fat(starts[0]).read("zImage") == expected(&env, "zImage"));

    let persist = |env: &TestEnvironment| {
        let (start, end) = partitions[2].sectors;
        run(Command::new("sh").arg("-c").arg(format!(
            "dd if={} bs=512 skip={start} count={} status=none | sha256sum",
            env.path("card").display(),
            end - start + 1
        )))
    };
    run(Command::new("sync").arg(env.path("card")));
    let before = persist(&env);
    let own = env.path("mine");
    fs::write(&own, "mine").unwrap();
    run(Command::new("mcopy").args(["-i", &format!("{}@@1M", device.path()), own.to_str().unwrap(), "::/mine.txt"]));
    for version in ["two ", "three "] {
        fill_images(&env, version);
        // As SkiffOS's scripts do it.
        env.set("SKIFF_NO_INTERACTIVE", "1");
        env.set("PI_SD", device.path());
        env.succeed(&["cmd", "pi/common/install"]);
        assert!(medium.fat(starts[0]).read("zImage") == expected(&env, "zImage"));
        assert!(medium.ext4(starts[1]).read("modules.squashfs") == expected(&env, "rootfs_part/modules.squashfs"));
        assert_eq!(medium.fat(starts[0]).read("mine.txt"), b"mine");
        medium.fat(starts[0]).check(partitions[0].sectors.1 - partitions[0].sectors.0 + 1);
        medium.ext4(starts[1]).check();
        assert_eq!(persist(&env), before);
    }
    let said = env.succeed(&["cmd", "pi/common", "install"]).stderr;
    assert!(said.contains("has this system already; nothing to do"), "{said}");
    env.succeed(&["cmd", "pi/common", "rollback"]);
    fill_images(&env, "two ");
    assert!(medium.fat(starts[0]).read("zImage") == expected(&env, "zImage"));
    assert!(medium.ext4(starts[1]).read("modules.squashfs") == expected(&env, "rootfs_part/modules.squashfs"));
    assert_eq!(persist(&env), before);
}

/// A public key.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@home";

#[test]
fn what_is_personal_goes_onto_the_device_and_nowhere_else() {
    needs_root();
    let mut env = environment();
    env.set("SKIFF_CONFIG", "odroid/xu");
    fill_images(&env, "one ");
    let device = Loop::new(&env, "card", 2 << 30);
    env.write("me.pub", format!("{KEY}\n"));
    env.write("other", "-----BEGIN OPENSSH PRIVATE KEY-----\nssh-x\n");
    env.write("secret", "correct horse; \\battery\n");
    env.write("skiff.yaml", "personalize:\n  ssh_keys: [me.pub]\n  wifi: [{ssid: my net, password_file: secret}]\n");
    env.set("SKIFF_PROJECT", env.path("skiff.yaml").to_str().unwrap());
    let format = ["cmd", "odroid/common", "format", "--device", device.path(), "--confirm", device.name()];
    let said = env.fail(1, &[&format[..], &["--ssh-key", env.path("other").to_str().unwrap()]].concat());
    assert!(said.contains("does not contain a public ssh key"), "{said}");
    assert!(env.fail(1, &[&format[..], &["--hostname", "a b"]].concat()).contains("is not a host name"));
    env.succeed(&[&format[..], &["--hostname", "boat-7"]].concat());
    let medium = Medium::new(&device.device);
    let starts: Vec<u64> = medium.table().1.iter().map(|partition| partition.sectors.0).collect();
    let persist = medium.ext4(starts[2]);
    persist.check();
    assert_eq!(persist.read("skiff/hostname"), b"boat-7\n");
    assert_eq!(persist.read("skiff/keys/me.pub"), format!("{KEY}\n").as_bytes());
    let network = String::from_utf8(persist.read("skiff/connections/my_net.nmconnection")).unwrap();
    assert!(network.contains("ssid=my net\n") && network.contains("psk=correct horse\\; \\\\battery\n"), "{network}");
    let question = "stat skiff/connections/my_net.nmconnection";
    let place = format!("{}?offset={}", device.path(), starts[2] * 512);
    let (said, _) = run(Command::new("debugfs").args(["-R", question, &place]));
    assert!(said.contains("Mode:  0600"), "{said}");
    let user = String::from_utf8(medium.fat(starts[0]).read("user-data")).unwrap();
    assert!(user.starts_with("#cloud-config\nhostname: boat-7\n") && user.contains(&format!("- \"{KEY}\"")));
    // What others get has none of it, and nothing is left behind.
    env.succeed(&["cmd", "odroid/common", "buildimage", "--output", env.path("shared.img").to_str().unwrap()]);
    for folder in ["workspaces", "shared.img"] {
        let found = Command::new("grep").args(["-rqa", "correct horse"]).arg(env.path(folder)).status().unwrap();
        assert_eq!(found.code(), Some(1), "{folder}");
    }
}

#[test]
fn nothing_weakens_a_refusal() {
    needs_root();
    let mut env = environment();
    env.set("SKIFF_CONFIG", "odroid/xu");
    fill_images(&env, "one ");
    let device = Loop::new(&env, "card", 2 << 30);
    let digest = |env: &TestEnvironment| run(Command::new("sha256sum").arg(env.path("card")));
    run(Command::new("mkfs.ext4").args(["-q", "-F", device.path()]));
    fs::create_dir(env.path("place")).unwrap();
    run(Command::new("mount").args(["-o", "ro,noload", device.path()]).arg(env.path("place")));
    let before = digest(&env);
    env.set("SKIFF_NO_INTERACTIVE", "1");
    env.set("ODROID_SD", device.path());
    for command in ["format", "install", "rollback"] {
        let said = env.fail(77, &["cmd", "odroid/common", command, "--allow-fixed", device.name()]);
        assert!(said.contains("is mounted on"), "{said}");
    }
    run(Command::new("umount").arg(env.path("place")));
    assert_eq!(digest(&env), before);
    // Somebody else's exclusive hold, such as that of a volume manager, counts too.
    let held = rustix::fs::open(
        &device.device,
        rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::EXCL,
        rustix::fs::Mode::empty(),
    );
    assert!(env.fail(77, &["cmd", "odroid/common", "format"]).contains("is in use"));
    drop(held);
    env.unset("SKIFF_NO_INTERACTIVE");
    assert!(env.fail(2, &["cmd", "odroid/common", "format"]).contains(&format!("--confirm {}", device.name())));
    assert!(env.fail(1, &["cmd", "odroid/common", "format", "--confirm", "other"]).contains("`other`"));
    env.write("skiff.yaml", "protect: ['loop*']\n");
    env.set("SKIFF_PROJECT", env.path("skiff.yaml").to_str().unwrap());
    assert!(env.fail(77, &["cmd", "odroid/common", "format", "--confirm", device.name()]).contains("protected"));
    env.unset("SKIFF_PROJECT");
    fs::remove_file(env.path("skiff.yaml")).unwrap();
    // A loop device over a device is that device.
    let (over, _) = run(Command::new("losetup").args(["--find", "--show", device.path()]));
    let over = Loop { device: over.trim().into() };
    let said = env.fail(77, &["cmd", "odroid/common", "format", "--device", over.path(), "--confirm", over.name()]);
    assert!(said.contains("is a part of"), "{said}");
    drop(over);
    let small = Loop::new(&env, "small", 64 << 20);
    let said = env.fail(1, &["cmd", "odroid/common", "format", "--device", small.path(), "--confirm", small.name()]);
    assert!(said.contains("needs at least"), "{said}");
    assert_eq!(digest(&env), before);
}

#[test]
fn a_medium_that_is_exchanged_after_the_question_is_not_written_to() {
    needs_root();
    let env = environment();
    let device = Loop::new(&env, "one", 64 << 20);
    fs::File::create(env.path("two")).unwrap().set_len(64 << 20).unwrap();
    let inventory = Inventory::read(Path::new("/")).unwrap();
    let rules = Rules::default();
    let cleared = clear(inventory.select(&device.device).unwrap(), 0, &rules).unwrap();
    assert!(Target::open(&cleared, Path::new("/"), &rules).is_ok());
    // QEMU holds a device in this way.
    let held = fs::File::options().read(true).write(true).open(device.path()).unwrap();
    skiff_file::hold(&held).unwrap();
    let error = Target::open(&cleared, Path::new("/"), &rules).unwrap_err();
    assert!(matches!(error, OpenError::Busy(_)), "{error}");
    drop(held);
    run(Command::new("losetup").args(["--detach", device.path()]));
    run(Command::new("losetup").arg(device.path()).arg(env.path("two")));
    let error = Target::open(&cleared, Path::new("/"), &rules).unwrap_err();
    assert!(matches!(error, OpenError::Changed(_)), "{error}");
}

#[test]
fn images_are_written_packed_or_not_with_a_map_or_without() {
    needs_root();
    let env = environment();
    fill_images(&env, "one ");
    let image = env.path("x.img").display().to_string();
    let words = ["-c", "bananapi/m1", "cmd", "bananapi/common", "buildimage", "--publish", "--size", "600MiB"];
    env.succeed(&[&words[..], &["--output", &image]].concat());
    run(Command::new("xz").args(["-0", "-k", &image]));
    run(Command::new("gzip").args(["-1", "-k", &image]));
    let alone = env.path("alone.img.xz");
    fs::copy(env.path("x.img.xz"), &alone).unwrap();
    let device = Loop::new(&env, "card", 640 << 20);
    for name in ["x.img", "x.img.zst", "x.img.xz", "x.img.gz", "alone.img.xz"] {
        let noise = format!("of={}", device.path());
        run(Command::new("dd").args(["if=/dev/urandom", &noise, "bs=1M", "count=200", "status=none", "conv=notrunc"]));
        let path = env.path(name).display().to_string();
        env.succeed(&["flash", &path, device.path(), "--no-discard", "--confirm", device.name()]);
        let medium = Medium::new(&device.device);
        medium.fat(2048).check(medium.table().1[0].sectors.1 - 2047);
        medium.ext4(medium.table().1[1].sectors.0).check();
        assert!(medium.fat(2048).read("zImage") == expected(&env, "zImage"), "{name}");
    }
    // An image that is differs from its block map leaves a medium that nobody takes for a system.
    let mut bytes = fs::read(env.path("x.img")).unwrap();
    bytes[3 << 20] ^= 1;
    fs::write(env.path("x.img"), bytes).unwrap();
    let said = env.fail(1, &["flash", &image, device.path(), "--confirm", device.name()]);
    assert!(said.contains("differs from its block map"), "{said}");
    assert_eq!(Medium::new(&device.device).bytes(510, 2), [0, 0]);
    let small = Loop::new(&env, "small", 64 << 20);
    let said = env.fail(77, &["flash", &image, small.path(), "--confirm", small.name()]);
    assert!(said.contains("are needed"), "{said}");
}

/// Another tool's dry run once wiped a disk.
#[test]
fn a_dry_run_writes_nothing_and_opens_nothing_for_writing() {
    needs_root();
    let mut env = environment();
    env.set("SKIFF_CONFIG", "pi/4");
    fill_images(&env, "one ");
    let device = Loop::new(&env, "card", 5 << 30);
    env.set("PI_SD", device.path());
    env.succeed(&["cmd", "pi/common", "format", "--confirm", device.name()]);
    fill_images(&env, "two ");
    env.succeed(&["cmd", "pi/common", "install", "--confirm", device.name()]);
    let runs: [&[&str]; 4] = [
        &["cmd", "pi/common", "format", "--dry-run"],
        &["cmd", "pi/common", "install", "--dry-run", "--json"],
        &["cmd", "pi/common", "rollback", "--dry-run"],
        &["cmd", "pi/common", "buildimage", "--dry-run"],
    ];
    for words in runs {
        let trace = env.path("trace");
        let skiff = env.command(words);
        let mut strace = Command::new("strace");
        strace.args(["-f", "-o"]).arg(&trace).arg(skiff.get_program()).args(skiff.get_args());
        strace.current_dir(env.path("")).env_clear();
        strace.envs(skiff.get_envs().filter_map(|(name, value)| Some((name, value?))));
        run(&mut strace);
        let text = fs::read_to_string(&trace).unwrap();
        assert!(text.contains("mountinfo") || words.contains(&"buildimage"), "the trace is of something else");
        // cap-std asks the kernel what it can do with a call that cannot succeed.
        for line in text.lines().filter(|line| !line.contains("= -1 E") && !line.contains("\"../.\"")) {
            let opens =
                line.contains("open") && ["O_WRONLY", "O_RDWR", "O_CREAT", "O_EXCL"].iter().any(|f| line.contains(f));
            let changes =
                ["unlink", "rename", "ftruncate", "fallocate", "pwrite", "fsync", "fdatasync", "link(", "symlink"];
            let changes = changes.iter().any(|call| line.contains(&format!(" {call}")));
            let makes = line.contains(" mkdir") && !line.contains("unfinished");
            assert!(!opens && !changes && !makes, "{words:?}: {line}");
        }
    }
}
