//! No text makes the parser of fragments panic, and every line is accounted for.
#![no_main]

use skiff_kconfig::Fragment;
use skiff_kconfig::Kind;

libfuzzer_sys::fuzz_target!(|text: &str| {
    for kind in Kind::ALL {
        let fragment = Fragment::parse(kind, "l", "f".into(), text);
        assert!(fragment.assignments.len() + fragment.problems.len() <= text.split('\n').count());
        for assignment in fragment.assignments {
            assert!(assignment.symbol.as_str().starts_with(kind.prefix()));
            let _ = assignment.value.string();
        }
    }
});
