//! Starts tasks, opens folders and files, and lets go of none.

use skiff_sdk::{Arguments, Command, Progress, Result, Tree};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, arguments: &Arguments) -> Result<u8> {
        for number in 0..1_000_000 {
            match arguments.text("text") {
                Some("trees") => keep(Tree::open("/state")?),
                Some("files") => keep(std::fs::File::create(format!("/state/{}", number % 10))),
                _ => keep(Progress::start(&format!("task {number}"), Some(1))),
            }
        }
        Ok(0)
    }
}

/// Never lets go of a thing, so that its handle stays open on the host.
fn keep<T>(thing: T) {
    Box::leak(Box::new(thing));
}
