//! Whatever is imported is read by the reader of `metadata/layout.yaml`, and passes its checks.
#![no_main]

use skiff_layout::Surroundings;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (variable, include) =
        (|name: &str| Some(name.to_owned()), |_: &str| Ok("image a.vfat { vfat {} size = 1M }\n".to_owned()));
    let around = Surroundings { variable: &variable, include: &include };
    match skiff_layout::from_genimage("genimage.cfg", text, &around) {
        Ok((layout, notes)) => {
            layout.check().expect("imports are checked");
            let yaml = skiff_layout::to_yaml(&layout);
            let read = board::read(&yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
            assert_eq!((read.partitions.len(), read.raw.len()), (layout.partitions.len(), layout.raw.len()));
            assert!(notes.iter().all(|note| !note.chars().any(char::is_control)), "{notes:?}");
        }
        Err(error) => assert!(!error.to_string().chars().any(char::is_control), "{error:?}"),
    }
});
