//! Prints its arguments and ends with the status that it was given.

use skiff_sdk::{Arguments, Command, Level, Result};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(command: &str, arguments: &Arguments) -> Result<u8> {
        let status = arguments.number("status").unwrap_or(0);
        let text = format!(
            "{command} text={:?} choice={:?} flag={} words={:?} status={status}",
            arguments.text("text"),
            arguments.text("choice"),
            arguments.flag("flag"),
            arguments.words("words"),
        );
        println!("to stdout");
        skiff_sdk::log(Level::Info, text);
        Ok(u8::try_from(status).unwrap_or(1))
    }
}
