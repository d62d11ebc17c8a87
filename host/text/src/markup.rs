//! Text inside of documents.

/// Escapes a line for Markdown: nothing in it is markup, a cell of a table ends where it should, and HTML is text.
pub fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '(' | ')' | '#' | '|' | '!' | '~' | '&'
        ) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::markdown;

    #[test]
    fn markup_is_text() {
        assert_eq!(markdown("<b> | `x` [a](b)"), r"\<b\> \| \`x\` \[a\]\(b\)");
    }
}
