//! Runs a tool and says what came of it.

use skiff_sdk::{Arguments, Command, Level, Result, Tool};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, arguments: &Arguments) -> Result<u8> {
        let outcome = Tool::new(arguments.text("text").unwrap_or("none")).run(Some(2000))?;
        let text = String::from_utf8_lossy(&outcome.stdout).chars().take(2000).collect::<String>();
        skiff_sdk::log(
            Level::Info,
            format!("{} bytes, truncated {}, timed out {}", outcome.stdout.len(), outcome.truncated, outcome.timed_out),
        );
        skiff_sdk::log(Level::Info, text);
        Ok(outcome.status)
    }
}
