//! The `post` hook of boards: puts files of the layer among the images.
//!
//! The setting `copy` lists files, each with where it comes from in the layer's `resources`, where it goes among the
//! images, and the folder without which it is left out; `remove` lists files of the images that go.

use std::fs;
use std::io;

use serde::Deserialize;
use skiff_sdk::Failure;
use skiff_sdk::Hook;
use skiff_sdk::Level;
use skiff_sdk::Result;
use skiff_sdk::Stage;
use skiff_sdk::Tree;
use skiff_sdk::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    copy: Vec<Copy>,
    #[serde(default)]
    remove: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Copy {
    from: String,
    to: String,
    /// Copied only where this folder is there.
    #[serde(default)]
    only_with: Option<String>,
}

struct BootFiles;

skiff_sdk::export_hook!(BootFiles);

impl Hook for BootFiles {
    fn run(_: Stage) -> Result<()> {
        let Settings { copy, remove } = json::settings()?;
        let (resources, images) = (Tree::open("/layer/resources")?, Tree::open("/images")?);
        for Copy { from, to, only_with } in copy {
            let is_there = |folder: &String| skiff_sdk::path("/images").join(folder).is_dir();
            if only_with.as_ref().is_none_or(is_there) {
                images.put(&resources.blob(&from)?, &to)?;
                skiff_sdk::log(Level::Info, format!("{to} is that of the layer"));
            }
        }
        for file in remove {
            match fs::remove_file(skiff_sdk::path("/images").join(&file)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Failure::io(file, &error)),
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use skiff_sdk::testing::Host;

    use super::*;

    #[test]
    fn files_go_where_they_belong() {
        let host = Host::new()
            .settings(
                r#"{"copy": [{"from": "a.conf", "to": "boot/a.conf"},
                             {"from": "grub.cfg", "to": "efi/grub.cfg", "only_with": "efi"},
                             {"from": "grub.cfg", "to": "other/grub.cfg", "only_with": "other"}],
                    "remove": ["efi/BOOT.CSV", "not-there"]}"#,
            )
            .file("/layer/resources/a.conf", "a")
            .file("/layer/resources/grub.cfg", "grub")
            .file("/images/efi/BOOT.CSV", "x");
        BootFiles::run(Stage::Post).unwrap();
        assert_eq!((host.read("/images/boot/a.conf"), host.read("/images/efi/grub.cfg")), ("a".into(), "grub".into()));
        assert!(!skiff_sdk::path("/images/other").exists() && !skiff_sdk::path("/images/efi/BOOT.CSV").exists());
    }

    #[test]
    fn a_file_that_the_layer_lacks_is_named() {
        let _host = Host::new()
            .settings(r#"{"copy": [{"from": "a.conf", "to": "a"}]}"#)
            .folder("/layer/resources")
            .folder("/images");
        assert!(BootFiles::run(Stage::Post).unwrap_err().to_string().contains("/layer/resources/a.conf"));
    }
}
