/// Makes text of a layer, a plugin or a tool harmless for a terminal: control sequences go, control characters other
/// than line end and tab, and the characters that turn the direction of writing.
pub fn harmless(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string();
    let bad = |c: char| {
        (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(|c| !bad(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn terminals_see_no_control_sequences() {
        assert_eq!(harmless("a\u{1b}[2Jb\rc\nd\te\u{202e}f\u{7}"), "abc\nd\tef");
    }
}
