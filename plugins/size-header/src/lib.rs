//! The `post` hook of boards whose boot ROM wants to know how much to load: writes a boot loader behind its own size, four
//! bytes, the lowest first (the StarFive JH7100 of the VisionFive reads it so).

use std::fs;

use serde::Deserialize;
use skiff_sdk::Failure;
use skiff_sdk::FailureCode;
use skiff_sdk::Hook;
use skiff_sdk::Level;
use skiff_sdk::Result;
use skiff_sdk::Stage;
use skiff_sdk::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The boot loader among the images, and what it becomes.
    from: String,
    to: String,
}

struct SizeHeader;

skiff_sdk::export_hook!(SizeHeader);

impl Hook for SizeHeader {
    fn run(_: Stage) -> Result<()> {
        let Settings { from, to } = json::settings()?;
        let (from, to) = (format!("/images/{from}"), format!("/images/{to}"));
        let loader = fs::read(skiff_sdk::path(&from)).map_err(|error| Failure::io(&from, &error))?;
        fs::write(skiff_sdk::path(&to), with_size(&loader)?).map_err(|error| Failure::io(&to, &error))?;
        skiff_sdk::log(Level::Info, format!("{to}: {} bytes behind their size", loader.len()));
        Ok(())
    }
}

fn with_size(loader: &[u8]) -> Result<Vec<u8>> {
    let size = u32::try_from(loader.len())
        .map_err(|_| Failure::new(FailureCode::Invalid, "a boot loader has less than 4 GiB"))?;
    Ok([&size.to_le_bytes(), loader].concat())
}

#[cfg(test)]
mod tests {
    use skiff_sdk::testing::Host;

    use super::*;

    #[test]
    fn the_size_goes_first() {
        let _host = Host::new()
            .settings(r#"{"from": "fw_payload.bin", "to": "fw_payload.bin.out"}"#)
            .file("/images/fw_payload.bin", vec![7; 0x0102]);
        SizeHeader::run(Stage::Post).unwrap();
        let made = fs::read(skiff_sdk::path("/images/fw_payload.bin.out")).unwrap();
        assert_eq!((&made[..5], made.len()), (&[2, 1, 0, 0, 7][..], 0x0106));
    }
}
