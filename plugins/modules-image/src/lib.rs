//! The `pre` hook of `skiff/moduleimg`: the kernel's modules go into `rootfs_part/modules.squashfs`, which the running system
//! mounts, and out of the root file system.

use std::fs;
use std::io;

use skiff_sdk::ConfigKind;
use skiff_sdk::Failure;
use skiff_sdk::FailureCode;
use skiff_sdk::Hook;
use skiff_sdk::Level;
use skiff_sdk::Result;
use skiff_sdk::Stage;
use skiff_sdk::Tool;
use skiff_sdk::Tree;

const MODULES: &str = "/target/usr/lib/modules";
const NOTE: &str = "The image with the modules is mounted here, from the partition of the root file system.\n";

/// Where the contents of the image are gathered.
const GATHERED: &str = "/state/modules";

const IMAGE: &str = "rootfs_part/modules.squashfs";

struct ModulesImage;

skiff_sdk::export_hook!(ModulesImage);

impl Hook for ModulesImage {
    fn run(_: Stage) -> Result<()> {
        let kernel = skiff_sdk::symbols(ConfigKind::Buildroot, &["BR2_LINUX_KERNEL"]).pop().flatten();
        if kernel.as_deref() != Some("y") || !skiff_sdk::path(MODULES).is_dir() {
            skiff_sdk::log(Level::Info, "no kernel is built, so there are no modules");
            return Ok(());
        }
        gather()?;
        fs::create_dir_all(skiff_sdk::path("/images/rootfs_part")).map_err(|error| Failure::io("/images", &error))?;
        let squash = Tool::new("mksquashfs").path(GATHERED).path(format!("/images/{IMAGE}"));
        let outcome = squash.args(["-noappend", "-all-root", "-no-progress"]).run(None)?;
        if outcome.status != 0 {
            let said = String::from_utf8_lossy(&outcome.stderr).trim().to_owned();
            return Err(Failure::new(FailureCode::Tool, format!("mksquashfs has failed: {said}")));
        }
        empty(MODULES)?;
        let note = format!("{MODULES}/MOUNTPOINT");
        fs::write(skiff_sdk::path(&note), NOTE).map_err(|error| Failure::io(note, &error))?;
        empty(GATHERED)?;
        skiff_sdk::log(Level::Info, format!("the modules are in {IMAGE}"));
        Ok(())
    }
}

/// Copies what belongs into the image: the modules, and what says which build they are of.
fn gather() -> Result<()> {
    empty(GATHERED)?;
    let (state, modules) = (Tree::open("/state")?, Tree::open(MODULES)?);
    // Before the hook has run there is more in the folder than the note that it leaves.
    state.copy(&modules, "", "modules")?;
    let etc = Tree::open("/target/etc")?;
    for name in ["skiff-release", "buildroot-release"] {
        if let Ok(release) = etc.blob(name) {
            state.put(&release, &format!("modules/{name}"))?;
        }
    }
    Ok(())
}

/// Removes everything in a folder.
fn empty(folder: &str) -> Result<()> {
    let path = skiff_sdk::path(folder);
    let removed = match fs::remove_dir_all(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    };
    removed.and_then(|()| fs::create_dir_all(&path)).map_err(|error| Failure::io(folder, &error))
}

#[cfg(test)]
mod tests {
    use skiff_sdk::Outcome;
    use skiff_sdk::testing::Host;

    use super::*;

    fn done(status: u8) -> Outcome {
        Outcome { status, stdout: Vec::new(), stderr: b"no room".to_vec(), truncated: false, timed_out: false }
    }

    fn host() -> Host {
        Host::new()
            .symbol(ConfigKind::Buildroot, "BR2_LINUX_KERNEL", "y")
            .file("/target/usr/lib/modules/6.1.0/kernel/fs/ext4.ko", "module")
            .file("/target/etc/skiff-release", "NAME=skiff")
            .folder("/state")
            .folder("/images")
    }

    #[test]
    fn the_modules_move_into_the_image() {
        let host = host().tool("mksquashfs", done(0));
        ModulesImage::run(Stage::Pre).unwrap();
        let call = "mksquashfs /state/modules /images/rootfs_part/modules.squashfs -noappend -all-root -no-progress";
        assert_eq!(host.calls(), [call]);
        assert!(!skiff_sdk::path("/target/usr/lib/modules/6.1.0").exists());
        assert_eq!(host.read("/target/usr/lib/modules/MOUNTPOINT"), NOTE);
    }

    #[test]
    fn when_the_tool_fails_the_modules_stay() {
        let host = host().tool("mksquashfs", done(1));
        assert!(ModulesImage::run(Stage::Pre).unwrap_err().to_string().contains("no room"));
        assert_eq!(host.read("/target/usr/lib/modules/6.1.0/kernel/fs/ext4.ko"), "module");
    }

    #[test]
    fn without_a_kernel_there_is_nothing_to_do() {
        let host = Host::new();
        ModulesImage::run(Stage::Pre).unwrap();
        assert!(host.calls().is_empty());
    }
}
