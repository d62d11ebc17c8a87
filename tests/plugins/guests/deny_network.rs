//! Wants to talk to the network.

use skiff_sdk::{Arguments, Command, Result};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, _: &Arguments) -> Result<u8> {
        Ok(u8::from(std::net::TcpStream::connect("127.0.0.1:22").is_err()))
    }
}
