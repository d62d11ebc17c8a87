//! Wants to change files through WASI where it may only read, and to move and link files between its folders.

use std::fs;

use skiff_sdk::{Arguments, Command, Failure, FailureCode, Result};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, _: &Arguments) -> Result<u8> {
        let write = |path: &str| fs::OpenOptions::new().write(true).open(path).map(drop);
        fs::write("/state/own", "own").map_err(|error| Failure::io("/state/own", &error))?;
        let done: Vec<(&str, std::io::Result<()>)> = vec![
            ("write", write("/layer/parts/data")),
            ("truncate", fs::OpenOptions::new().write(true).truncate(true).open("/layer/parts/data").map(drop)),
            ("append", fs::OpenOptions::new().append(true).open("/layer/parts/data").map(drop)),
            ("create", fs::write("/layer/parts/new", "x")),
            ("remove", fs::remove_file("/layer/parts/data")),
            ("make a folder", fs::create_dir("/layer/parts/folder")),
            ("rename", fs::rename("/layer/parts/data", "/layer/parts/moved")),
            ("rename out", fs::rename("/layer/parts/data", "/state/moved")),
            ("rename in", fs::rename("/state/own", "/layer/parts/moved")),
            ("rename with a slash", fs::rename("/state/own/", "/layer/parts/moved/")),
            ("link out", fs::hard_link("/layer/parts/data", "/state/linked")),
            ("link in", fs::hard_link("/state/own", "/layer/parts/linked")),
            (
                "set a time",
                fs::File::open("/layer/parts/data")
                    .and_then(|file| file.set_modified(std::time::SystemTime::UNIX_EPOCH)),
            ),
            ("set a length", fs::File::open("/layer/parts/data").and_then(|file| file.set_len(0))),
            ("escape", write("/state/../../../../../etc/hostname")),
            ("absolute", write("/etc/hostname")),
            ("through a link", write("/state/out/victim")),
        ];
        let wrong: Vec<&str> = done.iter().filter(|(_, result)| result.is_ok()).map(|(name, _)| *name).collect();
        match wrong.is_empty() {
            true => Ok(0),
            false => Err(Failure::new(FailureCode::Internal, format!("it was able to: {}", wrong.join(", ")))),
        }
    }
}
