//! Whatever is imported is read by the reader of `metadata/layout.yaml`, and passes its checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|texts: Vec<String>| {
    let name = |(number, text): (usize, String)| (format!("{number:02}-part.conf"), text);
    let files: Vec<(String, String)> = texts.into_iter().take(8).enumerate().map(name).collect();
    match skiff_layout::from_repart(&files) {
        Ok((layout, notes)) => {
            layout.check().expect("imports are checked");
            let yaml = skiff_layout::to_yaml(&layout);
            let read = board::read(&yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
            assert_eq!(read.partitions.len(), layout.partitions.len());
            assert!(notes.iter().all(|note| !note.chars().any(char::is_control)), "{notes:?}");
        }
        Err(error) => assert!(!error.to_string().chars().any(char::is_control), "{error:?}"),
    }
});
