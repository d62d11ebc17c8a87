//! The hook of the plugin.

use std::fs;

use skiff_sdk::{Failure, Hook, Level, Result, Stage};

struct Plugin;
skiff_sdk::export_hook!(Plugin);

impl Hook for Plugin {
    fn run(_: Stage) -> Result<()> {
        let path = "/target/etc/hello";
        fs::write(skiff_sdk::path(path), "Ahoy.\n").map_err(|error| Failure::io(path, &error))?;
        skiff_sdk::log(Level::Info, "said hello");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_written() {
        let host = skiff_sdk::testing::Host::new().folder("/target/etc");
        Plugin::run(Stage::Pre).unwrap();
        assert_eq!(host.read("/target/etc/hello"), "Ahoy.\n");
    }
}
