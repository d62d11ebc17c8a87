//! The hooks of `virt/wsl`: a target that WSL can start, and the archive that `wsl --import` takes.

use std::fs;
use std::io;
use std::path::Path;

use skiff_sdk::Archive;
use skiff_sdk::Compression;
use skiff_sdk::Failure;
use skiff_sdk::Hook;
use skiff_sdk::Level;
use skiff_sdk::Result;
use skiff_sdk::Stage;
use skiff_sdk::Tree;

/// Where the contents of the archive are gathered.
const ROOT: &str = "/state/root";
const ARCHIVE: &str = "skiffos.tar.gz";

/// Units that make no sense under WSL, wherever they are wanted.
const UNWANTED: [&str; 6] = [
    "systemd-binfmt.service",
    "systemd-timesyncd.service",
    "systemd-modules-load.service",
    "wpa_supplicant.service",
    "rdisc.service",
    "systemd-remount-fs.service",
];

/// Programs of the Busybox that starts the system.
const APPLETS: [&str; 11] =
    ["blkid", "dmesg", "id", "mount", "nsenter", "poweroff", "reboot", "sh", "su", "unshare", "whoami"];

struct WslTarball;

skiff_sdk::export_hook!(WslTarball);

impl Hook for WslTarball {
    fn run(stage: Stage) -> Result<()> {
        match stage {
            Stage::Pre => prepare(),
            Stage::Post => pack(),
        }
    }
}

/// Takes units out of the target that would only fail, and gives it the shell that WSL starts.
fn prepare() -> Result<()> {
    let mut count = 0;
    for folder in ["/target/etc/systemd/system", "/target/lib/systemd/system", "/target/usr/lib/systemd/system"] {
        count += remove_units(&skiff_sdk::path(folder), false)?;
    }
    skiff_sdk::log(Level::Info, format!("units removed: {count}"));
    // `bin` may be a link to `usr/bin`; both ways lead to the same file.
    Tree::open("/target")?.link("usr/bin/wsl-shell", "/bin/bash")
}

fn remove_units(folder: &Path, wants: bool) -> Result<usize> {
    let failed = |error: io::Error| Failure::io(folder, &error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(failed(error)),
    };
    let mut count = 0;
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_folder = entry.file_type().map_err(failed)?.is_dir();
        if is_folder {
            count += remove_units(&entry.path(), name.ends_with(".wants"))?;
        } else if UNWANTED.contains(&name.as_str()) || wants && name.contains("swapon") {
            fs::remove_file(entry.path()).map_err(failed)?;
            count += 1;
        }
    }
    Ok(count)
}

/// Gathers the root file system that WSL sees, and packs it.
fn pack() -> Result<()> {
    match fs::remove_dir_all(skiff_sdk::path(ROOT)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Failure::io(ROOT, &error)),
        _ => {}
    }
    for folder in ["bin", "boot/skiff-init", "etc", "root", "rootfs", "sbin", "tmp"] {
        let path = format!("{ROOT}/{folder}");
        fs::create_dir_all(skiff_sdk::path(&path)).map_err(|error| Failure::io(path, &error))?;
    }
    let (root, images) = (Tree::open(ROOT)?, Tree::open("/images")?);
    for (part, to) in [("rootfs_part", "rootfs"), ("persist_part", "")] {
        if skiff_sdk::path("/images").join(part).is_dir() {
            root.copy(&images, part, to)?;
        }
    }
    root.copy(&images, "skiff-init", "boot/skiff-init")?;
    for file in ["skiff-release", "rootfs.squashfs"] {
        root.put(&images.blob(file)?, &format!("boot/{file}"))?;
    }
    programs(&root, &images)?;
    // WSL takes the name for compression that is not there as well as for one that is.
    let packed = images.pack(&root, "", Archive::Tar, Compression::Gzip, ARCHIVE)?;
    skiff_sdk::log(
        Level::Info,
        format!("{ARCHIVE}: {} files; wsl.exe --import SkiffOS C:\\SkiffOS {ARCHIVE}", packed.entries),
    );
    Ok(())
}

/// Puts the programs that start the system where WSL looks for them.
fn programs(root: &Tree, images: &Tree) -> Result<()> {
    root.put(&images.blob("skiff-init/busybox")?, "bin/busybox")?;
    root.set_mode("bin/busybox", 0o755)?;
    for applet in APPLETS {
        root.link(&format!("bin/{applet}"), "./busybox")?;
    }
    let shell = match images.blob("skiff-init/wsl-shell") {
        Ok(shell) => {
            root.put(&shell, "bin/wsl-shell")?;
            root.set_mode("bin/wsl-shell", 0o755)?;
            "/bin/wsl-shell"
        }
        Err(_) => "/bin/sh",
    };
    for name in ["busybox", "wsl-shell"] {
        let path = format!("{ROOT}/boot/skiff-init/{name}");
        match fs::remove_file(skiff_sdk::path(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Failure::io(path, &error)),
            _ => {}
        }
    }
    for (name, text) in [
        ("fstab", String::new()),
        ("group", "root:x:0:root\n".to_owned()),
        ("passwd", format!("root:x:0:0:root:/root:{shell}\n")),
    ] {
        let path = format!("{ROOT}/etc/{name}");
        fs::write(skiff_sdk::path(&path), text).map_err(|error| Failure::io(path, &error))?;
    }
    root.put(&Tree::open("/layer/resources")?.blob("wsl.conf")?, "etc/wsl.conf").map(drop)
}

#[cfg(test)]
mod tests {
    use skiff_sdk::testing::Host;

    use super::*;

    #[test]
    fn units_that_would_fail_are_gone_and_the_others_are_there() {
        let _host = Host::new()
            .file("/target/etc/systemd/system/basic.target.wants/systemd-timesyncd.service", "x")
            .file("/target/usr/lib/systemd/system/swap.target.wants/dev-swapon.service", "x")
            .file("/target/usr/lib/systemd/system/swapon.service", "x");
        WslTarball::run(Stage::Pre).unwrap();
        let is_there = |path: &str| skiff_sdk::path(path).exists();
        assert!(!is_there("/target/etc/systemd/system/basic.target.wants/systemd-timesyncd.service"));
        assert!(!is_there("/target/usr/lib/systemd/system/swap.target.wants/dev-swapon.service"));
        assert!(is_there("/target/usr/lib/systemd/system/swapon.service"));
    }

    #[test]
    fn everything_is_gathered_before_it_is_packed() {
        let host = Host::new()
            .folder("/state")
            .file("/layer/resources/wsl.conf", "[interop]\n")
            .file("/images/skiff-init/busybox", "busybox")
            .file("/images/skiff-init/skiff-init-squashfs", "init")
            .file("/images/skiff-init/wsl-shell", "shell")
            .file("/images/persist_part/etc/extra", "extra")
            .file("/images/skiff-release", "NAME=skiff")
            .file("/images/rootfs.squashfs", "root");
        // Packing is the host's.
        assert!(WslTarball::run(Stage::Post).unwrap_err().to_string().contains("packing is not there"));
        assert_eq!(host.read("/state/root/etc/passwd"), "root:x:0:0:root:/root:/bin/wsl-shell\n");
        assert_eq!(host.read("/state/root/bin/busybox"), "busybox");
        assert_eq!(host.read("/state/root/etc/extra"), "extra");
        assert_eq!(host.read("/state/root/boot/skiff-init/skiff-init-squashfs"), "init");
        assert!(!skiff_sdk::path("/state/root/boot/skiff-init/busybox").exists());
    }
}
