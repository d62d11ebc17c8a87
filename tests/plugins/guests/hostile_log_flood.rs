//! Says too much, with control sequences, and starts tasks without end.

use skiff_sdk::{Arguments, Command, Level, Progress, Result};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, arguments: &Arguments) -> Result<u8> {
        skiff_sdk::log(Level::Info, "\x1b]0;owned\x07\x1b[2Jerror: forged\rover");
        for _ in 0..100_000 {
            skiff_sdk::log(Level::Info, "flood".repeat(100));
        }
        if arguments.flag("flag") {
            let tasks: Vec<Progress> = (0..1_000_000).map(|_| Progress::start("task", None)).collect();
            return Ok(u8::try_from(tasks.len()).unwrap_or(0));
        }
        Ok(0)
    }
}
