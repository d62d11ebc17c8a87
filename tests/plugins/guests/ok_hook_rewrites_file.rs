//! A typical hook: asks for a symbol, reads a file, writes another, says so.

use std::fs;

use skiff_sdk::{ConfigKind, Failure, Hook, Level, Result, Stage};

struct Guest;
skiff_sdk::export_hook!(Guest);

impl Hook for Guest {
    fn run(_: Stage) -> Result<()> {
        let [name] = &skiff_sdk::symbols(ConfigKind::Buildroot, &["BR2_TARGET_GENERIC_HOSTNAME"])[..] else {
            unreachable!("one name, one value")
        };
        let name = name.as_deref().unwrap_or("\"nobody\"").trim_matches('"');
        let text = fs::read_to_string("/target/etc/in").map_err(|error| Failure::io("/target/etc/in", &error))?;
        fs::write("/target/etc/out", text.replace("HOSTNAME", name))
            .map_err(|error| Failure::io("/target/etc/out", &error))?;
        skiff_sdk::log(Level::Info, "rewritten");
        Ok(())
    }
}
