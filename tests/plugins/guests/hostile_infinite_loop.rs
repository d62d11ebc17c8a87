//! Never ends.

use skiff_sdk::{Arguments, Command, Result};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, _: &Arguments) -> Result<u8> {
        let mut number = 0_u64;
        loop {
            number = std::hint::black_box(number.wrapping_add(1));
        }
    }
}
