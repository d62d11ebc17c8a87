//! Starts tasks, opens folders and files, and lets go of none.

use skiff_sdk::{Arguments, Command, Progress, Result, Tree};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, arguments: &Arguments) -> Result<i32> {
        for number in 0..1_000_000 {
            match arguments.text("text") {
                Some("trees") => std::mem::forget(Tree::open("/state")?),
                Some("files") => std::mem::forget(std::fs::File::create(format!("/state/{}", number % 10))),
                _ => std::mem::forget(Progress::start(&format!("task {number}"), Some(1))),
            }
        }
        Ok(0)
    }
}
