//! The `post` hook of boards that start from an initial RAM disk: packs `skiff-init`, which finds the root file system and
//! starts it, and wraps the result for U-Boot.

use std::fs;
use std::io;

use serde::Deserialize;
use skiff_sdk::Archive;
use skiff_sdk::Compression;
use skiff_sdk::Failure;
use skiff_sdk::FailureCode;
use skiff_sdk::Hook;
use skiff_sdk::Level;
use skiff_sdk::Result;
use skiff_sdk::Stage;
use skiff_sdk::Tool;
use skiff_sdk::Tree;
use skiff_sdk::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The architecture as U-Boot names it: `arm`, `arm64`.
    arch: String,
}

/// Where the RAM disk is put together.
const ROOT: &str = "/state/initrd";
const PACKED: &str = "initrd.cpio.gz";
const OUT: &str = "/images/skiff-init.img";

struct SkiffInitrd;

skiff_sdk::export_hook!(SkiffInitrd);

impl Hook for SkiffInitrd {
    fn run(_: Stage) -> Result<()> {
        let Settings { arch } = json::settings()?;
        match fs::remove_dir_all(skiff_sdk::path(ROOT)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Failure::io(ROOT, &error)),
            _ => {}
        }
        for folder in ["bin", "boot", "dev", "etc", "lib", "mnt", "proc", "sbin", "sys", "tmp", "var"] {
            let path = format!("{ROOT}/{folder}");
            fs::create_dir_all(skiff_sdk::path(&path)).map_err(|error| Failure::io(path, &error))?;
        }
        let (root, state) = (Tree::open(ROOT)?, Tree::open("/state")?);
        root.copy(&Tree::open("/images")?, "skiff-init", "boot/skiff-init")?;
        root.link("sbin/init", "/boot/skiff-init/skiff-init-squashfs")?;
        root.link("init", "sbin/init")?;
        let packed = state.pack(&root, "", Archive::Cpio, Compression::Gzip, PACKED)?;
        wrap(&arch)?;
        skiff_sdk::log(Level::Info, format!("skiff-init.img: {} entries", packed.entries));
        Ok(())
    }
}

/// Puts U-Boot's header in front.
fn wrap(arch: &str) -> Result<()> {
    let mkimage = Tool::new("mkimage").args(["-n", "skiff-init", "-A", arch, "-T", "ramdisk", "-C", "gzip"]);
    let outcome = mkimage.args(["-d"]).path(format!("/state/{PACKED}")).path(OUT).run(None)?;
    match outcome.status {
        0 => Ok(()),
        _ => {
            let said = String::from_utf8_lossy(&outcome.stderr).trim().to_owned();
            Err(Failure::new(FailureCode::Tool, format!("mkimage has failed: {said}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use skiff_sdk::Outcome;
    use skiff_sdk::testing::Host;

    use super::*;

    #[test]
    fn the_disk_is_put_together_before_it_is_packed() {
        let host = Host::new()
            .settings(r#"{"arch": "arm"}"#)
            .folder("/state")
            .file("/images/skiff-init/skiff-init-squashfs", "init");
        assert!(SkiffInitrd::run(Stage::Post).unwrap_err().to_string().contains("packing is not there"));
        assert_eq!(host.read("/state/initrd/boot/skiff-init/skiff-init-squashfs"), "init");
        let init = fs::read_link(skiff_sdk::path("/state/initrd/sbin/init")).unwrap();
        assert_eq!(init, std::path::Path::new("/boot/skiff-init/skiff-init-squashfs"));
    }

    #[test]
    fn a_tool_that_fails_is_told_of() {
        let outcome =
            Outcome { status: 1, stdout: Vec::new(), stderr: b"no".to_vec(), truncated: false, timed_out: false };
        let host = Host::new().tool("mkimage", outcome);
        assert!(wrap("arm").unwrap_err().to_string().contains("mkimage has failed: no"));
        let call = "mkimage -n skiff-init -A arm -T ramdisk -C gzip -d /state/initrd.cpio.gz /images/skiff-init.img";
        assert_eq!(host.calls(), [call]);
    }
}
