//! Merging three layers at once, the first two first, or the last two first comes to the same, and what is written
//! reads back the same.
#![no_main]

use skiff_kconfig::Fragment;
use skiff_kconfig::Kind;
use skiff_kconfig::Merged;

fn merged(texts: &[&str]) -> Merged {
    let parse = |text: &&str| Fragment::parse(Kind::Kernel, "l", "f".into(), text).assignments;
    skiff_kconfig::merge(texts.iter().flat_map(parse))
}

fn values(merged: &Merged) -> Vec<(&str, &str)> {
    let pairs = merged.in_order().into_iter();
    pairs.map(|(symbol, entry)| (symbol.as_str(), entry.winner.value.text())).collect()
}

libfuzzer_sys::fuzz_target!(|texts: (&str, &str, &str)| {
    let all = merged(&[texts.0, texts.1, texts.2]);
    let (first, last) = (merged(&[texts.0, texts.1]).render(), merged(&[texts.1, texts.2]).render());
    assert_eq!(values(&merged(&[&all.render()])), values(&all));
    assert_eq!(values(&merged(&[&first, texts.2])), values(&all));
    assert_eq!(values(&merged(&[texts.0, &last])), values(&all));
});
