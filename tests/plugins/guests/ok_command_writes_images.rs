//! Changes the images, and then ends well, badly or not at all.

use skiff_sdk::{Arguments, Command, Failure, FailureCode, Result};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, arguments: &Arguments) -> Result<u8> {
        std::fs::write("/images/new", "new").map_err(|error| Failure::io("/images/new", &error))?;
        std::fs::write("/images/old", "half").map_err(|error| Failure::io("/images/old", &error))?;
        match arguments.text("text") {
            Some("panic") => panic!("in the middle"),
            Some("fail") => Err(Failure::new(FailureCode::Internal, "it went wrong")),
            Some("loop") => loop {
                std::hint::black_box(());
            },
            _ => Ok(u8::try_from(arguments.number("status").unwrap_or(0)).unwrap_or(1)),
        }
    }
}
