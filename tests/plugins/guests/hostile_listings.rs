//! Lists a directory of many long names again and again, and closes no listing unless it is told to.

use skiff_sdk::{Arguments, Command, Failure, Result};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, arguments: &Arguments) -> Result<u8> {
        let failed = |error: std::io::Error| Failure::io("/state", &error);
        let long = "n".repeat(200);
        for number in 0..1000 {
            std::fs::write(format!("/state/{long}{number}"), "").map_err(failed)?;
        }
        for _ in 0..100 {
            let listing = std::fs::read_dir("/state").map_err(failed)?;
            match arguments.text("text") {
                Some("closed") => drop(listing),
                _ => std::mem::forget(listing),
            }
        }
        Ok(0)
    }
}
