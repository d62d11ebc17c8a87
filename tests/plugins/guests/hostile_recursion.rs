//! Calls itself without end.

use skiff_sdk::{Arguments, Command, Result};

struct Guest;
skiff_sdk::export_command!(Guest);

fn down(depth: u64) -> u64 {
    if depth == u64::MAX {
        return 0;
    }
    let array = std::hint::black_box([depth; 64]);
    down(depth + 1) + array[7]
}

impl Command for Guest {
    fn invoke(_: &str, _: &Arguments) -> Result<u8> {
        Ok(u8::try_from(down(0)).unwrap_or(0))
    }
}
