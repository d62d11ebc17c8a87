//! What media cost: an image of 240 MB made by skiff, by genimage and the way SkiffOS does it, and written to a loop device by
//! skiff and by bmaptool; and 3,000 long names in one directory of FAT, beside mcopy. `TMPDIR=/dev/shm` keeps the disk out of it. Loop devices are root's.

#![allow(clippy::disallowed_methods, reason = "tests name their own files")]
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use criterion::BatchSize;
use criterion::Criterion;
use criterion::criterion_group;
use criterion::criterion_main;
use skiff_tests::TestEnvironment;

const PROGRAM: &str = env!("CARGO_BIN_EXE_skiff-under-test");

/// The board: FAT with 30 MB, ext4 with 171 MB and 39 MB, on 1500 MiB.
const LAYOUT: &str = "\
table: mbr
partitions:
  boot: {format: vfat, type: basic-data, size: 256MiB, copy_files: [{source: images/boot/, target: /}]}
  rootfs: {format: ext4, size: 512MiB, copy_files: [{source: images/root/, target: /}]}
  persist: {format: ext4, copy_files: [{source: images/persist/, target: /, once: true}]}
";

const GENIMAGE: &str = "\
image boot.vfat { vfat { label = \"boot\" extraargs = \"-F 32 -s 1\" } mountpoint = \"/boot\" size = 256M }
image root.ext4 { ext4 { label = \"rootfs\" use-mke2fs = true } mountpoint = \"/root\" size = 512M }
image persist.ext4 { ext4 { label = \"persist\" use-mke2fs = true } mountpoint = \"/persist\" size = 731M }
image disk.img {
  hdimage { align = 1M }
  partition boot { partition-type = 0xC image = \"boot.vfat\" }
  partition rootfs { partition-type = 0x83 image = \"root.ext4\" }
  partition persist { partition-type = 0x83 image = \"persist.ext4\" }
}
";

/// What SkiffOS's scripts do, without a kernel that knows partitions or FAT: file systems by offset, files by mtools and mounts.
const LOOP: &str = "\
set -eu
truncate -s 1500M loop.img
parted -s loop.img mklabel msdos mkpart primary fat32 1MiB 257MiB mkpart primary ext4 257MiB 769MiB mkpart primary ext4 769MiB 100%
mkfs.fat -F 32 -s 1 -n boot --offset 2048 loop.img 262144 >/dev/null
MTOOLS_SKIP_CHECK=1 mcopy -s -i loop.img@@1M images/boot/* ::
mkdir -p mnt
for part in root:257:512 persist:769:731; do
  name=${part%%:*} rest=${part#*:}
  device=$(losetup -f --show -o $((${rest%:*} * 1048576)) --sizelimit $((${rest#*:} * 1048576)) loop.img)
  mkfs.ext4 -q -O ^64bit \"$device\"
  mount \"$device\" mnt
  cp -r images/$name/* mnt/
  umount mnt
  losetup -d \"$device\"
done
sync loop.img
";

fn noise(path: &Path, megabytes: u64) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut source = fs::File::open("/dev/urandom").unwrap();
    let mut file = fs::File::create(path).unwrap();
    std::io::copy(&mut std::io::Read::take(&mut source, megabytes << 20), &mut file).unwrap();
}

/// The files of the board above, in MB.
const FILES: [(&str, u64); 4] =
    [("boot/kernel", 10), ("boot/root.squashfs", 20), ("root/modules", 171), ("persist/data", 39)];

fn environment(layout: &str, files: &[(&str, u64)]) -> TestEnvironment {
    let env = TestEnvironment::new(PROGRAM);
    let images = env.path("workspaces/default/images");
    fs::create_dir_all(&images).unwrap();
    for (name, megabytes) in files {
        noise(&images.join(name), *megabytes);
    }
    let checkout = TestEnvironment::checkout();
    let component = fs::read(checkout.join("configs/skiff/board/plugins/board.wasm")).unwrap();
    env.write("layers/my/board/plugins/board.wasm", component);
    env.write("layers/my/board/metadata/layout.yaml", layout);
    env.write(
        "layers/my/board/metadata/plugins.yaml",
        "schema: 1\nplugins:\n  - {name: board, version: 0.1.0, component: plugins/board.wasm, interface: ^1.0, board: true, \
         capabilities: [{read: layers, path: metadata, why: reads the layout}]}\n",
    );
    env.succeed(&["grant", "add", "--all", "my/board/board"]);
    std::os::unix::fs::symlink(&images, env.path("images")).unwrap();
    env.write("genimage.cfg", GENIMAGE);
    env
}

fn run(command: &mut Command) {
    let path = std::env::var("PATH").unwrap_or_default();
    let command = command.env("PATH", format!("{path}:/usr/sbin:/sbin")).stdout(Stdio::null());
    assert!(command.status().unwrap().success());
}

fn skiff(env: &TestEnvironment, words: &[&str]) {
    run(&mut env.command(words));
}

fn build(bench: &mut Criterion) {
    let env = environment(LAYOUT, &FILES);
    let image = env.path("skiff.img").display().to_string();
    let words = ["-c", "my/board", "cmd", "my/board", "buildimage", "--force", "--size", "1500MiB", "--output", &image];
    let mut group = bench.benchmark_group("build an image of 240 MB");
    group.sample_size(10);
    group.bench_function("skiff", |bench| bench.iter(|| skiff(&env, &words)));
    group.bench_function("genimage", |bench| {
        bench.iter(|| {
            let mut genimage = Command::new("genimage");
            genimage.args(["--config", "genimage.cfg", "--rootpath", "images/", "--inputpath", "input"]);
            genimage.args(["--outputpath", "output", "--tmppath", "tmp"]).current_dir(env.path(""));
            for folder in ["input", "tmp"] {
                let _ = fs::remove_dir_all(env.path(folder));
                fs::create_dir(env.path(folder)).unwrap();
            }
            run(&mut genimage);
        });
    });
    group.bench_function("loop devices", |bench| {
        bench.iter(|| {
            let _ = fs::remove_file(env.path("loop.img"));
            run(Command::new("sh").args(["-c", LOOP]).current_dir(env.path("")));
        });
    });
}

/// A loop device over a new file.
struct Device(String);

impl Device {
    fn new(env: &TestEnvironment) -> Self {
        let file = env.path("device");
        let _ = fs::remove_file(&file);
        fs::File::create(&file).unwrap().set_len(1600 << 20).unwrap();
        let output = Command::new("losetup").args(["--find", "--show"]).arg(&file).output().unwrap();
        Self(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["--detach", &self.0]).status();
    }
}

fn write(bench: &mut Criterion) {
    let env = environment(LAYOUT, &FILES);
    let image = env.path("skiff.img").display().to_string();
    skiff(&env, &["-c", "my/board", "cmd", "my/board", "buildimage", "--size", "1500MiB", "--output", &image]);
    let mut group = bench.benchmark_group("write it to a loop device");
    group.sample_size(10);
    let flash = |device: Device, more: &[&str]| {
        let word = device.0.rsplit('/').next().unwrap().to_owned();
        skiff(&env, &[&["flash", &image, &device.0, "--confirm", &word], more].concat());
    };
    group.bench_function("skiff --no-verify", |bench| {
        bench.iter_batched(|| Device::new(&env), |device| flash(device, &["--no-verify"]), BatchSize::PerIteration);
    });
    group.bench_function("bmaptool", |bench| {
        bench.iter_batched(
            || Device::new(&env),
            |device| run(Command::new("bmaptool").args(["copy", &image, &device.0])),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("skiff, verified", |bench| {
        bench.iter_batched(|| Device::new(&env), |device| flash(device, &[]), BatchSize::PerIteration);
    });
}

/// Files with long names in one directory of FAT: `overlays/` of a Raspberry Pi has hundreds.
const NAMES: usize = 3000;

const NAMES_LAYOUT: &str = "\
table: gpt
partitions:
  BOOT: {type: esp, format: vfat, copy_files: [{source: images/names/, target: /}]}
";

const MCOPY: &str = "\
set -eu
rm -f names.img
truncate -s 298M names.img
mkfs.vfat -F 32 names.img
mcopy -s -i names.img images/names/* ::
";

fn names(bench: &mut Criterion) {
    let env = environment(NAMES_LAYOUT, &[]);
    let folder = env.path("images/names/overlays");
    fs::create_dir_all(&folder).unwrap();
    for number in 1..=NAMES {
        fs::write(folder.join(format!("overlay-with-a-long-name-number-{number}.dtbo")), number.to_string()).unwrap();
    }
    let image = env.path("skiff.img").display().to_string();
    let words = ["-c", "my/board", "cmd", "my/board", "buildimage", "--force", "--size", "300MiB", "--output", &image];
    let mut group = bench.benchmark_group("3,000 long names on FAT");
    group.sample_size(10);
    let (mut own, mut others) = (0.0, 0.0);
    group.bench_function("skiff, the whole image", |bench| {
        bench.iter_custom(|count| timed(count, &mut own, || skiff(&env, &words)));
    });
    group.bench_function("mkfs.vfat and mcopy", |bench| {
        bench.iter_custom(|count| {
            timed(count, &mut others, || {
                run(Command::new("sh").args(["-c", MCOPY]).current_dir(env.path("")));
            })
        });
    });
    group.finish();
    println!("3,000 long names on FAT: skiff takes {:.2} times as long as mkfs.vfat and mcopy", own / others);
}

/// Measures `count` calls, and keeps the time of one in seconds.
fn timed(count: u64, one: &mut f64, mut call: impl FnMut()) -> Duration {
    let start = Instant::now();
    (0..count).for_each(|_| call());
    let whole = start.elapsed();
    *one = whole.as_secs_f64() / count as f64;
    whole
}

criterion_group!(benches, build, write, names);
criterion_main!(benches);
