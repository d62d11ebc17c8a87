use crate::character::is_deceptive;

/// Returns a text of many lines as a terminal may show it: without control sequences, and without characters that
/// deceive, other than line ends and tabs. For logs, where a note about what was left out would only disturb.
pub fn harmless(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string();
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !is_deceptive(*c)).collect()
}

/// Returns text whose lines behind the first are indented: what starts a line is skiff's own (`error:`, `hint:`), and no
/// text of a stranger's can look like it.
pub fn indented(text: &str) -> String {
    let mut lines = Vec::new();
    for line in harmless(text).split('\n') {
        let is_own = lines.is_empty() || line.is_empty() || line.starts_with(' ');
        lines.push(if is_own { line.to_owned() } else { format!("  {line}") });
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::harmless;
    use super::indented;

    #[test]
    fn only_skiff_starts_lines() {
        assert_eq!(indented("a\nhint: run x\n  b\n\n\tc"), "a\n  hint: run x\n  b\n\n  \tc");
    }

    #[test]
    fn terminals_see_no_control_sequences() {
        assert_eq!(harmless("a\u{1b}[2Jb\rc\nd\te\u{202e}f\u{7}\u{ad}\u{e0041}"), "abc\nd\tef");
    }
}
