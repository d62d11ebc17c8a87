//! Makes files with names that somebody might stumble over, and a tree that is too deep.

use skiff_sdk::{Arguments, Command, Result};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, _: &Arguments) -> Result<u8> {
        let mut made = 0;
        let long = "n".repeat(255);
        for name in ["-rf", "--", "C:x", "COM1", "a\nb", "\u{1b}[2J", "A", "a", "\u{e9}", "e\u{301}", " ", "...", &long]
        {
            made += u8::from(std::fs::write(format!("/state/{name}"), "x").is_ok());
        }
        assert!(std::fs::write(format!("/state/{long}n"), "x").is_err());
        assert!(std::fs::write("/state/a\0b", "x").is_err());
        let mut path = String::from("/state");
        while path.len() < 60_000 && std::fs::create_dir(&path).is_ok() | (path == "/state") {
            path.push_str("/d");
        }
        Ok(made)
    }
}
