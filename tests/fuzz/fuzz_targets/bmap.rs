//! No block map costs more than its size, and whatever is accepted is in the image, in rising order.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(map) = skiff_layout::Bmap::parse(text) else { return };
    let mut end = 0;
    for (range, digest) in &map.ranges {
        assert!(range.start >= end && range.start < range.end && range.end <= map.image_size);
        assert!(digest.as_ref().is_none_or(|digest| digest.len() == map.digest.bytes()));
        end = range.end;
    }
    let written = map.text();
    assert_eq!(skiff_layout::Bmap::parse(&written).expect("what skiff writes is a map").ranges, map.ranges);
});
