use crate::character::is_deceptive;

/// Returns a text of many lines as a terminal may show it: without control sequences, and without characters that
/// deceive, other than line ends and tabs. For logs, where a note about what was left out would only disturb.
pub fn harmless(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string();
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !is_deceptive(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn terminals_see_no_control_sequences() {
        assert_eq!(harmless("a\u{1b}[2Jb\rc\nd\te\u{202e}f\u{7}\u{ad}\u{e0041}"), "abc\nd\tef");
    }
}
