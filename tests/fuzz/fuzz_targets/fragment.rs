//! No text makes the parser of fragments panic, and every line is accounted for.
#![no_main]

use skiff_kconfig::Fragment;
use skiff_kconfig::Kind;
use skiff_kconfig::SymbolType;

libfuzzer_sys::fuzz_target!(|text: &str| {
    for kind in Kind::ALL {
        let known = Fragment::parse_with(kind, "l", "f".into(), text, |_| true);
        // What is defined is no problem, and any comment may then be about it.
        let fragment = Fragment::parse(kind, "l", "f".into(), text);
        assert!(fragment.assignments.len() + fragment.problems.len() <= text.split('\n').count());
        assert!(known.problems.len() <= fragment.problems.len());
        assert!(known.assignments.len() >= fragment.assignments.len());
        for assignment in fragment.assignments {
            assert!(assignment.symbol.as_str().starts_with(kind.prefix()));
            for kind in SymbolType::ALL {
                let _ = assignment.value.read(kind);
            }
        }
    }
});
