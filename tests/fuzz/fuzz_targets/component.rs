//! No bytes make the compiler of components panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = skiff_runtime::compile(bytes).expect("an engine");
});
