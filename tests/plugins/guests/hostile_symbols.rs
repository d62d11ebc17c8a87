//! Asks for one long value again and again in one call of the host.

use skiff_sdk::{Arguments, Command, ConfigKind, Result};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, arguments: &Arguments) -> Result<u8> {
        let count = arguments.text("text").and_then(|text| text.parse().ok()).unwrap_or(1);
        let values = skiff_sdk::symbols(ConfigKind::Buildroot, &vec!["BR2_X"; count]);
        Ok(u8::from(values.len() != count))
    }
}
