//! Sleeps for an hour inside a call of the host.

use skiff_sdk::{Arguments, Command, Result};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, _: &Arguments) -> Result<u8> {
        std::thread::sleep(std::time::Duration::from_secs(3600));
        Ok(0)
    }
}
