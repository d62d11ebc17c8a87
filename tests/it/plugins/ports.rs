//! The hooks that SkiffOS has as scripts, as the components that are committed beside their layers, on files and with
//! tools that are real.

use std::path::Path;
use std::process::Command;

use super::*;

/// The committed layer, in a directory of the test, with a case whose files are `before`.
struct Port {
    env: TestEnvironment,
    layer: &'static str,
    plugin: &'static str,
}

impl Port {
    fn new(layer: &'static str, plugin: &'static str, before: &[(&str, &[u8])]) -> Self {
        let env = environment();
        let copied = Command::new("cp")
            .args(["-rT"])
            .arg(TestEnvironment::checkout().join("configs").join(layer))
            .arg({
                let place = env.path("layers").join(layer);
                fs::create_dir_all(&place).unwrap();
                place
            })
            .status();
        assert!(copied.unwrap().success());
        let port = Self { env, layer, plugin };
        port.env.write(&format!("layers/{layer}/plugins/{plugin}/x.c"), "");
        // In a copy of the layer the grants that are shipped do not hold. A plugin that it uses lies elsewhere.
        if port.env.path(&format!("layers/{layer}/plugins/{plugin}.wasm")).exists() {
            port.env.succeed(&["grant", "add", "--all", &format!("{layer}/{plugin}")]);
        }
        for (path, bytes) in before {
            port.env.write(&port.case(&format!("before/{path}")), bytes);
        }
        port
    }

    fn case(&self, path: &str) -> String {
        format!("layers/{}/plugins/{}/tests/case/{path}", self.layer, self.plugin)
    }

    /// Runs a stage and returns what it came to.
    fn run(&self, stage: &str, symbols: &str) -> String {
        self.env.write(&self.case("case.yaml"), format!("hook: {stage}\n{symbols}"));
        let plugin = format!("{}/{}", self.layer, self.plugin);
        self.env.succeed(&["plugin", "test", &plugin, "--record", "case"]);
        let played = self.env.succeed(&["plugin", "test", &plugin]).stdout;
        assert!(played.contains("case ok"), "{played}");
        self.env.read(&self.case("case.yaml"))
    }

    fn after(&self, path: &str) -> std::path::PathBuf {
        self.env.path(&self.case(&format!("after/{path}")))
    }

    fn bytes(&self, path: &str) -> Vec<u8> {
        fs::read(self.after(path)).unwrap()
    }
}

fn output(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Bytes that compress badly and differ everywhere.
fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * at / 7 + at * 31) % 251).unwrap()).collect()
}

#[test]
fn an_idbloader_is_what_mkimage_makes() {
    for length in [100, 2044, 2045, 5000, 28_668] {
        let (tpl, spl) = (noise(length), noise(77));
        let before = [("images/u-boot-tpl.bin", &tpl[..]), ("images/u-boot-spl.bin", &spl[..])];
        let port = Port::new("skiff/idbloader", "idbloader", &before);
        port.run("post", "");
        let folder = port.env.path(&port.case("before/images"));
        output("mkimage", &["-n", "rk3328", "-T", "rksd", "-d", "u-boot-tpl.bin", "wanted"], &folder);
        let wanted = [fs::read(folder.join("wanted")).unwrap(), spl].concat();
        assert!(port.bytes("images/idbloader.img") == wanted, "{length}");
    }
}

#[test]
fn the_firmware_of_a_visionfive_has_its_size_in_front() {
    let port = Port::new("skiff/size-header", "size-header", &[("images/fw_payload.bin", &noise(70_000))]);
    port.run("post", "");
    let made = port.bytes("images/fw_payload.bin.out");
    assert_eq!(made[..4], 70_000_u32.to_le_bytes());
    assert!(made[4..] == noise(70_000));
}

#[test]
fn modules_move_into_an_image_that_unsquashfs_reads() {
    let before: [(&str, &[u8]); 3] = [
        ("target/usr/lib/modules/6.1.0/kernel/ext4.ko", &noise(9000)),
        ("target/etc/skiff-release", b"NAME=skiff\n"),
        ("target/etc/other", b"x"),
    ];
    let port = Port::new("skiff/moduleimg", "modules-image", &before);
    port.run("pre", "symbols: {buildroot: {BR2_LINUX_KERNEL: y}}\n");
    assert!(!port.after("target/usr/lib/modules/6.1.0").exists());
    let images = port.after("images/rootfs_part");
    let listed = output("unsquashfs", &["-lln", "modules.squashfs"], &images);
    assert!(listed.contains("squashfs-root/6.1.0/kernel/ext4.ko") && listed.contains("skiff-release"), "{listed}");
    assert!(listed.lines().all(|line| !line.contains("squashfs-root") || line.contains(" 0/0 ")), "{listed}");
    // Without a kernel nothing happens, and no tool is run.
    let port = Port::new("skiff/moduleimg", "modules-image", &before);
    assert!(!port.run("pre", "").contains("tool:"));
}

#[test]
fn a_ram_disk_holds_skiff_init_and_is_known_to_u_boot() {
    let before: [(&str, &[u8]); 2] =
        [("images/skiff-init/skiff-init-squashfs", &noise(3000)), ("images/skiff-init/resize2fs", b"resize")];
    let port = Port::new("skiff/skiff-initrd", "skiff-initrd", &before);
    port.run("post", "");
    let images = port.after("images");
    let said = output("mkimage", &["-l", "skiff-init.img"], &images);
    assert!(said.contains("ARM Linux RAMDisk Image (gzip compressed)"), "{said}");
    // Behind U-Boot's header of 64 bytes.
    let listed = output("sh", &["-c", "tail -c +65 skiff-init.img | gzip -dc | cpio -itv 2>/dev/null"], &images);
    for wanted in
        ["init -> sbin/init", "sbin/init -> /boot/skiff-init/skiff-init-squashfs", "boot/skiff-init/resize2fs"]
    {
        assert!(listed.contains(wanted), "{listed}");
    }
}

