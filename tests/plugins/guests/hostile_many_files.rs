//! Makes empty files until it is stopped.

use skiff_sdk::{Arguments, Command, Result};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, _: &Arguments) -> Result<u8> {
        for number in 0_u64.. {
            let _ = std::fs::write(format!("/state/{number}"), "");
        }
        Ok(0)
    }
}
