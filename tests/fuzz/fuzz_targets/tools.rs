//! The matcher of tool arguments lets pass what a regular expression made of the same patterns lets pass, and nothing else.
#![no_main]

use regex::Regex;
use skiff_layers::ArgumentPattern;
use skiff_layers::PatternPiece;

libfuzzer_sys::fuzz_target!(|input: (Vec<String>, Vec<String>)| {
    let (patterns, words) = input;
    let patterns: Vec<ArgumentPattern> =
        patterns.iter().take(6).filter_map(|text| ArgumentPattern::parse(text).ok()).collect();
    let known = |piece: &PatternPiece| !matches!(piece, PatternPiece::Path(_) | PatternPiece::Given(_));
    if !patterns.iter().all(|pattern| pattern.words.iter().flatten().all(known)) {
        return;
    }
    let words: Vec<&str> = words.iter().take(8).map(String::as_str).filter(|word| !word.contains('\n')).collect();
    let groups: Vec<String> = patterns.iter().map(group).collect();
    let Ok(expected) = Regex::new(&format!("^(?:{})*$", groups.join("|"))) else { return };
    let joined: String = words.iter().map(|word| format!("{word}\n")).collect();
    assert_eq!(skiff_runtime::fit(&patterns, &words), expected.is_match(&joined), "{groups:?} {words:?}");
});

/// A line end stands behind each word.
fn group(pattern: &ArgumentPattern) -> String {
    let word = |pieces: &Vec<PatternPiece>| {
        let mut text = String::new();
        for (at, piece) in pieces.iter().enumerate() {
            text += &match piece {
                PatternPiece::Literal(literal) => regex::escape(literal),
                PatternPiece::Int => "[0-9]{1,20}".into(),
                // What starts with a dash would be an option.
                PatternPiece::Word if at == 0 => "[A-Za-z0-9._+:@%][A-Za-z0-9._+:@%-]*".into(),
                PatternPiece::Word => "[A-Za-z0-9._+:@%-]+".into(),
                PatternPiece::Text => r"[^\p{Cc}]*".into(),
                PatternPiece::Path(_) | PatternPiece::Given(_) => unreachable!("left out above"),
            };
        }
        text + "\n"
    };
    pattern.words.iter().map(word).collect()
}
