//! No text makes the reader of dependencies panic, and every name that it takes is one.
#![no_main]

use std::path::Path;

use skiff_layers::LayerName;
use skiff_layers::parse_dependencies;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(names) = parse_dependencies(Path::new("f"), text) {
        for (name, at) in names {
            assert!(at.line.is_some_and(|line| (1..=text.lines().count()).contains(&line)));
            assert!(name.as_str().parse::<LayerName>().is_ok());
            // Half of a name may have dots in it, but none leads out of a folder.
            assert!(name.as_str().split('/').all(|half| !matches!(half, "" | "." | "..")));
        }
    }
});
