//! Calls the host again and again, each time for something cheap.

use skiff_sdk::{Arguments, Command, Result};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, _: &Arguments) -> Result<u8> {
        while !skiff_sdk::cancelled() {
            std::hint::black_box(skiff_sdk::target());
        }
        Ok(0)
    }
}
