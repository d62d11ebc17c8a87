//! One component with a hook and a command.

use skiff_sdk::{Arguments, Command, Hook, Level, Result, Stage};

struct Guest;
skiff_sdk::export_hook!(Guest);
skiff_sdk::export_command!(Guest);

impl Hook for Guest {
    fn run(_: Stage) -> Result<()> {
        skiff_sdk::log(Level::Info, "as a hook");
        Ok(())
    }
}

impl Command for Guest {
    fn invoke(_: &str, _: &Arguments) -> Result<u8> {
        skiff_sdk::log(Level::Info, "as a command");
        Ok(0)
    }
}
