//! Tries every way out of the one folder that it may read, and reports the ways that were open.

use std::fs;

use skiff_sdk::{Arguments, Command, Failure, FailureCode, Result};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, _: &Arguments) -> Result<u8> {
        let mut open = Vec::new();
        for path in [
            "/",
            "/etc/passwd",
            "/proc/self/environ",
            "/layer/../secret",
            "/layer/../../../../etc/passwd",
            "/layer/link-out",
            "/layer/link-dir/passwd",
            "/target/etc/passwd",
            "/images",
            "/state",
            ".",
            "..",
        ] {
            if fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) && fs::read(path).is_ok() {
                open.push(format!("read {path}"));
            }
            if fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
                open.push(format!("list {path}"));
            }
        }
        for path in ["/layer/new", "/layer/data", "/new", "/target/new", "/state/new"] {
            if fs::write(path, "changed").is_ok() {
                open.push(format!("write {path}"));
            }
        }
        if fs::rename("/layer/data", "/layer/moved").is_ok()
            || fs::hard_link("/layer/data", "/layer/linked").is_ok()
            || fs::remove_file("/layer/data").is_ok()
            || fs::create_dir("/layer/folder").is_ok()
        {
            open.push("change /layer".into());
        }
        if std::env::vars().next().is_some() {
            open.push("environment".into());
        }
        if fs::read_to_string("/layer/data").ok().as_deref() != Some("data") {
            return Err(Failure::new(FailureCode::Missing, "cannot read what it may read"));
        }
        match open.is_empty() {
            true => Ok(0),
            false => Err(Failure::new(FailureCode::Internal, open.join(", "))),
        }
    }
}
