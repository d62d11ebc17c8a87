//! The `post` hook of boards with a Rockchip processor: `idbloader.img`, which the boot ROM loads, from U-Boot's first two
//! stages. In pure Rust: no `mkimage` is needed.

mod rksd;

use std::fs;

use serde::Deserialize;
use skiff_sdk::Failure;
use skiff_sdk::Hook;
use skiff_sdk::Level;
use skiff_sdk::Result;
use skiff_sdk::Stage;
use skiff_sdk::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// What the boot ROM of the processor looks for: `RK32` on an RK3328.
    tag: String,
    /// The stage that sets up the memory, among the images.
    tpl: String,
    /// The stage behind it.
    spl: String,
}

struct Idbloader;

skiff_sdk::export_hook!(Idbloader);

const OUT: &str = "/images/idbloader.img";

impl Hook for Idbloader {
    fn run(_: Stage) -> Result<()> {
        let Settings { tag, tpl, spl } = json::settings()?;
        let read = |name: &str| {
            let path = format!("/images/{name}");
            fs::read(skiff_sdk::path(&path)).map_err(|error| Failure::io(path, &error))
        };
        let mut image = rksd::image(&tag, &read(&tpl)?)?;
        image.extend(read(&spl)?);
        fs::write(skiff_sdk::path(OUT), &image).map_err(|error| Failure::io(OUT, &error))?;
        skiff_sdk::log(Level::Info, format!("idbloader.img: {} bytes", image.len()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use skiff_sdk::testing::Host;

    use super::*;

    #[test]
    fn both_stages_are_in_the_image() {
        let _host = Host::new()
            .settings(r#"{"tag": "RK32", "tpl": "u-boot-tpl.bin", "spl": "u-boot-spl.bin"}"#)
            .file("/images/u-boot-tpl.bin", vec![1; 3000])
            .file("/images/u-boot-spl.bin", vec![2; 100]);
        Idbloader::run(Stage::Post).unwrap();
        let image = fs::read(skiff_sdk::path(OUT)).unwrap();
        assert_eq!(image.len(), 2048 + 4096 + 100);
        assert_eq!(image.last(), Some(&2));
    }
}