#[test]
fn an_archive_for_wsl_holds_what_wsl_needs() {
    let before: [(&str, &[u8]); 5] = [
        ("images/skiff-init/busybox", b"busybox"),
        ("images/skiff-init/skiff-init-squashfs", b"init"),
        ("images/skiff-release", b"NAME=skiff\n"),
        ("images/rootfs.squashfs", &noise(5000)),
        ("images/persist_part/etc/extra", b"extra"),
    ];
    let port = Port::new("virt/wsl", "wsl-tarball", &before);
    port.run("post", "");
    let listed = output("tar", &["-tvzf", "skiffos.tar.gz"], &port.after("images"));
    for wanted in [
        "bin/sh -> ./busybox",
        "boot/rootfs.squashfs",
        "boot/skiff-init/skiff-init-squashfs",
        "etc/wsl.conf",
        "etc/extra",
    ] {
        assert!(listed.contains(wanted), "{wanted}: {listed}");
    }
    assert!(!listed.contains("boot/skiff-init/busybox"), "{listed}");
    assert!(listed.lines().all(|line| line.contains(" 0/0 ") || line.contains("root/root")), "{listed}");
    let before: [(&str, &[u8]); 2] = [
        ("target/etc/systemd/system/basic.target.wants/systemd-timesyncd.service", b"x"),
        ("target/etc/systemd/system/other.service", b"x"),
    ];
    let port = Port::new("virt/wsl", "wsl-tarball", &before);
    port.run("pre", "");
    assert!(!port.after("target/etc/systemd/system/basic.target.wants/systemd-timesyncd.service").exists());
    assert!(port.after("target/etc/systemd/system/other.service").exists());
    assert_eq!(fs::read_link(port.after("target/usr/bin/wsl-shell")).unwrap(), Path::new("/bin/bash"));
}

#[test]
fn a_system_without_serial_console_asks_nobody_there() {
    let cmdline = b"root=/dev/mmcblk0p2 console=tty1 console=ttyAMA0,115200 rootwait\n";
    let before: [(&str, &[u8]); 3] = [
        ("target/usr/lib/systemd/system/serial-getty@.service.d/buildroot-console.conf", b"x"),
        ("target/etc/hostname", b"x"),
        ("images/rpi-firmware/cmdline.txt", cmdline),
    ];
    let port = Port::new("util/noserial", "noserial", &before);
    port.run("pre", "symbols: {buildroot: {BR2_TARGET_GENERIC_GETTY_PORT: '\"ttyAMA0\"'}}\n");
    let unit = port.after("target/etc/systemd/system/serial-getty@ttyAMA0.service");
    assert_eq!(fs::read_link(unit).unwrap(), Path::new("/dev/null"));
    assert!(!port.after("target/usr/lib/systemd/system/serial-getty@.service.d/buildroot-console.conf").exists());
    port.run("post", "");
    assert_eq!(port.bytes("images/rpi-firmware/cmdline.txt"), b"root=/dev/mmcblk0p2 rootwait\n");
}

#[test]
fn boot_files_go_where_the_board_has_them() {
    for (layer, device) in [("pi/0", "/dev/mmcblk0p3"), ("bananapi/common", "/dev/mmcblk0p2")] {
        let port = Port::new(layer, "boot-files", &[]);
        port.run("post", "");
        let text = String::from_utf8(port.bytes("images/skiff-init/resize2fs.conf")).unwrap();
        assert_eq!(text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>(), [device]);
    }
    let before: [(&str, &[u8]); 2] =
        [("images/efi-part/EFI/refind/BOOT.CSV", b"x"), ("images/efi-part/EFI/BOOT/bootx64.efi", b"x")];
    let port = Port::new("intel/desktop", "boot-files", &before);
    port.run("post", "");
    assert!(!port.after("images/efi-part/EFI/refind/BOOT.CSV").exists());
    for (made, of_layer) in [("BOOT/grub.cfg", "grub.cfg"), ("refind/refind.conf", "refind.conf")] {
        let wanted = port.env.read(&format!("layers/intel/desktop/resources/{of_layer}"));
        assert_eq!(port.bytes(&format!("images/efi-part/EFI/{made}")), wanted.as_bytes());
    }
}

#[test]
fn balena_merges_its_configuration_as_docker_does() {
    let port =
        Port::new("apps/balena", "daemon-json", &[("target/etc/balena-engine/daemon.json", b"{\"debug\": true}")]);
    port.env.write(
        &port.case("before/layers/01/resources/balena-engine/daemon.json.d/x.json"),
        "{\"experimental\": false}",
    );
    port.run("pre", "layers: [apps/balena, my/board]\n");
    let merged: serde_json::Value =
        serde_json::from_slice(&port.bytes("target/etc/balena-engine/daemon.json")).unwrap();
    let wanted =
        serde_json::json!({"exec-opts": ["native.cgroupdriver=systemd"], "experimental": false, "debug": true});
    assert_eq!(merged, wanted);
}
