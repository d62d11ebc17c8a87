//! Talks to the host with bindings of its own: asks for more random bytes than there is memory, and uses handles that it
//! was never given or has let go of.

use skiff_sdk::{Arguments, Command, Result};

wit_bindgen::generate!({
    inline: "
        package test:raw;
        world raw {
            import wasi:random/random@0.2.6;
            import skiff:host/report@1.0.0;
            import skiff:host/storage@1.0.0;
        }
        package wasi:random@0.2.6 {
            interface random {
                get-random-bytes: func(len: u64) -> list<u8>;
                get-random-u64: func() -> u64;
            }
        }
    ",
    path: ["../../wit/host"],
    generate_all,
});

use skiff::host::report::Task;
use skiff::host::storage::Tree;

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, arguments: &Arguments) -> Result<u8> {
        match arguments.text("text") {
            Some("random") => drop(std::hint::black_box(wasi::random::random::get_random_bytes(1 << 63))),
            // SAFETY: there is no such handle, which the host has to notice.
            Some("foreign") => unsafe { Task::from_handle(77) }.advance(1),
            Some("stale") => {
                let task = Task::new("work", None);
                let number = task.handle();
                drop(task);
                // SAFETY: the handle was let go of, which the host has to notice.
                unsafe { Task::from_handle(number) }.advance(1);
            }
            Some("other") => {
                let task = Task::new("work", None);
                // SAFETY: the handle is one of something else, which the host has to notice.
                let tree = unsafe { Tree::from_handle(task.handle()) };
                let _ = tree.digest("");
            }
            _ => {}
        }
        Ok(0)
    }
}
