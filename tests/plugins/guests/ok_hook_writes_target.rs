//! Writes a file that tells what it sees, as a hook at both stages.

use std::fs;

use skiff_sdk::{ConfigKind, Failure, Hook, Level, Progress, Result, Stage};

struct Guest;
skiff_sdk::export_hook!(Guest);

impl Hook for Guest {
    fn run(stage: Stage) -> Result<()> {
        let progress = Progress::start("writing", Some(1));
        let layers: Vec<String> = skiff_sdk::layers().into_iter().map(|layer| layer.name).collect();
        let symbols = skiff_sdk::symbols(ConfigKind::Buildroot, &["BR2_x86_64", "BR2_NOWHERE"]);
        let text = format!("{stage:?}\n{}\n{symbols:?}\n{}\n", layers.join(" "), skiff_sdk::target().hostname);
        fs::write("/target/etc/guest", text).map_err(|error| Failure::io("/target/etc/guest", &error))?;
        skiff_sdk::log(Level::Info, "written");
        progress.advance(1);
        Ok(())
    }
}
