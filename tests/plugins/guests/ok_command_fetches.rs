//! Downloads what its arguments say into its state.

use skiff_sdk::{Arguments, Command, Level, Result, Tree};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, arguments: &Arguments) -> Result<u8> {
        let [url, sha256] = arguments.words("words") else { return Ok(2) };
        let size = Tree::open("/state")?.fetch(url, sha256, "fetched")?;
        skiff_sdk::log(Level::Info, format!("{size} bytes"));
        Ok(0)
    }
}
