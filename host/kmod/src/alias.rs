//! Aliases of modules: patterns of the devices and names that a module serves.

/// Bytes that a key of an index may have: libkmod looks a name up in a buffer of this size and a NUL.
pub(crate) const MAX_KEY: usize = 4095;

/// Returns the alias as a key of an index: libkmod replaces `-` by `_` in a name before it looks it up, but not in a range
/// of characters such as `[0-9]`. Returns `None` if a bracket lacks its counterpart; `depmod` leaves such an alias out.
pub(crate) fn key_of(alias: &str) -> Option<String> {
    let mut key = String::with_capacity(alias.len());
    let mut in_range = false;
    for character in alias.chars() {
        match character {
            '[' => in_range = true,
            ']' if !in_range => return None,
            ']' => in_range = false,
            _ => {}
        }
        key.push(if character == '-' && !in_range { '_' } else { character });
    }
    (!in_range).then_some(key)
}

/// Returns whether a line of an index can hold this text.
pub(crate) fn is_plain(text: &[u8]) -> bool {
    text.len() <= MAX_KEY && text.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

/// Returns whether a line of an index can hold this text as one of several words.
pub(crate) fn is_word(text: &[u8]) -> bool {
    !text.is_empty() && text.len() <= MAX_KEY && text.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyphens_become_underscores_outside_of_brackets_only() {
        let key = |alias| key_of(alias);
        assert_eq!(key("char-major-10-200").unwrap(), "char_major_10_200");
        assert_eq!(key("usb:v0BDApd[0-5]*-x[A-C-]").unwrap(), "usb:v0BDApd[0-5]*_x[A-C-]");
        assert_eq!(key("a[[-b]-c").unwrap(), "a[[-b]_c");
        for unmatched in ["a]", "a[b", "[a]b]", "["] {
            assert!(key(unmatched).is_none(), "{unmatched}");
        }
    }

    #[test]
    fn what_would_break_a_line_is_not_plain() {
        assert!(is_plain(b"pre: a post: b") && is_plain(b"") && is_word(b"a[0-9]*"));
        for text in [&b"a\nb"[..], b"a\0", b"\xe4", b"\x7f", &[b'a'; 4096]] {
            assert!(!is_plain(text) && !is_word(text));
        }
        assert!(!is_word(b"a b") && !is_word(b""));
    }
}
