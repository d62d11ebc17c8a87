//! Runs a declared tool with a path, a number and the user's own words, and shows what the tool printed.

use skiff_sdk::{Arguments, Command, Level, Result, Tool};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, _: &Arguments) -> Result<u8> {
        std::fs::write("/state/a-file+with@odd.chars", "inside")
            .map_err(|error| skiff_sdk::Failure::io("/state", &error))?;
        let outcome =
            Tool::new("head").args(["-c", "6"]).path("/state/a-file+with@odd.chars").given("words").run(None)?;
        let text = String::from_utf8_lossy(&outcome.stdout).into_owned();
        skiff_sdk::log(Level::Info, format!("status {}: {text}", outcome.status));
        Ok(outcome.status)
    }
}
