//! Text of manifests in Markdown: it is text there, never markup.

/// Returns a line of text in which nothing is markup, also in a cell of a table.
pub(crate) fn text(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len());
    for c in line.chars() {
        if c.is_ascii_punctuation()
            && !matches!(c, '\'' | '"' | '(' | ')' | ',' | '.' | ':' | ';' | '/' | '?' | '%' | '-')
        {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    // These are markup where a block starts only.
    match escaped.starts_with('-') {
        true => format!("\\{escaped}"),
        false => escaped,
    }
}

/// Returns a line as code, also in a cell of a table: between more backticks than it holds in a row.
pub(crate) fn code(line: &str) -> String {
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A backtick at an end would become part of the fence.
    let space = if line.starts_with('`') || line.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{}{space}{fence}", line.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(text("a <b>|`c` [d](e) *f* g_h"), r"a \<b\>\|\`c\` \[d\](e) \*f\* g\_h");
        assert_eq!(text("- x"), r"\- x");
        assert_eq!(text("plain, as usual: 5 % (a/b)."), "plain, as usual: 5 % (a/b).");
    }

    #[test]
    fn code_ends_where_it_ends() {
        assert_eq!(code("-A {word}"), "`-A {word}`");
        assert_eq!(code("` | x"), r"`` ` \| x ``");
        assert_eq!(code("a``b"), "```a``b```");
    }
}
